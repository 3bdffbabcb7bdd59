"""The console's pages of staff and roles."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import (
    AdminPasswordChangeForm,
    ReadOnlyPasswordHashField,
    UserChangeForm,
    UserCreationForm,
)
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.forms import ModelMultipleChoiceField, TextInput
from django.http import HttpRequest

from core.console.change_forms import VersionedForms
from core.console.display import active_pill
from core.console.lists import OwnCasinoFilter
from core.console.login import PasswordAlone
from core.console.readable import ReadableLists
from core.console.scope import ConsoleAdmin, staff_of
from core.console.widgets import NoLabelSuffix, PasswordLink, PlainForms, PlayerByCardField
from core.models import User
from core.roles import ROLES

if TYPE_CHECKING:
    DjangoUserAdmin = UserAdmin[User]
    _PermissionsField = ModelMultipleChoiceField[Permission]
else:
    DjangoUserAdmin = UserAdmin
    _PermissionsField = ModelMultipleChoiceField


class StaffForm(UserChangeForm):  # type: ignore[type-arg]
    """Django's form, with a link to the password form in place of the hash."""

    password = ReadOnlyPasswordHashField(label="Password", widget=PasswordLink, help_text="")


class StaffPasswordForm(NoLabelSuffix, PasswordAlone, AdminPasswordChangeForm):  # type: ignore[type-arg]
    """Django's form without the choice "no password": to keep staff from signing in, make them inactive."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.pop("usable_password", None)


# Label and help text of Django's own fields.
_STAFF_FIELDS: dict[str, tuple[str, str]] = {
    "username": ("User name", "Used to sign in: letters, digits and @ . + - _, at most 150."),
    "email": ("E-mail", ""),
    "is_active": ("Active", "Deactivate staff who have left, and never delete them: what they did keeps their name."),
    "is_staff": ("May sign in to the console", ""),
    "is_superuser": ("Superuser", "May do everything in their casino, or in all casinos if they belong to none."),
    "groups": ("Roles", "Roles open pages. Permissions to act are granted on the page of each pit and programme."),
}


class RoleFilter(admin.RelatedFieldListFilter):
    """Django's filter, titled "role"."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "role"


@admin.register(User)
class StaffAdmin(ConsoleAdmin[User], DjangoUserAdmin):
    """Members of staff.

    Staff who are no superusers manage the staff of their own casino but not themselves, and grant no role that
    holds a permission which they lack.
    """

    casino_lookup = "casino"
    form = StaffForm
    add_form = UserCreationForm
    add_form_template = None
    change_password_form = StaffPasswordForm
    list_display = ("username", "first_name", "last_name", "casino", "roles", "state")
    list_filter = ("is_active", ("groups", RoleFilter), ("casino", OwnCasinoFilter))
    list_select_related = ("casino",)
    filter_horizontal = ()
    ordering = ("username",)
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Who", {"fields": ("first_name", "last_name", "email", "casino", "player")}),
        ("Access", {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (
            None,
            {
                "classes": ("wide",),
                "fields": ("username", "casino", "is_staff", "password1", "password2"),
            },
        ),
    )

    @admin.display(description="roles")
    def roles(self, user: User) -> str:
        return ", ".join(["Superuser"] * user.is_superuser + [group.name for group in user.groups.all()])

    @admin.display(description="state", ordering="is_active")
    def state(self, user: User) -> str:
        return active_pill(user)

    def get_queryset(self, request: HttpRequest) -> "QuerySet[User]":
        return super().get_queryset(request).prefetch_related("groups")

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        fields = tuple(field for field in super().get_readonly_fields(request, obj) if field != "casino")
        actor = staff_of(request)
        keeps_casino = obj is not None and not _may_choose_casino(actor)
        kept = (*(() if actor.is_superuser else ("is_superuser",)), *(("casino",) if keeps_casino else ()))
        return (*fields, "last_login", "date_joined", *kept)

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Django's, without the link to the password form for staff who may not open that form."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        return [
            (title, {**options, "fields": tuple(name for name in options["fields"] if name != "password")})
            for title, options in fieldsets
        ]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"is_staff": True} | super().get_changeform_initial_data(request)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if words := _STAFF_FIELDS.get(db_field.name):
            kwargs |= {"label": words[0], "help_text": words[1]}
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "player":
            kwargs |= {"form_class": PlayerByCardField, "widget": TextInput}
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        if db_field.name == "groups" and not staff_of(request).is_superuser:
            kwargs["queryset"] = Group.objects.exclude(pk__in=_groups_beyond(staff_of(request)))
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Only superusers may change superusers, themselves, or staff with a permission that the actor lacks."""
        allowed = super().has_change_permission(request, obj)
        actor = staff_of(request)
        if not allowed or actor.is_superuser or obj is None:
            return allowed
        if obj.is_superuser or obj.pk == actor.pk or obj.casino_id != actor.casino_id:
            return False
        return not obj.groups.filter(pk__in=_groups_beyond(actor)).exists()

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Put new staff into the casino of the person who adds them, unless this person may choose."""
        if not change and not _may_choose_casino(staff_of(request)):
            obj.casino_id = staff_of(request).casino_id
        super().save_model(request, obj, form, change)


def _may_choose_casino(actor: User) -> bool:
    return actor.is_superuser and actor.casino_id is None


# Staff say "role", not "group".
Group._meta.verbose_name = "role"
Group._meta.verbose_name_plural = "roles"
admin.site.unregister(Group)


class PermissionsField(_PermissionsField):
    """Permissions, shown by name only: the name contains the app and the model."""

    def label_from_instance(self, obj: Permission) -> str:
        return obj.name


@admin.register(Group)
class RoleAdmin(VersionedForms, PlainForms, ReadableLists, GroupAdmin):
    """Roles. Those named in `core.roles` are read-only: the next migration would undo a change, and deleting a
    role would delete every grant made to it.
    """

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        """Offer only permissions of models that have pages in this console."""
        kwargs |= {"form_class": PermissionsField, "help_text": ""}
        models = ContentType.objects.get_for_models(*admin.site._registry).values()
        kwargs["queryset"] = Permission.objects.filter(content_type__in=models).order_by("content_type__model", "pk")
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return super().has_change_permission(request, obj) and not _is_built_in(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not _is_built_in(obj)


def _is_built_in(role: Group | None) -> bool:
    return role is not None and role.name in ROLES


def _groups_beyond(actor: User) -> "QuerySet[Group]":
    """The roles that hold a permission which `actor` does not."""
    held = actor.get_all_permissions()
    lacking = [
        permission.pk
        for permission in Permission.objects.select_related("content_type")
        if f"{permission.content_type.app_label}.{permission.codename}" not in held
    ]
    return Group.objects.filter(permissions__in=lacking)
