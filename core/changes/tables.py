"""Which tables the change log covers; every table of the product is named once, here.

The triggers of a table are made in a migration of its app, by `log_changes` in `core.changes.triggers`.
"""

from typing import Final

# What people call a row of each logged table.
LOGGED: Final = {
    "core_casino": "casino",
    "core_reasoncode": "reason code",
    "core_casino_second_factor_roles": "second factor required of a role",
    "core_secondfactor": "second factor",
    "core_recoverycode": "recovery code",
    "core_player": "player",
    "core_user": "member of staff",
    "core_staffcard": "card of staff",
    "core_user_groups": "role of staff",
    "core_user_user_permissions": "permission of staff",
    "auth_group": "role",
    "auth_group_permissions": "permission of a role",
    "guardian_userobjectpermission": "permission granted to staff",
    "guardian_groupobjectpermission": "permission granted to a role",
    "loyalty_loyaltyprogram": "loyalty programme",
    "loyalty_programpause": "pause of a programme",
    "loyalty_earningrate": "earning rate",
    "loyalty_tier": "tier",
    "loyalty_comptype": "comp type",
    "ratingslips_pit": "pit",
    "ratingslips_gamesettings": "game",
    "ratingslips_gamevalues": "values of a game",
    "ratingslips_gamingtable": "table",
}

# Rows without a name of their own: the rows that they refer to have one.
JOINING: Final = frozenset(
    {
        "core_casino_second_factor_roles",
        "core_recoverycode",
        "core_staffcard",
        "core_user_groups",
        "core_user_user_permissions",
        "auth_group_permissions",
        "guardian_userobjectpermission",
        "guardian_groupobjectpermission",
    }
)

# Roles belong to no casino, and all casinos use them.
SHARED: Final = ("auth_group", "auth_group_permissions")

# What staff are, hold and sign in with: shown to those who may view staff.
ABOUT_STAFF: Final = frozenset(
    {
        "core_user",
        "core_user_groups",
        "core_user_user_permissions",
        "core_secondfactor",
        "core_recoverycode",
        "auth_group",
        "auth_group_permissions",
        "guardian_userobjectpermission",
        "guardian_groupobjectpermission",
    }
)

_APPEND_ONLY: Final = "its rows are append-only, and each says who wrote it"
_COMPLETED_ONCE: Final = "its rows are completed once, and say by whom"
_WRITTEN_BY_THE_CONSOLE: Final = "the application may only add rows, and each says who did what"
_BY_MIGRATIONS: Final = "only migrations write it"

NOT_LOGGED: Final = {
    "core_change": "it is the change log",
    "core_replaycount": "it counts, and decides nothing",
    "core_commandoperation": "it counts, and decides nothing",
    "core_requestorigin": _APPEND_ONLY,
    "core_signinevent": _APPEND_ONLY,
    "core_sentform": _APPEND_ONLY,
    "core_session": "it holds secrets, and is deleted when it ends",
    "core_namesake": _COMPLETED_ONCE,
    "core_lease": "it decides which process works, and no point",
    "core_jobrun": "it says when a job was done, and decides nothing",
    "loyalty_ledger": _APPEND_ONLY,
    "loyalty_playerloyalty": "it repeats what the ledger says, which the hash chain and the invariants check",
    "loyalty_ledgerexport": _COMPLETED_ONCE,
    "loyalty_checkpoint": _APPEND_ONLY,
    "loyalty_sealedaccount": _APPEND_ONLY,
    "loyalty_sealedchange": _APPEND_ONLY,
    "loyalty_ledgerverification": _APPEND_ONLY,
    "loyalty_balancerebuild": _APPEND_ONLY,
    "loyalty_compslipprint": _APPEND_ONLY,
    "loyalty_comptotal": "it repeats what the ledger says, which the invariants check",
    "ratingslips_ratingslip": "its history is in its segments, requests and corrections",
    "ratingslips_playsegment": _COMPLETED_ONCE,
    "ratingslips_sliprequest": _APPEND_ONLY,
    "ratingslips_slipcorrection": _APPEND_ONLY,
    "ratingslips_moneyrow": _APPEND_ONLY,
    "ratingslips_driftcheck": "it says when a check ran, and decides nothing",
    "config_demorun": "production does not have it",
    "django_migrations": _BY_MIGRATIONS,
    "django_content_type": _BY_MIGRATIONS,
    "auth_permission": _BY_MIGRATIONS,
    "django_admin_log": _WRITTEN_BY_THE_CONSOLE,
}
