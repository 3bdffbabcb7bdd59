"""The names of core's permissions, and the check of permissions by services.

Where staff work is one rule, for what they see (`core.console.scope`) and for what they do (`has_permission`):

- Staff with a casino work in that casino, superuser or not.
- Staff without a casino work in all casinos if they are superusers or operators, and in none if they are neither.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection, models

from core.errors import DomainError
from core.held import HELD_BY_ROLE, HELD_BY_STAFF, rights_of
from core.kept_queries import fetch_prepared
from core.models import User
from core.roles import OPERATOR

VIEW_CASINOS: Final = "core.view_casino"
VIEW_REASON_CODES: Final = "core.view_reasoncode"
VIEW_PLAYERS: Final = "core.view_player"
ADD_PLAYER: Final = "core.add_player"
CHANGE_PLAYER: Final = "core.change_player"
DECLARE_CARD: Final = "core.declare_card"
VIEW_STAFF_CARDS: Final = "core.view_staffcard"
VIEW_STAFF: Final = "core.view_user"
ADD_STAFF: Final = "core.add_user"
CHANGE_STAFF: Final = "core.change_user"
VIEW_ROLES: Final = "auth.view_group"
CHANGE_ROLES: Final = "auth.change_group"
VIEW_SIGN_INS: Final = "core.view_signinevent"
LIFT_LOCK: Final = "core.lift_lock"
VIEW_CHANGES: Final = "core.view_change"
EXPORT_CHANGES: Final = "core.export_change"
VIEW_REPLAYS: Final = "core.view_replaycount"

# Which permissions the actor holds here, each with the object or "" for all, and which of the players are the actor:
# one statement, for every action on the floor runs it. NULL asks about all objects.
_MAY: Final = f"""
SELECT ARRAY (
    SELECT card.player_id FROM core_staffcard AS card
    WHERE card.player_id = ANY(%(players)s::bigint[]) AND card.staff_id = %(actor)s AND card.withdrawn_at IS NULL
), (
    SELECT CASE WHEN staff.is_superuser THEN ARRAY (
        SELECT ARRAY[codename, ''] FROM unnest(%(codenames)s::text[]) AS codename
    ) ELSE ARRAY (
        SELECT ARRAY[permission.codename, COALESCE(held.object_pk, '')] FROM auth_permission AS permission
        JOIN django_content_type AS content_type ON content_type.id = permission.content_type_id
        JOIN ({HELD_BY_STAFF}) AS held ON held.permission_id = permission.id
        WHERE content_type.app_label = %(app_label)s
          AND permission.codename = ANY(%(codenames)s::text[])
          AND held.staff_id = %(actor)s
          AND (held.object_pk IS NULL OR %(object)s::text IS NULL OR held.object_pk = %(object)s)
    ) END
    FROM core_user AS staff
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
)
"""  # noqa: S608  (constants)

# What is held and not covered by what the manager holds: a global permission covers it on every object.
_NOT_COVERED: Final = f"""
NOT EXISTS (
    SELECT FROM ({HELD_BY_STAFF}) AS own
    WHERE own.staff_id = manager.id
      AND own.permission_id = held.permission_id
      AND (own.object_pk IS NULL OR own.object_pk = held.object_pk)
)
"""

_RIGHTS: Final = f"SELECT {rights_of('%(staff)s')}"

_STAFF_BEYOND: Final = f"""
SELECT staff.id
FROM core_user AS staff
JOIN core_user AS manager ON manager.id = %(manager)s AND NOT manager.is_superuser
WHERE staff.id = ANY(%(staff)s)
  AND (
    staff.is_superuser
    OR EXISTS (SELECT FROM ({HELD_BY_STAFF}) AS held WHERE held.staff_id = staff.id AND {_NOT_COVERED})
  )
"""  # noqa: S608  (constants)

_ROLES_BEYOND: Final = f"""
SELECT DISTINCT held.role_id
FROM ({HELD_BY_ROLE}) AS held
JOIN core_user AS manager ON manager.id = %(manager)s AND NOT manager.is_superuser
WHERE {_NOT_COVERED}
"""  # noqa: S608  (constants)


class NotPermitted(DomainError):
    """The actor lacks the permission, is deactivated, or belongs to another casino."""

    code = "NOT_PERMITTED"


class OwnPlay(DomainError):
    """The player account is the actor's own, as declared."""

    code = "OWN_PLAY"


def has_permission(actor: User, permission: str, on: models.Model, *, player_id: int | None = None) -> bool:
    """Whether `actor` holds `permission` ("app.codename") globally or on the object `on`, and works in its casino.

    With `player_id`, whether `actor` may do it for this player: nobody may for their own account. Each call runs one
    statement and uses only the key of `actor`. So a permission that was revoked, or a person who was deactivated, after
    the page was shown counts at once.
    """
    return permission in permissions_on(actor, on, permission, player_id=player_id)


def permissions_on(actor: User, on: models.Model, *permissions: str, player_id: int | None = None) -> frozenset[str]:
    """Those of `permissions`, all of one app, for which `has_permission` says yes, in one statement."""
    return _rights_on(on, actor, *permissions, player_id=player_id).on(on.pk)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rights:
    """What an actor holds in a casino: each permission with the key of the object, which is empty if it is global.

    `is_own` says that the player whom it is about is the actor, who may do nothing then.
    """

    casino_id: int
    held: Collection[tuple[str, str]]
    is_own: bool

    def on(self, key: int) -> frozenset[str]:
        """What the actor may do with the object of this key."""
        return frozenset() if self.is_own else self.held_on(key)

    def held_on(self, key: int) -> frozenset[str]:
        """The same, also for the actor's own account."""
        return frozenset(permission for permission, held_on in self.held if held_on in {"", str(key)})

    def require(self, permission: str, on: models.Model) -> None:
        """Refuse an actor who lacks the permission, or whose own account it is about; see `require_permission`."""
        if _casino_of(on) != self.casino_id or permission not in self.held_on(on.pk):
            name = _name_of(permission.split(".")[1], on)
            raise NotPermitted(f"You do not hold the permission “{name}” on {on}. Ask a supervisor to grant it.")
        if self.is_own:
            raise OwnPlay("This is your own account: ask a colleague to do it.")


