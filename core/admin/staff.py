"""The console's pages of staff and roles."""

from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets, unquote
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import (
    AdminPasswordChangeForm,
    ReadOnlyPasswordHashField,
    UserChangeForm,
    UserCreationForm,
)
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join

from core.admin.login import PasswordAlone
from core.admin.managing import ManagingForms
from core.console.asking_again import asks_again
from core.console.display import NOTHING, active_pill
from core.console.links import link_to
from core.console.lists import OwnCasinoFilter
from core.console.scope import ConsoleAdmin, staff_of
from core.console.widgets import NoLabelSuffix, PasswordLink
from core.keys import key_of
from core.managing import lock_permissions, may_deactivate, may_manage
from core.models import User
from core.permissions import roles_beyond
from core.querysets import LockingQuerySet
from core.transactions import operation

if TYPE_CHECKING:
    DjangoUserAdmin = UserAdmin[User]
else:
    DjangoUserAdmin = UserAdmin


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
    "provider_subject": ("Subject at the identity provider", "Empty unless this person signs in there."),
    "groups": ("Roles", "Roles open pages. Permissions to act are granted on the page of each pit and programme."),
}


_ONLY_DEACTIVATE: Final = (
    "This member of staff holds permissions that you do not hold. So you may deactivate them, and change nothing else."
)


class RoleFilter(admin.RelatedFieldListFilter):
    """Django's filter, titled "role"."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "role"


@admin.register(User)
class StaffAdmin(ManagingForms, ConsoleAdmin[User], DjangoUserAdmin):
    """Members of staff; `core.managing` says who manages whom."""

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
        ("Who", {"fields": ("first_name", "last_name", "email", "casino", "cards")}),
        ("Access", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "provider_subject")}),
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

    @admin.display(description="own cards")
    def cards(self, user: User) -> str:
        links = [(link_to(card.player),) for card in user.cards.filter(withdrawn_at=None).select_related("player")]
        return format_html_join(", ", "{}", links) or NOTHING

    @admin.display(description="state", ordering="is_active")
    def state(self, user: User) -> str:
        return active_pill(user)

    def get_queryset(self, request: HttpRequest) -> "QuerySet[User]":
        return super().get_queryset(request).prefetch_related("groups")

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        fields = tuple(field for field in super().get_readonly_fields(request, obj) if field != "casino")
        actor = staff_of(request)
        if obj is not None and not self._may_manage(request, obj):
            others = set(flatten_fieldsets(self.fieldsets)) - {"is_active", "password"}
            return self._without_refused_links(request, obj, others)
        keeps_casino = obj is not None and not _may_choose_casino(actor)
        kept = (*(() if actor.is_superuser else ("is_superuser",)), *(("casino",) if keeps_casino else ()))
        return (*fields, "last_login", "date_joined", "cards", *kept)

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Django's, without the link to the password form for staff who may not open that form."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or self._may_manage(request, obj):
            return fieldsets
        may_deactivate = self.has_change_permission(request, obj)
        return [
            (
                title,
                {
                    "fields": tuple(name for name in options["fields"] if name != "password"),
                    "description": _ONLY_DEACTIVATE if may_deactivate and "is_active" in options["fields"] else "",
                },
            )
            for title, options in fieldsets
        ]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"is_staff": True} | super().get_changeform_initial_data(request)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if words := _STAFF_FIELDS.get(db_field.name):
            kwargs |= {"label": words[0], "help_text": words[1]}
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        if db_field.name == "groups":
            kwargs["queryset"] = Group.objects.exclude(pk__in=roles_beyond(staff_of(request)))
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Whether the sender may change staff; `obj` may be managed, or at least deactivated."""
        if obj is None or not super().has_change_permission(request, obj):
            return super().has_change_permission(request, obj)
        return self._may_manage(request, obj) or may_deactivate(staff_of(request), obj)

    def _may_manage(self, request: HttpRequest, obj: User) -> bool:
        if not super().has_change_permission(request, obj):
            return False
        if request.method == "POST":  # judged each time, under the lock of all permissions
            return may_manage(staff_of(request), obj)
        known: dict[int, bool] = request.__dict__.setdefault("_may_manage", {})
        if obj.pk not in known:
            known[obj.pk] = may_manage(staff_of(request), obj)
        return known[obj.pk]

    @asks_again(before_opening=True)
    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002
        """Django's view, in one transaction that locks the account and the permissions of all."""
        if request.method != "POST":
            return self._answer_password(request, id, form_url)
        with operation("console.set_password", actor_id=request.user.pk):
            LockingQuerySet(self.model).filter(pk=key_of(unquote(id))).locked().first()
            lock_permissions()
            return self._answer_password(request, id, form_url)

    def _answer_password(self, request: HttpRequest, key: str, form_url: str) -> HttpResponse:
        person = self.get_object(request, unquote(key))
        if person is not None and not self._may_manage(request, person):
            raise PermissionDenied
        page: HttpResponse = super().user_change_password(request, key, form_url)
        return page

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Put new staff into the casino of the person who adds them, unless this person may choose."""
        if not change and not _may_choose_casino(staff_of(request)):
            obj.casino_id = staff_of(request).casino_id
        super().save_model(request, obj, form, change)


def _may_choose_casino(actor: User) -> bool:
    return actor.is_superuser and actor.casino_id is None
