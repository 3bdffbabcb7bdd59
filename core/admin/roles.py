"""The console's pages of roles."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet, prefetch_related_objects
from django.forms import ModelMultipleChoiceField
from django.http import HttpRequest

from core.admin.managing import ManagingForms
from core.console.add_forms import AddedOnce
from core.console.change_forms import VersionedForms
from core.console.readable import ReadableLists
from core.console.scope import HistoryOfChanges, staff_of
from core.console.widgets import PlainForms
from core.managing import may_change_role
from core.models import User
from core.permissions import read_held
from core.roles import ROLES

if TYPE_CHECKING:
    _PermissionsField = ModelMultipleChoiceField[Permission]
else:
    _PermissionsField = ModelMultipleChoiceField

# Staff say "role", not "group".
Group._meta.verbose_name = "role"
Group._meta.verbose_name_plural = "roles"
admin.site.unregister(Group)


class PermissionsField(_PermissionsField):
    """Permissions, shown by name only: the name contains the app and the model."""

    def label_from_instance(self, obj: Permission) -> str:
        return obj.name


@admin.register(Group)
class RoleAdmin(
    ManagingForms, AddedOnce, VersionedForms, PlainForms, ReadableLists, HistoryOfChanges[Group], GroupAdmin
):
    """Roles. Those named in `core.roles` are read-only: the next migration would undo a change, and deleting a
    role would delete every grant made to it. Roles are deleted one by one, on a page that locks the permissions of all.
    """

    actions = None

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Group | None:
        """The role of the page, with its permissions and the models that their names begin with."""
        role: Group | None = super().get_object(request, object_id, from_field)
        if role is not None:
            prefetch_related_objects([role], "permissions__content_type")
        return role

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        """Offer permissions of models that have pages in this console, of those that the sender holds globally."""
        kwargs |= {"form_class": PermissionsField, "help_text": ""}
        models = ContentType.objects.get_for_models(*admin.site._registry).values()
        offered = Permission.objects.filter(content_type__in=models).order_by("content_type__model", "pk")
        kwargs["queryset"] = offered if staff_of(request).is_superuser else _held_by(staff_of(request), offered)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return super().has_change_permission(request, obj) and self._may_change(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return super().has_delete_permission(request, obj) and self._may_change(request, obj)

    def _may_change(self, request: HttpRequest, obj: Group | None) -> bool:
        return obj is None or (obj.name not in ROLES and may_change_role(staff_of(request), obj))


def _held_by(staff: User, permissions: "QuerySet[Permission]") -> "QuerySet[Permission]":
    """Those of `permissions` that `staff` holds globally."""
    held = read_held(staff).on(None)
    rows = permissions.select_related("content_type")
    return permissions.filter(pk__in=[row.pk for row in rows if f"{row.content_type.app_label}.{row.codename}" in held])
