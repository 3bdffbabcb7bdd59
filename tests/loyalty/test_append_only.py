"""The ledger and the earning rates cannot be changed, emptied or shortened by any role or statement."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Model

from core.models import Player
from loyalty.models import EarningRate, LedgerEntry, LedgerExport, Tier
from tests.concurrency import held_before_commit, in_turn
from tests.constraints import inserted, refused_by_trigger, run_as_replica
from tests.databases import as_owner
from tests.floor import Floor
from tests.invariants import broken_invariants
from tests.loyalty.postings import award
from tests.loyalty.rows import checkpoint_row, entry, export_row, rebuild_row, sealed_row, verification_row
from tests.tampering import without_triggers

KEPT = ("loyalty_ledger", "loyalty_earningrate")


def _sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _refuse_truncate_again() -> None:
    """Undo, inside the test's transaction, the way round that the test database alone has."""
    with as_owner():
        _sql("ALTER TABLE loyalty_ledger ENABLE ALWAYS TRIGGER loyalty_ledger_refuse_truncate")
        _sql("ALTER TABLE loyalty_earningrate ENABLE ALWAYS TRIGGER loyalty_earningrate_refuse_truncate")


def _save_changed() -> None:
    changed = LedgerEntry.objects.get()
    changed.reason = "Another reason than the first"
    changed.save()


def _bulk_update() -> None:
    changed = LedgerEntry.objects.get()
    changed.points = 1_000
    LedgerEntry.objects.bulk_update([changed], ["points"])


def _delete_row() -> None:
    LedgerEntry.objects.get().delete()


class TestLedgerIsAppendOnly:
    @pytest.fixture(autouse=True)
    def _one_entry(self, floor: Floor) -> None:
        inserted(entry(floor))

    @pytest.mark.parametrize(
        "attempt",
        [
            _save_changed,
            _bulk_update,
            lambda: LedgerEntry.objects.update(points=1),
            lambda: LedgerEntry.objects.filter(pk=0).update(points=1),
            lambda: _sql("UPDATE loyalty_ledger SET points = 1"),
            lambda: _sql(
                "INSERT INTO loyalty_ledger SELECT * FROM loyalty_ledger ON CONFLICT (id) DO UPDATE SET seq=9"
            ),
            lambda: _sql("MERGE INTO loyalty_ledger USING core_user ON false WHEN MATCHED THEN UPDATE SET points = 1"),
        ],
        ids=["save", "bulk_update", "update", "update of nothing", "sql", "upsert", "merge"],
    )
    def test_against_a_changed_entry(self, attempt: Callable[[], object]) -> None:
        with refused_by_trigger("UPDATE of loyalty_ledger is refused"):
            attempt()

    @pytest.mark.parametrize(
        "attempt",
        [
            _delete_row,
            lambda: LedgerEntry.objects.all().delete(),
            lambda: LedgerEntry.objects.all()._raw_delete("default"),
            lambda: _sql("DELETE FROM loyalty_ledger"),
        ],
        ids=["row", "queryset", "raw queryset", "sql"],
    )
    def test_against_a_deleted_entry(self, attempt: Callable[[], object]) -> None:
        with refused_by_trigger("DELETE of loyalty_ledger is refused"):
            attempt()

    @pytest.mark.parametrize(
        "statement",
        ["TRUNCATE loyalty_ledger CASCADE", "TRUNCATE loyalty_playerloyalty CASCADE", "TRUNCATE core_player CASCADE"],
    )
    def test_against_being_emptied_through_what_it_refers_to(self, statement: str) -> None:
        with transaction.atomic():
            _sql("SET CONSTRAINTS ALL IMMEDIATE")
            _refuse_truncate_again()

            with refused_by_trigger("TRUNCATE of loyalty_ledger is refused"):
                _sql(statement)

    @pytest.mark.parametrize(
        "statement",
        ["UPDATE loyalty_ledger SET points = 1", "DELETE FROM loyalty_ledger", "TRUNCATE loyalty_ledger CASCADE"],
    )
    @pytest.mark.shows(11)
    def test_also_for_a_session_that_calls_itself_a_replica(self, statement: str) -> None:
        _sql("SET CONSTRAINTS ALL IMMEDIATE")
        _refuse_truncate_again()

        with refused_by_trigger("of loyalty_ledger is refused"):
            run_as_replica(statement)

    def test_also_for_the_rates_that_past_play_was_paid_at(self) -> None:
        with refused_by_trigger("UPDATE of loyalty_earningrate is refused"):
            EarningRate.objects.update(points_per_unit=1)
        with refused_by_trigger("DELETE of loyalty_earningrate is refused"):
            EarningRate.objects.all().delete()

    def test_but_takes_another_entry(self, floor: Floor) -> None:
        inserted(entry(floor))

        assert LedgerEntry.objects.count() == 2