def rights_in(casino_id: int, actor: User, *permissions: str, player_id: int | None = None) -> Rights:
    """Which of `permissions`, all of one app, `actor` holds on any objects of a casino, in one statement."""
    return rights_by_player(casino_id, actor, *permissions, players=[player_id])[player_id]


def rights_by_player(
    casino_id: int, actor: User, *permissions: str, players: Collection[int | None]
) -> dict[int | None, Rights]:
    """What `rights_in` reads, in one statement for all of `players`; the key None is for an act without a player."""
    return _ask(actor, *permissions, casino_id=casino_id, on=None, players=players)


def _rights_on(on: models.Model, actor: User, *permissions: str, player_id: int | None) -> Rights:
    return _ask(actor, *permissions, casino_id=_casino_of(on), on=on, players=[player_id])[player_id]


def _casino_of(on: models.Model) -> int:
    casino_id: int = on.casino_id  # type: ignore[attr-defined]
    return casino_id


def _ask(
    actor: User, *permissions: str, casino_id: int, on: models.Model | None, players: Collection[int | None]
) -> dict[int | None, Rights]:
    (app_label,) = {permission.split(".")[0] for permission in permissions}
    parameters = {
        "actor": actor.pk,
        "casino": casino_id,
        "app_label": app_label,
        "codenames": [permission.split(".")[1] for permission in permissions],
        "object": None if on is None else str(on.pk),
        "operator": OPERATOR,
        "players": [player_id for player_id in players if player_id is not None],
    }
    ((own_players, rows),) = fetch_prepared(_MAY, parameters)
    held = [(f"{app_label}.{codename}", key) for codename, key in rows or ()]
    return {player_id: Rights(casino_id=casino_id, held=held, is_own=player_id in own_players) for player_id in players}


def require_permission(actor: User, permission: str, on: models.Model, *, player_id: int | None = None) -> None:
    """Refuse an actor who lacks the permission, or whose own account `player_id` is.

    :raises NotPermitted: `has_permission` says no.
    :raises OwnPlay: the player account was declared as one of the actor's own; superusers are no exception.
    """
    _rights_on(on, actor, permission, player_id=player_id).require(permission, on)


def _name_of(codename: str, on: models.Model) -> str:
    """The name of a permission for people, as the page that grants it has it."""
    meta = on._meta
    usual = {f"{act}_{meta.model_name}": f"Can {act} {meta.verbose_name}" for act in meta.default_permissions}
    return (usual | dict(meta.permissions)).get(codename, codename.replace("_", " "))


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """What a member of staff holds, directly or by a role, active or not; superusers may do everything anyway.

    `by_object` has the permissions ("app.codename") of each model ("app.model") and key of an object; the key is empty
    for those that are held globally.
    """

    by_object: Mapping[tuple[str, str], Collection[str]]
    own_players: Collection[int]
    is_operator: bool

    def on(self, row: models.Model | None) -> set[str]:
        """What is held on this row, or globally if it is None."""
        if row is not None:
            return set(self.by_object.get((row._meta.label_lower, str(row.pk)), ()))
        return {permission for (_, key), held in self.by_object.items() if not key for permission in held}

    def anywhere(self) -> set[str]:
        """What is held globally or on any row."""
        return {permission for held in self.by_object.values() for permission in held}

    def keys(self, permission: str) -> set[str]:
        """The keys of the rows on which `permission` is held; an empty key means all."""
        return {key for (_, key), held in self.by_object.items() if permission in held}


def held_by(staff: User) -> Held:
    """What `staff` holds, read with their session, or once for this object of the member of staff: once in a request.

    For what pages show. A service asks the database at the moment of the act (`has_permission`).
    """
    known: Held | None = getattr(staff, "_held", None)
    if known is None:
        known = staff._held = _held(staff.held_read) if staff.held_read else read_held(staff)  # type: ignore[attr-defined]
    return known


def read_held(staff: User) -> Held:
    """Read what `staff` holds, in one statement."""
    ((read,),) = fetch_prepared(_RIGHTS, {"staff": staff.pk})
    return _held(read)


def _held(read: Any) -> Held:
    own_players, is_operator, rows = read
    by_object: dict[tuple[str, str], set[str]] = {}
    for app_label, model, codename, keys in rows:
        for key in keys.split(","):
            by_object.setdefault((f"{app_label}.{model}", key), set()).add(f"{app_label}.{codename}")
    return Held(by_object=by_object, own_players=own_players, is_operator=is_operator)


def staff_beyond(manager: User, staff: Iterable[User]) -> set[int]:
    """Read, in one statement, the keys of those of `staff` who hold a permission that `manager` does not hold.

    Global permissions, permissions on objects and those of roles count alike, also of staff who are not active. A
    superuser is beyond everybody but superusers, and nobody is beyond a superuser.
    """
    return _keys(_STAFF_BEYOND, {"manager": manager.pk, "staff": [person.pk for person in staff]})


def roles_beyond(manager: User) -> set[int]:
    """Read, in one statement, the keys of the roles that hold a permission which `manager` does not hold; see above."""
    return _keys(_ROLES_BEYOND, {"manager": manager.pk})


def _keys(statement: str, arguments: dict[str, Any]) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        return {key for (key,) in cursor.fetchall()}
