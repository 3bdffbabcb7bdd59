"""An error or a lost connection at every statement of a completion, a recovery, an award: nothing lost or doubled."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

import pytest
from django.db import connection

from core import retries
from core.errors import DatabaseAway
from loyalty.models import LedgerEntry
from ratingslips.models import RatingSlip
from ratingslips.services import PartialCompletion, complete_rating_slip, recover_slip_loyalty
from tests.concurrency import Elsewhere, backend_id
from tests.databases import connect
from tests.factories import TableFactory
from tests.floor import Floor
from tests.interruptions import interrupted_at, lose_connection
from tests.invariants import broken_invariants
from tests.loyalty.postings import award
from tests.loyalty.rows import account_of
from tests.refusals import everything

MOST_STATEMENTS = 30

pytestmark = pytest.mark.usefixtures("invariants_hold")


class Fault(Exception):
    """Made by a test."""


def _raise() -> NoReturn:
    raise Fault


def _fresh_slip(floor: Floor) -> RatingSlip:
    """A slip at a table of its own, worth 420 points."""
    return floor.open_slip(table=TableFactory.create(casino=floor.casino, pit=floor.pit, game=floor.table.game))


class TestErrorAtEveryStatement:
    def _statements_until_it_passes(self, attempt: Callable[[int], bool]) -> int:
        """Attempt with a fault at the first statement, the second …, until there is none so far."""
        for number in range(1, MOST_STATEMENTS):
            if not attempt(number):
                return number - 1
        raise AssertionError(f"more than {MOST_STATEMENTS} statements")

    @pytest.mark.shows(24)
    def test_of_a_completion_leaves_it_live_or_owed_once(self, floor: Floor) -> None:
        def attempt(number: int) -> bool:
            slip = _fresh_slip(floor)
            with interrupted_at(number, _raise) as sent, suppress(Fault, PartialCompletion):
                complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

            seen = RatingSlip.objects.get(pk=slip.pk)
            assert broken_invariants() == {}
            assert (seen.is_closed, seen.is_owed) != (False, True)
            if not seen.is_closed:
                with suppress(PartialCompletion):
                    complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
            recover_slip_loyalty(slip=slip, actor=floor.supervisor, at=floor.now)
            assert account_of(slip.player).balance == 420
            assert LedgerEntry.objects.filter(idempotency_key=str(slip.pk)).count() == 1
            return len(sent) >= number

        assert self._statements_until_it_passes(attempt) >= 10

    def test_of_a_recovery_leaves_it_owed_for_one_payment(self, floor: Floor) -> None:
        def attempt(number: int) -> bool:
            slip = floor.owed_slip(_fresh_slip(floor))
            with interrupted_at(number, _raise) as sent, suppress(Fault):
                recover_slip_loyalty(slip=slip, actor=floor.supervisor, at=floor.now)

            recovered = recover_slip_loyalty(slip=slip, actor=floor.supervisor, at=floor.now)
            assert recovered.replayed == (len(sent) < number)
            assert account_of(slip.player).balance == 420
            return len(sent) >= number

        assert self._statements_until_it_passes(attempt) >= 8

    def test_of_an_award_leaves_nothing_and_it_is_made_once(self, floor: Floor) -> None:
        def attempt(number: int) -> bool:
            player = floor.player()
            with interrupted_at(number, _raise) as sent, suppress(Fault):
                award(floor, player)

            again = award(floor, player)
            assert again.replayed == (len(sent) < number)
            assert account_of(player).balance == 100
            return len(sent) >= number

        assert self._statements_until_it_passes(attempt) >= 8


class TestConnectionLostAtEveryStatement:
    def _lose_at(self, number: int, call: Callable[[], Any]) -> tuple[Any, bool]:
        """How `call` ended with its connection lost before that statement, and whether it got that far."""

        def run() -> int:
            with interrupted_at(number, lose_connection) as sent:
                try:
                    call()
                finally:
                    reached.append(len(sent) >= number)
            return len(sent)

        reached: list[bool] = []
        return Elsewhere(run).outcome(), reached[0]

    @pytest.mark.parametrize("use_case", ["completion", "recovery", "award"])
    @pytest.mark.shows(25)
    def test_is_busy_and_changes_nothing_when_no_attempt_is_left(
        self, committed_floor: Floor, use_case: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(retries, "MAX_ATTEMPTS", 1)
        floor = committed_floor
        slip = _fresh_slip(floor) if use_case != "recovery" else floor.owed_slip(_fresh_slip(floor))
        calls: dict[str, Callable[[], Any]] = {
            "completion": lambda: complete_rating_slip(slip=slip.pk, actor=floor.boss, at=floor.now),
            "recovery": lambda: recover_slip_loyalty(slip=slip.pk, actor=floor.supervisor, at=floor.now),
            "award": lambda: award(floor, slip.player),
        }
        before = everything()

        for number in range(1, MOST_STATEMENTS):
            outcome, reached = self._lose_at(number, calls[use_case])
            if not reached:
                break
            assert type(outcome) is DatabaseAway, number
            assert everything() == before

        assert number > 8
        assert isinstance(outcome, int)
        assert account_of(slip.player).balance in (420, 100)
        assert LedgerEntry.objects.count() == 1


class TestConnectionLostAfterTheCommitOfAReplay:
    @pytest.mark.parametrize("use_case", ["completion", "recovery", "award"])
    def test_does_not_cost_the_answer(self, committed_floor: Floor, use_case: str) -> None:
        floor = committed_floor
        slip = _fresh_slip(floor) if use_case != "recovery" else floor.owed_slip(_fresh_slip(floor))
        calls: dict[str, Callable[[], Any]] = {
            "completion": lambda: complete_rating_slip(slip=slip.pk, actor=floor.boss, at=floor.now),
            "recovery": lambda: recover_slip_loyalty(slip=slip.pk, actor=floor.supervisor, at=floor.now),
            "award": lambda: award(floor, slip.player),
        }
        calls[use_case]()

        def repeat_and_lose() -> Any:
            commit, backend = connection.commit, backend_id()

            def commit_and_lose() -> None:
                commit()
                with connect() as somebody:
                    somebody.execute("SELECT pg_terminate_backend(%s, 10000)", [backend])  # waits until it is gone

            connection.commit = commit_and_lose  # type: ignore[method-assign]
            return calls[use_case]()

        assert Elsewhere(repeat_and_lose).result().replayed