class TestTiersStayAsTheyWereSetUp:
    @pytest.mark.parametrize(
        "attempt",
        [
            lambda _: Tier.objects.filter(name="Gold").update(threshold_points=4_000),
            lambda floor: Tier.objects.bulk_update(floor.program.tiers.all(), ["multiplier"]),
            lambda _: _sql("UPDATE loyalty_tier SET name = 'Ruby'"),
            lambda _: Tier.objects.filter(name="Platinum").delete(),
            lambda _: _sql("DELETE FROM loyalty_tier"),
            lambda floor: _add_tier(floor),
            lambda _: _sql(
                "INSERT INTO loyalty_tier (program_id, name, threshold_points, multiplier)"
                " SELECT program_id, 'Ruby', 9000, 2 FROM loyalty_playerloyalty"
            ),
        ],
        ids=["update", "bulk_update", "sql", "delete", "sql delete", "another", "sql insert"],
    )
    def test_once_the_programme_has_an_account(
        self, floor: Floor, player: Player, attempt: Callable[[Floor], object]
    ) -> None:
        with refused_by_trigger("of loyalty_tier is refused"):
            attempt(floor)

    @pytest.fixture
    def first_award(self, committed_floor: Floor) -> Callable[[], object]:
        """Opens the programme's first account, and posts 500 points to it."""
        newcomers = [Player(casino=committed_floor.casino, card_number="1", first_name="José", last_name="Nguyễn")]
        [player] = Player.objects.bulk_create(newcomers)
        return lambda: award(committed_floor, player, points=500)

    def test_also_for_an_account_that_is_not_committed_yet(
        self, committed_floor: Floor, first_award: Callable[[], object]
    ) -> None:
        _, adding = in_turn(first_award, lambda: _add_tier(committed_floor))

        assert "of loyalty_tier is refused" in str(adding.outcome())
        assert broken_invariants() == {}

    @pytest.mark.shows(39)
    def test_would_leave_that_account_in_a_wrong_tier_otherwise(
        self, committed_floor: Floor, first_award: Callable[[], object]
    ) -> None:
        with without_triggers("loyalty_tier", "loyalty_keep_tiers"), held_before_commit(first_award):
            _add_tier(committed_floor)

        assert "account_in_its_tier" in broken_invariants()


def _add_tier(floor: Floor) -> None:
    Tier.objects.create(program=floor.program, name="Ruby", threshold_points=1, multiplier=Decimal(2))


class TestTraceOfAnExport:
    @pytest.fixture
    def export(self, floor: Floor) -> LedgerExport:
        begun = export_row(floor)
        begun.save()
        return begun

    @pytest.mark.parametrize("change", [{"filters": {"kind": "GAMEPLAY"}}, {"staff_id": 1}, {"started_at": None}])
    def test_keeps_what_it_began_with(self, export: LedgerExport, change: dict[str, Any]) -> None:
        with refused_by_trigger("the trace of an export is given its end, once"):
            LedgerExport.objects.update(**change)

    def test_ends_once(self, floor: Floor, export: LedgerExport) -> None:
        LedgerExport.objects.update(ended_at=floor.now, rows=3, is_whole=True)

        with refused_by_trigger("the trace of an export is given its end, once"):
            LedgerExport.objects.update(rows=4)

    def test_stays(self, export: LedgerExport) -> None:
        with refused_by_trigger("DELETE of loyalty_ledgerexport is refused"):
            export.delete()


class TestProofOfTheLedger:
    @pytest.mark.parametrize("make", [checkpoint_row, sealed_row, verification_row, rebuild_row])
    def test_is_append_only(self, floor: Floor, make: Callable[[Floor], Model]) -> None:
        row: Any = inserted(make(floor))

        with refused_by_trigger(f"UPDATE of {row._meta.db_table} is refused"):
            type(row).objects.update(**{row._meta.pk.attname: row.pk})
        with refused_by_trigger(f"DELETE of {row._meta.db_table} is refused"):
            type(row).objects.all().delete()
