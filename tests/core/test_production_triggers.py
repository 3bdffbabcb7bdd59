"""A database that production makes has every refusing trigger, and no way round: that is the tests' own alone."""

from collections.abc import Iterator

import psycopg
import pytest

from core.changes.tables import LOGGED
from tests.databases import connect, empty_database, migrate

APPEND_ONLY = (
    "loyalty_ledger",
    "loyalty_earningrate",
    "loyalty_tier",
    "loyalty_checkpoint",
    "loyalty_sealedaccount",
    "loyalty_ledgerverification",
    "loyalty_balancerebuild",
    "loyalty_compslipprint",
    "core_change",
    "core_requestorigin",
    "core_sentform",
    "core_signinevent",
    "django_admin_log",
    "ratingslips_sliprequest",
    "ratingslips_slipcorrection",
    "ratingslips_moneyrow",
    "ratingslips_gamevalues",
)
ENDED_ONCE = ("loyalty_ledgerexport", "loyalty_programpause", "core_namesake", "core_staffcard")
UNDELETABLE = (*APPEND_ONLY, "ratingslips_ratingslip", "ratingslips_playsegment", *ENDED_ONCE)
EXPECTED = {
    *(f"{table}_refuse_update" for table in APPEND_ONLY),
    *(f"{table}_refuse_delete" for table in UNDELETABLE),
    *(f"{table}_refuse_truncate" for table in (*UNDELETABLE, *LOGGED)),
    *(f"{table}_log_{event}" for table in LOGGED for event in ("insert", "update", "delete")),
    "core_change_refuse_insert",
    "core_end_sessions",
    "core_namesake_freeze",
    "core_staffcard_freeze",
    *(f"{table}_namesakes_{event}" for table in ("core_player", "core_user") for event in ("insert", "update")),
    "loyalty_chain_entry",
    "loyalty_earningrate_begins_later",
    "loyalty_earningrate_still_begins_later",
    "loyalty_freeze_export",
    "loyalty_freeze_pause",
    "loyalty_keep_tiers",
    "ratingslips_fix_gaming_day",
    "ratingslips_freeze_segment",
    "ratingslips_gamevalues_begins_later",
    "ratingslips_gamevalues_still_begins_later",
    "ratingslips_freeze_slip",
    "ratingslips_leave_seat",
    "ratingslips_keep_table_in_pit",
    "ratingslips_leave_table",
    "ratingslips_moneyrow_fits",
    "ratingslips_segment_in_pit",
    "ratingslips_segment_of_live_slip",
    "ratingslips_slip_moves_with_pit",
    "ratingslips_slip_opens_in_pit",
}


@pytest.fixture
def migrated(db: None) -> Iterator[psycopg.Connection]:
    """A fresh database on the tests' server, made by `manage.py migrate` as production would."""
    with empty_database("plain") as name:
        migrate(name).check_returncode()
        with connect(name) as fresh:
            yield fresh


@pytest.mark.slow
class TestMigratedDatabase:
    @pytest.mark.shows(11)
    def test_fires_every_trigger_always_and_refuses_to_be_emptied(self, migrated: psycopg.Connection) -> None:
        triggers = migrated.execute("SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal").fetchall()

        assert {name for name, _ in triggers} == EXPECTED
        assert {enabled for _, enabled in triggers} <= {"A", b"A"}
        for table in {*UNDELETABLE, *LOGGED}:
            with pytest.raises(psycopg.errors.RestrictViolation, match=r"TRUNCATE of \w+ is refused"):
                migrated.execute(f"TRUNCATE {table} CASCADE")
