"""One whole gaming day, to the point: the expected totals were calculated by another program."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from core.models import CommandOperation, Lease, RequestOrigin
from loyalty.models import PlayerLoyalty
from ratingslips.models import PlaySegment, RatingSlip
from tests.commands import PIT_DAY, run
from tests.databases import database_environment
from tests.emptying import ModuleDb
from tests.processes import run_python

_IMPORT = ("import_rating_events", str(PIT_DAY / "rating-events.csv"), "--casino", "harbour")
EXPECTED: dict[str, Any] = json.loads((PIT_DAY / "expected.json").read_text())

# What the day's own list of bad lines calls the reason, and the house's code for it, on the day and a day later.
CODES = {
    "unknown player card": ("UNKNOWN_PLAYER", "UNKNOWN_PLAYER"),
    "barred player": ("PLAYER_NOT_ACTIVE", "PLAYER_NOT_ACTIVE"),
    "player already has a live slip": ("PLAYER_STILL_PLAYED", "PLAYER_STILL_PLAYED"),
    "seat taken": ("SEAT_TAKEN", "SEAT_TAKEN"),
    "unknown table": ("UNKNOWN_TABLE", "UNKNOWN_TABLE"),
    "no such seat": ("NO_SUCH_SEAT", "NO_SUCH_SEAT"),
    "average bet below zero": ("INVALID_AVERAGE_BET", "INVALID_AVERAGE_BET"),
    "average bet is not a number": ("NOT_A_NUMBER", "NOT_A_NUMBER"),
    "time is not a time": ("INVALID_TIME", "INVALID_TIME"),
    "unknown slip": ("UNKNOWN_SLIP", "UNKNOWN_SLIP"),
    "slip already closed": ("SLIP_CLOSED", "SLIP_CLOSED"),
    "unknown event": ("UNKNOWN_EVENT", "UNKNOWN_EVENT"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PitDay:
    """The imported day: what the import printed, and the refused lines that it wrote."""

    printed: dict[str, Any]
    rejects: str


@pytest.fixture(scope="module")
def pit_day(module_db: ModuleDb, tmp_path_factory: Any) -> PitDay:
    """Load and import the day once, for all of these tests, as an operator does."""
    rejects: Path = tmp_path_factory.mktemp("pit-day") / "rejects.csv"
    with module_db():
        assert run("load_casino", PIT_DAY, "--code", "harbour").code == 0
        printed, _ = run_python("manage.py", *_IMPORT, "--json", "--rejects", str(rejects), **database_environment())
    return PitDay(printed=json.loads(printed), rejects=rejects.read_text())


def _every_row() -> dict[str, tuple[int, str]]:
    """The rows in each table of the product and their MD5, without leases, origins and counts of commands."""
    models = [model for label in ("core", "loyalty", "ratingslips") for model in _models_of(label)]
    found = {}
    with connection.cursor() as cursor:
        for meta in (model._meta for model in models if model not in {CommandOperation, Lease, RequestOrigin}):
            rows = f"string_agg(row::text, '|' ORDER BY row.{meta.pk.column})"
            cursor.execute(f"SELECT count(*), md5({rows}) FROM {meta.db_table} AS row")
            found[meta.db_table] = cursor.fetchone()
    return found


def _models_of(label: str) -> Iterator[Any]:
    return apps.get_app_config(label).get_models()


@pytest.mark.django_db
class TestPitDay:
    def test_gives_the_expected_totals(self, pit_day: PitDay) -> None:
        totals = {name: pit_day.printed[name] for name in EXPECTED["total"]}

        assert totals == EXPECTED["total"]

    def test_gives_each_slip_its_theo_points_seconds_and_tier(self, pit_day: PitDay) -> None:
        seconds: dict[Any, int] = {}
        for segment in PlaySegment.objects.all():
            seconds[segment.slip_id] = seconds.get(segment.slip_id, 0) + int(segment.played.total_seconds())

        slips = {
            slip.slip_number: {
                "card": slip.player.card_number,
                "seconds": seconds[slip.pk],
                "theo": str(slip.theoretical_win),
                "points": slip.ledger_entry.points,
                "tier_before": slip.ledger_entry.tier_before.name,
            }
            for slip in RatingSlip.objects.select_related("player", "ledger_entry__tier_before")
            if slip.ledger_entry
        }

        assert slips == EXPECTED["slips"]

    def test_leaves_each_player_at_the_expected_balance_and_tier(self, pit_day: PitDay) -> None:
        accounts = PlayerLoyalty.objects.filter(entry_count__gt=0).select_related("player", "tier")

        balances = {
            account.player.card_number: {"balance": account.balance, "tier": account.tier.name} for account in accounts
        }

        assert balances == EXPECTED["balances"]

    def test_leaves_who_did_not_play_at_nothing(self, pit_day: PitDay) -> None:
        others = PlayerLoyalty.objects.filter(entry_count=0)

        assert others.count() == 533 - len(EXPECTED["balances"])
        assert set(others.values_list("balance", "lifetime_points", "tier__name")) == {(0, 0, "Bronze")}

    def test_refuses_each_bad_line_for_its_reason(self, pit_day: PitDay) -> None:
        codes = {line: reason.split(":")[0] for line, reason in pit_day.printed["rejects"].items()}

        assert codes == {line: CODES[reason][0] for line, reason in EXPECTED["rejects"].items()}

    def test_writes_the_refused_lines_to_a_file(self, pit_day: PitDay) -> None:
        lines = (PIT_DAY / "rating-events.csv").read_text().splitlines()
        given_back = [row.partition('",')[2] for row in pit_day.rejects.splitlines()[1:]]

        assert given_back == [lines[int(number) - 1] for number in EXPECTED["rejects"]]

    def test_changes_nothing_when_it_is_imported_again(self, pit_day: PitDay) -> None:
        before = _every_row()

        ran = run(*_IMPORT, "--json")

        again = json.loads(ran.out)
        assert _every_row() == before
        assert ran.code == 1
        assert (again["applied"], again["already_imported"]) == (0, 2916 - 13)
        assert {name: again[name] for name in EXPECTED["total"]} == EXPECTED["total"]
        codes = {line: reason.split(":")[0] for line, reason in again["rejects"].items()}
        assert codes == {line: CODES[reason][1] for line, reason in EXPECTED["rejects"].items()}

    def test_says_that_nothing_changed_when_it_is_imported_again(self, pit_day: PitDay) -> None:
        ran = run(*_IMPORT)

        assert "0 applied, 2,903 already imported, 13 refused.\nNothing changed." in ran.out
        assert "line 1341: PLAYER_NOT_ACTIVE: Sven Dang (100013) is barred" in ran.out

    def test_reports_a_perfect_day(self, pit_day: PitDay) -> None:
        ran = run("report", "--casino", "harbour", "--day", "2026-11-14", "--json")

        figures = json.loads(ran.out)["casinos"][0]
        assert (ran.code, figures["completions"], figures["success_percent"]) == (0, 800, "100.000")
        assert (figures["recoveries"], figures["replays"], figures["owed"], figures["drift"]) == (0, 0, 0, 0)

    def test_adds_up_to_the_theo_of_its_slips(self, pit_day: PitDay) -> None:
        theo = sum(Decimal(slip["theo"]) for slip in EXPECTED["slips"].values())

        assert str(theo) == pit_day.printed["theo"]
