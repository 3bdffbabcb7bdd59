"""The floor can always close a slip: whatever goes wrong in the credit, its points are owed and nothing is lost."""

import logging
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NoReturn
from unittest.mock import Mock

import psycopg
import pytest
import structlog
from django.db import OperationalError, connection

from core import correlation
from core.errors import Busy, DatabaseAway
from loyalty.models import LedgerEntry, PlayerLoyalty
from loyalty.services import pause_program, posting
from loyalty.services.accounts import lock_account
from ratingslips.models import PlaySegment, RatingSlip
from ratingslips.services import PartialCompletion, closing, complete_rating_slip, recover_slip_loyalty
from ratingslips.services.settlement import settle
from tests.concurrency import Elsewhere, held
from tests.factories import ProgramFactory
from tests.floor import Floor
from tests.loyalty.rows import account_of
from tests.refusals import everything, logged
from tests.replacing import replace

pytestmark = pytest.mark.usefixtures("invariants_hold")


def _pause(floor: Floor) -> None:
    pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Migration of the tiers")


def _left_owing(floor: Floor, slip: RatingSlip, *, at: datetime | None = None) -> PartialCompletion:
    """Complete a slip whose credit fails; the refusal that says so."""
    with pytest.raises(PartialCompletion) as partial:
        complete_rating_slip(slip=slip, actor=floor.boss, at=at or floor.now)
    return partial.value


class TestSlipThatIsOwedItsPoints:
    def test_is_closed_with_its_theo_and_without_an_entry(self, floor: Floor, played_slip: RatingSlip) -> None:
        _pause(floor)

        _left_owing(floor, played_slip)

        closed = RatingSlip.objects.get()
        assert (closed.status, str(closed.theoretical_win), closed.closed_by) == ("CLOSED", "57.75", floor.boss)
        assert (closed.is_owed, closed.ledger_entry, closed.owed_because) == (True, None, "PROGRAM_PAUSED")
        assert list(RatingSlip.objects.owed()) == [played_slip]
        assert not PlaySegment.objects.filter(ended_at=None).exists()
        assert account_of(played_slip.player).balance == 0

    def test_is_told_with_its_id_and_its_correlation_id(self, floor: Floor, played_slip: RatingSlip) -> None:
        correlation_id = uuid.uuid4()
        _pause(floor)

        with logged() as lines, correlation.bound(correlation_id):
            partial = _left_owing(floor, played_slip)

        assert (partial.slip_id, partial.correlation_id, partial.code) == (
            played_slip.pk,
            correlation_id,
            "PARTIAL_COMPLETION",
        )
        assert (partial.because, partial.replayed) == ("PROGRAM_PAUSED", False)
        assert played_slip.slip_number in str(partial)
        assert str(correlation_id) in str(partial)
        assert RatingSlip.objects.get().correlation_id == correlation_id
        assert [(line["event"], line["because"], line["slip_id"]) for line in lines] == [
            ("ratingslips.partial_completion", "PROGRAM_PAUSED", str(played_slip.pk))
        ]

    def test_is_told_the_same_again_when_it_is_completed_again(self, floor: Floor, played_slip: RatingSlip) -> None:
        _pause(floor)
        first = _left_owing(floor, played_slip)
        before = everything()

        again = _left_owing(floor, played_slip)

        assert (again.slip_id, again.correlation_id) == (first.slip_id, first.correlation_id)
        assert (again.because, again.replayed) == ("PROGRAM_PAUSED", True)
        assert everything() == before

    def test_frees_the_seat_and_the_player(self, floor: Floor, slip: RatingSlip) -> None:
        _pause(floor)
        _left_owing(floor, slip)

        assert floor.open_slip(player=slip.player, at=floor.now).is_closed is False


def _raise_before(*_: Any, **__: Any) -> NoReturn:
    raise RuntimeError("made by a test")


def _raise_after(slip: RatingSlip, **arguments: Any) -> NoReturn:
    settle(slip, **arguments)
    assert LedgerEntry.objects.exists()
    raise RuntimeError("made by a test")


def _break_the_sql(slip: RatingSlip, **arguments: Any) -> None:
    settle(slip, **arguments)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 / 0")


def _break_a_constraint(slip: RatingSlip, **arguments: Any) -> None:
    settle(slip, **arguments)
    PlayerLoyalty.objects.update(balance=-1)


def _break_a_deadlock(slip: RatingSlip, **arguments: Any) -> NoReturn:
    settle(slip, **arguments)
    raise OperationalError("deadlock detected") from psycopg.errors.DeadlockDetected()


