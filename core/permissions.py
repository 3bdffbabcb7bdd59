"""The names of core's permissions, and the check of permissions by services.

Where staff work is one rule, for what they see (`core.console.scope`) and for what they do (`has_permission`):

- Staff with a casino work in that casino, superuser or not.
- Staff without a casino work in all casinos if they are superusers or operators, and in none if they are neither.
"""

from typing import Final

from django.db import connection, models

from core.errors import DomainError
from core.models import User
from core.roles import OPERATOR

VIEW_CASINOS: Final = "core.view_casino"
VIEW_PLAYERS: Final = "core.view_player"
ADD_PLAYER: Final = "core.add_player"
CHANGE_PLAYER: Final = "core.change_player"
VIEW_STAFF: Final = "core.view_user"
VIEW_ROLES: Final = "auth.view_group"
VIEW_SIGN_INS: Final = "axes.view_accesslog"
VIEW_FAILED_SIGN_INS: Final = "axes.view_accessattempt"
VIEW_REPLAYS: Final = "core.view_replaycount"

# SQL because every action on the floor runs it: the ORM takes ten times as long to build the query as PostgreSQL
# takes to answer it.
_MAY: Final = """
SELECT EXISTS (
    SELECT FROM core_user AS staff
    WHERE staff.id = %(actor)s
      AND staff.is_active
      AND (
        staff.casino_id = %(casino)s
        OR staff.casino_id IS NULL AND (
            staff.is_superuser
            OR EXISTS (
                SELECT FROM core_user_groups AS member
                JOIN auth_group AS role ON role.id = member.group_id
                WHERE member.user_id = staff.id AND role.name = %(operator)s
            )
        )
      )
      AND (
        staff.is_superuser
        OR EXISTS (
            SELECT FROM auth_permission AS permission
            JOIN django_content_type AS content_type ON content_type.id = permission.content_type_id
            WHERE content_type.app_label = %(app_label)s
              AND permission.codename = %(codename)s
              AND (
                EXISTS (
                    SELECT FROM core_user_user_permissions AS held
                    WHERE held.user_id = staff.id AND held.permission_id = permission.id
                )
                OR EXISTS (
                    SELECT FROM guardian_userobjectpermission AS held
                    WHERE held.user_id = staff.id
                      AND held.permission_id = permission.id
                      AND held.object_pk = %(object)s
                )
                OR EXISTS (
                    SELECT FROM core_user_groups AS member
                    JOIN auth_group_permissions AS held ON held.group_id = member.group_id
                    WHERE member.user_id = staff.id AND held.permission_id = permission.id
                )
                OR EXISTS (
                    SELECT FROM core_user_groups AS member
                    JOIN guardian_groupobjectpermission AS held ON held.group_id = member.group_id
                    WHERE member.user_id = staff.id
                      AND held.permission_id = permission.id
                      AND held.object_pk = %(object)s
                )
              )
        )
      )
)
"""

# Every page runs it: SQL for the same reason.
_HELD_GLOBALLY: Final = """
SELECT content_type.app_label || '.' || permission.codename
FROM auth_permission AS permission
JOIN django_content_type AS content_type ON content_type.id = permission.content_type_id
WHERE permission.id IN (
    SELECT held.permission_id FROM core_user_user_permissions AS held WHERE held.user_id = %(staff)s
    UNION
    SELECT held.permission_id
    FROM core_user_groups AS member
    JOIN auth_group_permissions AS held ON held.group_id = member.group_id
    WHERE member.user_id = %(staff)s
)
"""


class NotPermitted(DomainError):
    """The actor lacks the permission, is deactivated, or belongs to another casino."""

    code = "NOT_PERMITTED"


def has_permission(actor: User, permission: str, on: models.Model) -> bool:
    """Whether `actor` holds `permission` ("app.codename") globally or on the object `on`, and works in its casino.

    Each call runs one statement and uses only the key of `actor`. So a permission that was revoked, or a person who was
    deactivated, after the page was shown counts at once.
    """
    app_label, codename = permission.split(".")
    with connection.cursor() as cursor:
        cursor.execute(
            _MAY,
            {
                "actor": actor.pk,
                "casino": on.casino_id,  # type: ignore[attr-defined]
                "app_label": app_label,
                "codename": codename,
                "object": str(on.pk),
                "operator": OPERATOR,
            },
        )
        allowed: bool = cursor.fetchone()[0]
    return allowed


def require_permission(actor: User, permission: str, on: models.Model) -> None:
    """Refuse an actor who lacks the permission.

    :raises NotPermitted: `has_permission` says no.
    """
    if not has_permission(actor, permission, on):
        name = _name_of(permission.split(".")[1], on)
        raise NotPermitted(f"You do not hold the permission “{name}” on {on}. Ask a supervisor to grant it.")


def _name_of(codename: str, on: models.Model) -> str:
    """The name of a permission for people, as the page that grants it has it."""
    meta = on._meta
    usual = {f"{act}_{meta.model_name}": f"Can {act} {meta.verbose_name}" for act in meta.default_permissions}
    return (usual | dict(meta.permissions)).get(codename, codename.replace("_", " "))


def held_globally(staff: User) -> set[str]:
    """Read, in one statement, the permissions ("app.codename") that `staff` holds globally, directly or by a role.

    Ignores whether the member of staff is active or a superuser.
    """
    with connection.cursor() as cursor:
        cursor.execute(_HELD_GLOBALLY, {"staff": staff.pk})
        return {permission for (permission,) in cursor.fetchall()}
