"""The rights of the application and of the reader on each table; the owner needs none.

Every table is listed: one that is not is closed to both. The application deletes only sessions, sign-in attempts,
roles, memberships and grants.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class TableRights:
    """The rights of the two roles on one table."""

    application: frozenset[str]
    fixed: frozenset[str] = frozenset()
    """Columns that the application may not UPDATE; none where a form saves the whole row."""
    hidden: frozenset[str] | None = frozenset()
    """Columns that the reader may not see; None hides the whole table."""


_READ: Final = frozenset({"SELECT"})
_ADD: Final = frozenset({"SELECT", "INSERT"})
_CHANGE: Final = frozenset({"SELECT", "INSERT", "UPDATE"})
_DELETE: Final = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})
_LINK: Final = frozenset({"SELECT", "INSERT", "DELETE"})


def _read() -> TableRights:
    """Rows that only migrations write."""
    return TableRights(application=_READ)


def _add() -> TableRights:
    """Append-only rows."""
    return TableRights(application=_ADD)


def _change(*fixed: str) -> TableRights:
    """Rows that change, except for the `fixed` columns, and are never deleted."""
    return TableRights(application=_CHANGE, fixed=frozenset(fixed))


TABLES: Final[dict[str, TableRights]] = {
    # core
    "core_casino": _change(),
    "core_player": _change(),
    "core_user": TableRights(application=_CHANGE, hidden=frozenset({"password"})),
    "core_user_groups": TableRights(application=_LINK),
    "core_user_user_permissions": TableRights(application=_LINK),
    "core_replaycount": _change("id", "casino_id", "gaming_day", "operation"),
    "core_requestorigin": _add(),
    "core_lease": _change("name"),
    # loyalty
    "loyalty_ledger": _add(),
    "loyalty_earningrate": _add(),
    "loyalty_tier": _add(),
    "loyalty_loyaltyprogram": _change(),
    "loyalty_programpause": _change("id", "program_id", "paused_by_id", "paused_at", "reason", "correlation_id"),
    "loyalty_playerloyalty": _change("id", "player_id", "program_id"),
    "loyalty_ledgerexport": _change("id", "casino_id", "staff_id", "filters", "correlation_id", "started_at"),
    "loyalty_checkpoint": _add(),
    "loyalty_sealedaccount": _add(),
    "loyalty_ledgerverification": _add(),
    "loyalty_balancerebuild": _add(),
    # ratingslips
    "ratingslips_pit": _change(),
    "ratingslips_gamesettings": _change(),
    "ratingslips_gamingtable": _change(),
    "ratingslips_ratingslip": _change(
        "id", "casino_id", "slip_number", "player_id", "opened_at", "opened_by_id", "gaming_day"
    ),
    "ratingslips_playsegment": _change(
        *("id", "slip_id", "seq", "table_id", "seat", "average_bet", "house_edge_percent", "decisions_per_hour"),
        *("started_at", "started_as", "started_by_id", "start_correlation_id"),
    ),
    "ratingslips_sliprequest": _add(),
    "ratingslips_driftcheck": _change("id", "casino_id"),
    # config.demo, which production does not install
    "config_demorun": _change("id", "casino_id"),
    # Django, axes and guardian
    "django_migrations": _read(),
    "django_content_type": _read(),
    "django_admin_log": _add(),
    "django_session": TableRights(application=_DELETE, hidden=None),
    "auth_permission": _read(),
    "auth_group": TableRights(application=_DELETE),
    "auth_group_permissions": TableRights(application=_LINK),
    "guardian_userobjectpermission": TableRights(application=_DELETE),
    "guardian_groupobjectpermission": TableRights(application=_DELETE),
    "axes_accessattempt": TableRights(application=_DELETE, hidden=frozenset({"get_data", "post_data"})),
    "axes_accessattemptexpiration": TableRights(application=_DELETE),
    "axes_accesslog": TableRights(application=_CHANGE, hidden=frozenset({"session_hash"})),
    "axes_accessfailurelog": _add(),
}

# Sequences that the application uses itself; the sequence of an identity column needs no right.
SEQUENCES: Final = frozenset({"ratingslips_slip_number"})
