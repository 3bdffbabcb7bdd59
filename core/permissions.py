"""Who may do what: the one question that services ask before they act."""

from django.contrib.auth.models import Permission
from django.db import models
from django.db.models import Exists, OuterRef, Q
from guardian.models import GroupObjectPermission, UserObjectPermission

from core.errors import DomainError
from core.models import User


class NotPermitted(DomainError):
    """The actor lacks the permission, is deactivated, or belongs to another casino."""

    code = "NOT_PERMITTED"


def has_permission(actor: User, permission: str, on: models.Model) -> bool:
    """Whether `actor` holds `permission` ("app.codename") globally or on the object `on`, in its own casino.

    Asked from the database each time, in one statement, and never from what `actor` remembers: a permission that was
    revoked, or a member of staff who was deactivated, between page and post counts at once. Staff of another casino are
    refused even with a global grant; staff without a casino (the house's own) work in all.
    """
    app_label, codename = permission.split(".")
    granted = Permission.objects.filter(content_type__app_label=app_label, codename=codename).order_by()
    on_object = {"permission": OuterRef("pk"), "object_pk": str(on.pk)}
    in_groups = User.groups.through.objects.filter(user=actor.pk).values("group")
    held = granted.filter(
        Exists(User.user_permissions.through.objects.filter(permission=OuterRef("pk"), user=actor.pk))
        | Q(group__in=in_groups)
        | Exists(UserObjectPermission.objects.filter(user=actor.pk, **on_object))
        | Exists(GroupObjectPermission.objects.filter(group__in=in_groups, **on_object))
    )
    allowed: bool = (
        User.objects.filter(pk=actor.pk, is_active=True)
        .filter(Q(casino=None) | Q(casino=on.casino_id))  # type: ignore[attr-defined]
        .filter(Q(is_superuser=True) | Exists(held))
        .exists()
    )
    return allowed


def require_permission(actor: User, permission: str, on: models.Model) -> None:
    """Refuse who may not.

    :raises NotPermitted: `has_permission` says no.
    """
    if not has_permission(actor, permission, on):
        raise NotPermitted(f"You do not hold the permission “{permission}” on {on}. Ask a supervisor to grant it.")