class TestAnyErrorInTheCredit:
    @pytest.mark.parametrize("fault", [_raise_before, _raise_after, _break_the_sql, _break_a_constraint])
    def test_leaves_the_slip_closed_and_the_credit_undone(
        self, floor: Floor, played_slip: RatingSlip, monkeypatch: pytest.MonkeyPatch, fault: Callable[..., Any]
    ) -> None:
        monkeypatch.setattr(closing, "settle", fault)

        with logged() as lines:
            partial = _left_owing(floor, played_slip)

        closed = RatingSlip.objects.get()
        assert (closed.is_owed, closed.ledger_entry, partial.because) == (True, None, "UNEXPECTED_ERROR")
        assert not LedgerEntry.objects.exists()
        assert account_of(played_slip.player).balance == 0
        assert lines[-1]["exc_info"] is partial.__cause__ is not None
        assert [line["exc_info"].__class__ for line in lines] == [type(partial.__cause__)] * 2

    @pytest.mark.parametrize("fault", [_raise_before, _raise_after, _break_the_sql])
    def test_is_made_good_by_recovery(
        self, floor: Floor, played_slip: RatingSlip, monkeypatch: pytest.MonkeyPatch, fault: Callable[..., Any]
    ) -> None:
        monkeypatch.setattr(closing, "settle", fault)
        _left_owing(floor, played_slip)

        recovered = recover_slip_loyalty(slip=played_slip, actor=floor.supervisor, at=floor.now)

        assert recovered.points == account_of(played_slip.player).balance == 578

    def test_leaves_nothing_owed_after_a_deadlock_that_is_retried(
        self, floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slip = floor.played_slip()
        attempts = iter([_break_a_deadlock, settle])
        monkeypatch.setattr(closing, "settle", lambda *slip, **play: next(attempts)(*slip, **play))

        settlement = complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

        assert (settlement.points, settlement.replayed) == (578, False)
        assert RatingSlip.objects.get().owed_because == ""

    def test_shows_no_names_in_its_traceback_in_a_terminal(
        self, floor: Floor, played_slip: RatingSlip, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(posting, "posting_of", _raise_before)
        (formatter,) = [
            handler.formatter
            for handler in logging.getLogger().handlers
            if isinstance(handler.formatter, structlog.stdlib.ProcessorFormatter)
        ]

        _left_owing(floor, played_slip)

        told = "".join(formatter.format(record) for record in caplog.records)
        assert "made by a test" in told
        assert played_slip.player.last_name not in told

    @pytest.mark.shows(24)
    def test_does_not_include_the_end_of_the_process(self, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        slip = floor.played_slip()
        before = everything()

        def interrupt(*_: Any, **__: Any) -> NoReturn:
            raise KeyboardInterrupt

        monkeypatch.setattr(closing, "settle", interrupt)
        with pytest.raises(KeyboardInterrupt):
            complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

        assert everything() == before


class TestWhyPointsAreOwed:
    def test_is_told_where_no_earning_rate_was_in_force(self, floor: Floor) -> None:
        slip = floor.open_slip(at=datetime(1999, 7, 20, 20, tzinfo=UTC))

        partial = _left_owing(floor, slip, at=datetime(1999, 7, 20, 22, tzinfo=UTC))

        assert partial.because == "NO_EARNING_RATE"

    def test_is_told_where_the_programme_has_no_first_tier(self, db: None) -> None:
        floor = Floor.build(ProgramFactory.create(rules__tiers=(("Silver", 1_000, "1.25"),)))

        assert _left_owing(floor, floor.open_slip()).because == "NO_LOYALTY_PROGRAM"


def _with_short_patience(call: Callable[[], Any]) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '150ms'")
    return call()


@pytest.mark.django_db(transaction=True)
class TestLocksInTheWay:
    @pytest.mark.shows(28)
    def test_of_the_account_leave_it_owed_within_the_timeout(
        self, floor: Floor, played_slip: RatingSlip, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waits = Mock(side_effect=lock_account)
        replace(monkeypatch, lock_account, waits)
        with held(lambda: PlayerLoyalty.objects.locked().get(player=played_slip.player)):
            partial = Elsewhere(lambda: _with_short_patience(lambda: _left_owing(floor, played_slip))).result()
            closed = RatingSlip.objects.get()

        assert waits.call_count == 1
        recovered = recover_slip_loyalty(slip=played_slip, actor=floor.supervisor, at=floor.now)
        again = recover_slip_loyalty(slip=played_slip, actor=floor.supervisor, at=floor.now)

        assert (partial.because, closed.is_owed) == ("BUSY", True)
        assert (recovered.points, recovered.replayed, again.points, again.replayed) == (578, False, 578, True)
        assert recovered.correlation_id == partial.correlation_id
        assert LedgerEntry.objects.get().correlation_id == partial.correlation_id

    def test_of_the_slip_are_busy_and_change_nothing(self, floor: Floor) -> None:
        slip = floor.played_slip()
        before = everything()

        with held(lambda: RatingSlip.objects.locked().get(pk=slip.pk)):
            complete = Elsewhere(
                lambda: _with_short_patience(lambda: complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now))
            )
            outcome = complete.outcome()

        assert type(outcome) is Busy
        assert everything() == before

    @pytest.mark.shows(29)
    def test_are_no_hang_without_any_setting_of_the_test(self, floor: Floor) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT name, setting::int FROM pg_settings WHERE name = ANY(%s)",
                [["lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"]],
            )
            timeouts = dict(cursor.fetchall())

        assert timeouts == {
            "lock_timeout": 3_000,
            "statement_timeout": 15_000,
            "idle_in_transaction_session_timeout": 30_000,
        }


class TestConnectionKilledInTheCredit:
    def test_is_busy_and_the_next_try_pays(self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        floor = committed_floor
        slip = floor.played_slip()
        before = everything()

        def kill(slip: RatingSlip, **arguments: Any) -> None:
            settle(slip, **arguments)
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

        monkeypatch.setattr(closing, "settle", kill)
        outcome = Elsewhere(lambda: complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)).outcome()
        unchanged = everything() == before
        monkeypatch.undo()
        settlement = complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

        assert type(outcome) is DatabaseAway
        assert unchanged
        assert (settlement.points, settlement.replayed) == (578, False)
