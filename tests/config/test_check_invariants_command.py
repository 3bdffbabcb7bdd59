"""`check_invariants`: its lines, its JSON and its exit codes, while others post."""

import json
import threading
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction

from config.database.management.commands import check_invariants as command
from config.database.management.commands.check_invariants import INVARIANTS
from loyalty.models import LedgerEntry, PlayerLoyalty
from ratingslips.invariants import ALL_INVARIANTS
from ratingslips.models import DriftCheck
from ratingslips.services import complete_rating_slip
from tests.commands import Ran, run
from tests.concurrency import Elsewhere, held
from tests.databases import as_owner
from tests.floor import Floor
from tests.loyalty.postings import award, increment
from tests.loyalty.rows import account_of
from tests.tampering import misstate
from tests.waiting import wait_until


def _check(*arguments: str) -> Ran:
    return run("check_invariants", *arguments)


def _new() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(_check("--new", "--json").out)
    return told


def _work(floor: Floor) -> None:
    slip = floor.played_slip()
    award(floor, slip.player, points=900)
    complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)


class TestCheckInvariantsCommand:
    def test_prints_a_line_for_each_and_ends_with_0(self, guarded_floor: Floor) -> None:
        _work(guarded_floor)

        ran = _check()

        lines = ran.out.splitlines()
        assert (ran.code, ran.error) == (0, "")
        assert [line.partition(":")[0] for line in lines[:-1]] == [f"holds   {each.name}" for each in INVARIANTS]
        assert lines[-1].startswith(f"All {len(INVARIANTS)} hold, as of 20")

    def test_names_what_breaks_one_and_ends_with_1(self, guarded_floor: Floor) -> None:
        _work(guarded_floor)
        accounts = [account_of(guarded_floor.player()).pk for _ in range(6)]
        misstate(PlayerLoyalty.objects.filter(pk__in=accounts), lifetime_points=1)

        ran = _check()

        (line,) = [line for line in ran.out.splitlines() if line.startswith("BROKEN")]
        named = ", ".join(f"account {key}" for key in accounts[:5])
        assert (ran.code, ran.error) == (1, f"1 of {len(INVARIANTS)} invariants is broken.")
        assert line.startswith("BROKEN  account_is_its_entries: every account is the sum of its entries")
        assert line.endswith(f": 6 rows break it: {named} …")

    def test_prints_one_object_as_json(self, guarded_floor: Floor) -> None:
        account = account_of(guarded_floor.player())
        misstate(PlayerLoyalty.objects.filter(pk=account.pk), entry_count=1)

        ran = _check("--json")

        told: dict[str, Any] = json.loads(ran.out)
        assert (ran.code, told["holds"], len(told["invariants"])) == (1, False, len(INVARIANTS))
        assert all(0 <= each.pop("seconds") < 60 for each in told["invariants"])
        assert [each for each in told["invariants"] if not each["holds"]] == [
            {
                "name": "account_is_its_entries",
                "sentence": ALL_INVARIANTS[0].sentence,
                "holds": False,
                "rows": 1,
                "first": [f"account {account.pk}"],
            }
        ]

    def test_records_drift_of_every_casino(self, guarded_floor: Floor) -> None:
        account, clean = account_of(guarded_floor.player()), Floor.build().casino
        misstate(PlayerLoyalty.objects.filter(pk=account.pk), balance=1)

        _check()

        found = {check.casino: check.first_accounts for check in DriftCheck.objects.all()}
        assert found == {guarded_floor.casino: [account.pk], clean: []}

    def test_examines_what_is_new_until_all_of_it_holds(self, guarded_floor: Floor) -> None:
        _work(guarded_floor)
        first, second = _new(), _new()
        account = PlayerLoyalty.objects.get(entry_count__gt=0)
        misstate(PlayerLoyalty.objects.filter(pk=account.pk), balance=1)
        broken, again = _new(), _new()

        assert (first["since"], len(first["invariants"]), first["holds"]) == (None, len(INVARIANTS), True)
        assert (len(second["invariants"]), second["holds"]) == (sum(not each.needs_all for each in INVARIANTS), True)
        assert first["checked_at"] < second["checked_at"]
        assert (broken["holds"], again["holds"], broken["since"] == again["since"]) == (False, False, True)
        assert [each["first"] for each in again["invariants"] if not each["holds"]] == [[f"account {account.pk}"]]

    def test_names_a_guard_that_is_missing(self, committed_floor: Floor) -> None:
        ran = _check()

        assert ran.code == 1
        assert "BROKEN  guards_of_this_release: " in ran.out
        assert "trigger core_change_refuse_truncate of core_change differs" in ran.out

    def test_ends_with_2_where_it_cannot_look(self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(command, "WHOLE_LEDGER_SECONDS", 1)

        with held(_lock_the_ledger):
            ran = _check("--json")

        assert (ran.code, ran.out) == (2, "")
        assert ran.error.endswith("A check changes nothing.")

    @pytest.mark.shows(13)
    def test_holds_up_nobody_and_is_clean_while_they_post(self, guarded_floor: Floor) -> None:
        floor, stop = guarded_floor, threading.Event()
        writers = [Elsewhere(partial(_post_until, stop, floor, floor.player().pk)) for _ in range(3)]
        try:
            wait_until(LedgerEntry.objects.exists)
            before = LedgerEntry.objects.count()
            runs = [_check("--json") for _ in range(5)]
            after = LedgerEntry.objects.count()
        finally:
            stop.set()

        assert [writer.result() > 0 for writer in writers] == [True] * 3
        assert after > before
        assert [ran.code for ran in runs] == [0] * 5


def _lock_the_ledger() -> None:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE loyalty_ledger")


def _post_until(stop: threading.Event, floor: Floor, player_id: int) -> int:
    posted = 0
    while not stop.is_set():
        with transaction.atomic():
            increment(floor, player_id)  # type: ignore[arg-type]
        posted += 1
    return posted
