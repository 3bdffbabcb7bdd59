"""The permissions of each role, set after every migration.

A role lets its members open the pages that they need. Permissions to act are granted on a pit or a programme, in the
admin, to a person or a role. Only the operator's permissions to act apply everywhere.
"""

from typing import Any, Final

from django.apps import apps
from django.contrib.auth.models import Group, Permission

from core.permissions import (
    ADD_PLAYER,
    CHANGE_PLAYER,
    DECLARE_CARD,
    EXPORT_CHANGES,
    LIFT_LOCK,
    VIEW_CASINOS,
    VIEW_CHANGES,
    VIEW_PLAYERS,
    VIEW_REASON_CODES,
    VIEW_REPLAYS,
    VIEW_ROLES,
    VIEW_SIGN_INS,
    VIEW_STAFF,
    VIEW_STAFF_CARDS,
)
from core.roles import AUDITOR, LOYALTY_SUPERVISOR, OPERATOR, PIT_BOSS, PIT_SUPERVISOR, system_account_of
from loyalty.permissions import (
    EXPORT_LEDGER,
    REBUILD_BALANCES,
    VIEW_ACCOUNTS,
    VIEW_CHECKPOINTS,
    VIEW_COMP_TYPES,
    VIEW_EARNING_RATES,
    VIEW_ENTRIES,
    VIEW_EXPORTS,
    VIEW_PROGRAM,
    VIEW_REBUILDS,
    VIEW_TIERS,
    VIEW_VERIFICATIONS,
)
from ratingslips.permissions import (
    ADD_TABLE,
    CHANGE_PIT,
    CHANGE_TABLE,
    CORRECT_SLIP,
    OPERATE_PIT,
    RECOVER_LOYALTY,
    VIEW_GAMES,
    VIEW_PITS,
    VIEW_SEGMENTS,
    VIEW_SLIPS,
    VIEW_TABLES,
)

_FLOOR: Final = (
    VIEW_CASINOS,
    VIEW_PLAYERS,
    VIEW_ACCOUNTS,
    VIEW_ENTRIES,
    VIEW_PITS,
    VIEW_TABLES,
    VIEW_GAMES,
    VIEW_SLIPS,
    VIEW_SEGMENTS,
)
_LOYALTY: Final = (
    *_FLOOR,
    VIEW_REASON_CODES,
    VIEW_REPLAYS,
    VIEW_CHANGES,
    VIEW_PROGRAM,
    VIEW_EARNING_RATES,
    VIEW_TIERS,
    VIEW_COMP_TYPES,
    VIEW_VERIFICATIONS,
    VIEW_CHECKPOINTS,
    VIEW_REBUILDS,
)
_PLAYERS: Final = (ADD_PLAYER, CHANGE_PLAYER, DECLARE_CARD, VIEW_STAFF_CARDS)
_EXPORTS: Final = (EXPORT_LEDGER, EXPORT_CHANGES, VIEW_EXPORTS)

PERMISSIONS_OF_ROLE: Final[dict[str, tuple[str, ...]]] = {
    PIT_BOSS: _FLOOR,
    PIT_SUPERVISOR: (
        *_LOYALTY,
        *_PLAYERS,
        ADD_TABLE,
        CHANGE_TABLE,
        CHANGE_PIT,
        LIFT_LOCK,
    ),
    LOYALTY_SUPERVISOR: (*_LOYALTY, *_EXPORTS, *_PLAYERS, LIFT_LOCK),
    AUDITOR: (*_LOYALTY, *_EXPORTS, VIEW_STAFF, VIEW_STAFF_CARDS, VIEW_ROLES, VIEW_SIGN_INS),
    OPERATOR: (*_LOYALTY, OPERATE_PIT, RECOVER_LOYALTY, CORRECT_SLIP, REBUILD_BALANCES),
}


def set_roles(*, apps: Any = apps, **_signal: Any) -> None:
    """Create every role with exactly its permissions, and the system account; runs after each migrate and flush.

    A permission of an app that has not been migrated yet is set by that app's own turn of the signal. `apps` has the
    models as they are after the last migration: an earlier one may have fewer columns.
    """
    permissions = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in Permission.objects.select_related("content_type")
    }
    for role, names in PERMISSIONS_OF_ROLE.items():
        group, _ = Group.objects.get_or_create(name=role)
        group.permissions.set([permissions[name] for name in names if name in permissions])
    system_account_of(apps.get_model("core", "User")).groups.add(Group.objects.get(name=OPERATOR).pk)
