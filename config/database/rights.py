"""Which table the application may write in which way, and what the reader may see; the owner needs no right.

Every table must stand here: one that does not is closed to both. Rows that the application may delete are those that
nobody would miss: sessions, tries to sign in, who belongs to which role, what was granted on one row.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class TableRights:
    """What the two roles may do with one table."""

    application: frozenset[str]
    fixed: frozenset[str] = frozenset()
    """Columns that an UPDATE of the application leaves alone; none where a form saves the row, all of it at once."""
    hidden: frozenset[str] | None = frozenset()
    """Columns that the reader may not see; None for the whole table."""


_READ: Final = frozenset({"SELECT"})
_ADD: Final = frozenset({"SELECT", "INSERT"})
_CHANGE: Final = frozenset({"SELECT", "INSERT", "UPDATE"})
_DELETE: Final = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})
_LINK: Final = frozenset({"SELECT", "INSERT", "DELETE"})


def _read() -> TableRights:
    """Written by migrations alone."""
    return TableRights(application=_READ)


def _add() -> TableRights:
    """Append-only."""
    return TableRights(application=_ADD)


def _change(*fixed: str) -> TableRights:
    """Rows that are kept for ever and change, but for the `fixed` columns."""
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
    # loyalty
    "loyalty_ledger": _add(),
    "loyalty_earningrate": _add(),
    "loyalty_tier": _add(),
    "loyalty_loyaltyprogram": _change(),
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
    # config
    "config_demorun": _change("id", "casino_id"),
    # What Django, axes and guardian keep
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

# Numbers that the application draws; the key of a row needs no right of its own.
SEQUENCES: Final = frozenset({"ratingslips_slip_number"})
