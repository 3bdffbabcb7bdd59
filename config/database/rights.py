"""The rights of the application and of the reader on each table; the owner needs none.

Every table is listed: one that is not is closed to both. The application deletes only sessions, roles,
memberships, grants, second factors and recovery codes.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class TableRights:
    """The rights of the two roles on one table."""

    application: frozenset[str]
    changeable: frozenset[str] = frozenset()
    """The only columns that the application may UPDATE, if it may UPDATE."""
    hidden: frozenset[str] | None = frozenset()
    """Columns that the reader may not see; None hides the whole table."""


_READ: Final = frozenset({"SELECT"})
_ADD: Final = frozenset({"SELECT", "INSERT"})
_CHANGE: Final = frozenset({"SELECT", "INSERT", "UPDATE"})
_DELETE: Final = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})
_LINK: Final = frozenset({"SELECT", "INSERT", "DELETE"})


def _read() -> TableRights:
    """Rows that only migrations and triggers write."""
    return TableRights(application=_READ)


def _add() -> TableRights:
    """Append-only rows."""
    return TableRights(application=_ADD)


def _change(*columns: str, hidden: frozenset[str] = frozenset()) -> TableRights:
    """Rows that change in `columns` alone, and are never deleted."""
    return TableRights(application=_CHANGE, changeable=frozenset(columns), hidden=hidden)


TABLES: Final[dict[str, TableRights]] = {
    # core
    "core_casino": _change(
        *("code", "name", "time_zone", "gaming_day_starts_at", "longest_play_hours", "backdating_minutes"),
        *("cash_watch_amount", "cash_report_amount"),
        "confirmed_award_points",
    ),
    "core_casino_second_factor_roles": TableRights(application=_LINK),
    "core_reasoncode": _change("label", "operations", "text_required", "is_active"),
    "core_player": _change("casino_id", "first_name", "last_name", "card_number", "status"),
    "core_user": _change(
        *("username", "first_name", "last_name", "email", "casino_id", "password", "last_login"),
        *("date_joined", "is_active", "is_staff", "is_superuser", "provider_subject"),
        hidden=frozenset({"password"}),
    ),
    "core_staffcard": _change("withdrawn_by_id", "withdrawn_at", "withdrawal_correlation_id"),
    "core_namesake": _change("decision", "decided_by_id", "decided_at", "correlation_id"),
    "core_user_groups": TableRights(application=_LINK),
    "core_user_user_permissions": TableRights(application=_LINK),
    "core_change": _read(),
    "core_replaycount": _change("replays"),
    "core_commandoperation": _change("times"),
    "core_requestorigin": _add(),
    "core_signinevent": _add(),
    "core_sentform": _add(),
    "core_session": TableRights(
        application=_DELETE,
        changeable=frozenset(
            {"session_data", "expire_date", "staff_id", "signed_in_at", "last_used_at", "client_address", "device"}
        ),
        hidden=None,
    ),
    "core_secondfactor": TableRights(
        application=_DELETE,
        changeable=frozenset({"name", "counter", "last_used_at"}),
        hidden=frozenset({"secret", "credential_id"}),
    ),
    "core_recoverycode": TableRights(application=_LINK, hidden=None),
    "core_lease": _change("holder", "held_by", "taken_at", "renewed_at", "correlation_id"),
    "core_jobrun": _change("succeeded_at", "correlation_id", "read_up_to"),
    # loyalty
    "loyalty_ledger": _add(),
    "loyalty_earningrate": _add(),
    "loyalty_tier": _add(),
    "loyalty_comptype": _change("label", "point_value", "is_active"),
    "loyalty_compslipprint": _add(),
    "loyalty_comptotal": _read(),
    "loyalty_loyaltyprogram": _change("casino_id", "name", "paused_at", "paused_by_id", "pause_reason"),
    "loyalty_programpause": _change(
        *("resumed_at", "resumed_by_id", "resume_correlation_id", "resume_reason", "resume_reason_code")
    ),
    "loyalty_playerloyalty": _change("balance", "lifetime_points", "tier_id", "entry_count", "head_hash", "updated_at"),
    "loyalty_ledgerexport": _change("ended_at", "rows", "is_whole"),
    "loyalty_checkpoint": _add(),
    "loyalty_sealedaccount": _add(),
    "loyalty_sealedchange": _add(),
    "loyalty_ledgerverification": _add(),
    "loyalty_balancerebuild": _add(),
    # ratingslips
    "ratingslips_pit": _change("casino_id", "name"),
    "ratingslips_gamesettings": _change("casino_id", "code", "name", "seats"),
    "ratingslips_gamevalues": _add(),
    "ratingslips_gamingtable": _change(
        *("casino_id", "pit_id", "name", "game_id", "seats", "minimum_bet", "maximum_bet", "is_active")
    ),
    "ratingslips_ratingslip": _change(
        *("table_id", "pit_id", "seat", "status", "closed_at", "closed_by_id", "correlation_id"),
        *("theoretical_win", "owed_because", "withheld_because", "released_at", "settled_at", "ledger_entry_id"),
        *("recovered_by_id", "recovery_correlation_id"),
        *("opened_at", "gaming_day", "correction_count", "corrected_points", "uncollected_points"),
    ),
    "ratingslips_playsegment": _change(
        *("ended_at", "ended_as", "ended_by_id", "end_correlation_id", "held_until", "superseded_by_id")
    ),
    "ratingslips_sliprequest": _add(),
    "ratingslips_slipcorrection": _add(),
    "ratingslips_moneyrow": _add(),
    "ratingslips_driftcheck": _change("accounts", "first_accounts", "checked_at", "checked_by_id"),
    # config.demo, which production does not install
    "config_demorun": _change("shift", "finished_at"),
    # Django and guardian
    "django_migrations": _read(),
    "django_content_type": _read(),
    "django_admin_log": _add(),
    "auth_permission": _read(),
    "auth_group": TableRights(application=_DELETE, changeable=frozenset({"name"})),
    "auth_group_permissions": TableRights(application=_LINK),
    "guardian_userobjectpermission": TableRights(application=_LINK),
    "guardian_groupobjectpermission": TableRights(application=_LINK),
}

# Sequences that the application uses itself; else the sequence of an identity column needs no right.
SEQUENCES: Final = frozenset({"ratingslips_slip_number", "loyalty_ledger_id_seq"})
