"""The roles of the house, as groups, and the account that scheduled commands act with.

A role lets its members open the pages of their work. What they may *do* is granted on a pit or a programme, in the
admin, to a person or to a group; only the operator's permissions hold everywhere.
"""

from typing import Any, Final

from django.contrib.auth.models import Group, Permission

from core.models import User

PIT_BOSS: Final = "Pit boss"
PIT_SUPERVISOR: Final = "Pit supervisor"
LOYALTY_SUPERVISOR: Final = "Loyalty supervisor"
AUDITOR: Final = "Auditor"
OPERATOR: Final = "Operator"

SYSTEM_USERNAME: Final = "system"

_FLOOR: Final = (
    "core.view_casino",
    "core.view_player",
    "loyalty.view_playerloyalty",
    "loyalty.view_ledgerentry",
    "ratingslips.view_pit",
    "ratingslips.view_gamingtable",
    "ratingslips.view_gamesettings",
    "ratingslips.view_ratingslip",
    "ratingslips.view_playsegment",
)
_LOYALTY: Final = (
    *_FLOOR,
    "core.view_replaycount",
    "loyalty.view_loyaltyprogram",
    "loyalty.view_earningrate",
    "loyalty.view_tier",
    "loyalty.view_ledgerverification",
    "loyalty.view_checkpoint",
    "loyalty.view_balancerebuild",
)
_EXPORTS: Final = ("loyalty.export_ledger", "loyalty.view_ledgerexport")

PERMISSIONS_OF_ROLE: Final[dict[str, tuple[str, ...]]] = {
    PIT_BOSS: _FLOOR,
    PIT_SUPERVISOR: (
        *_LOYALTY,
        "core.add_player",
        "core.change_player",
        "ratingslips.add_gamingtable",
        "ratingslips.change_gamingtable",
        "ratingslips.change_pit",
    ),
    LOYALTY_SUPERVISOR: (*_LOYALTY, *_EXPORTS, "core.add_player", "core.change_player"),
    AUDITOR: (*_LOYALTY, *_EXPORTS, "core.view_user"),
    OPERATOR: (*_LOYALTY, "ratingslips.operate_pit", "ratingslips.recover_loyalty", "loyalty.rebuild_balances"),
}


def set_roles(**_signal: Any) -> None:
    """Make every role, with exactly its permissions, and the system account; run after each migrate and flush.

    A permission of an app that has not been migrated yet is set by that app's own turn of the signal.
    """
    permissions = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in Permission.objects.select_related("content_type")
    }
    for role, names in PERMISSIONS_OF_ROLE.items():
        group, _ = Group.objects.get_or_create(name=role)
        group.permissions.set([permissions[name] for name in names if name in permissions])
    system_account().groups.add(Group.objects.get(name=OPERATOR))


def system_account() -> User:
    """The account that commands act with; it cannot sign in."""
    system: User
    system, created = User.objects.get_or_create(username=SYSTEM_USERNAME, defaults={"first_name": "System"})
    if created:
        system.set_unusable_password()
        system.save(update_fields=["password"])
    return system
