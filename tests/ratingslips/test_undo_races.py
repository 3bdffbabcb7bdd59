"""Two tablets at once, of which one undoes, continues or reassigns a slip; each guard has a control without it."""

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError

from core.models import Player
from core.querysets import LockingQuerySet
from ratingslips.models import RatingSlip
from ratingslips.services import (
    PlayerHasLiveSlip,
    Reassignment,
    SeatTaken,
    SlipChanged,
    SlipIsVoid,
    change_average_bet,
    complete_rating_slip,
    continue_rating_slip,
    reassign_rating_slip,
    record_buy_in,
    undo_opening,
)
from tests.concurrency import (
    Elsewhere,
    deadlocks,
    held,
    held_before_commit,
    in_turn,
    replace_locks,
    together,
    wait_until_blocked,
)
from tests.floor import Floor
from tests.loyalty.test_concurrency import without_locks
from tests.ratingslips.corrections import REASON, closed
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

Act = Callable[[Floor, RatingSlip], object]


def _undo(floor: Floor, slip: RatingSlip) -> object:
    return undo_opening(slip=slip.pk, actor=floor.boss, at=floor.now)


def _change_bet(floor: Floor, slip: RatingSlip) -> object:
    return change_average_bet(slip=slip.pk, average_bet=Decimal(75), actor=floor.supervisor, at=floor.now)


def _close(floor: Floor, slip: RatingSlip) -> object:
    return complete_rating_slip(slip=slip.pk, actor=floor.supervisor, at=floor.now)


def _buy_in(floor: Floor, slip: RatingSlip) -> object:
    return record_buy_in(slip=slip.pk, amount=Decimal(500), actor=floor.supervisor, at=floor.now)


def _continue(floor: Floor, slip: RatingSlip) -> RatingSlip:
    return continue_rating_slip(slip=slip.pk, actor=floor.boss, at=floor.now)


def _give(floor: Floor, slip: RatingSlip, right: Player) -> Reassignment:
    given: dict[str, Any] = {"actor": floor.supervisor, "at": floor.now, "reason": REASON}
    return reassign_rating_slip(slip=slip.pk, player=right, **given)


def _lock(player: Player) -> object:
    return Player.objects.locked().get(pk=player.pk)


@pytest.mark.parametrize("act", [_change_bet, _close, _buy_in])
@pytest.mark.usefixtures("invariants_hold")
class TestUndoWhileAnotherTabletActs:
    def test_waits_and_is_refused(self, committed_floor: Floor, act: Act) -> None:
        floor, slip = committed_floor, committed_floor.open_slip(at=committed_floor.now)

        _, undoing = in_turn(lambda: act(floor, slip), lambda: _undo(floor, slip))

        assert isinstance(undoing.outcome(), SlipChanged)
        assert not RatingSlip.objects.get().is_void

    def test_makes_the_other_wait_and_be_refused(self, committed_floor: Floor, act: Act) -> None:
        floor, slip = committed_floor, committed_floor.open_slip(at=committed_floor.now)

        _, acting = in_turn(lambda: _undo(floor, slip), lambda: act(floor, slip))

        assert isinstance(acting.outcome(), SlipIsVoid)
        assert (slip.requests.count(), slip.money_rows.count()) == (2, 0)


class TestUndoWithoutTheLock:
    @pytest.mark.shows(39)
    def test_would_void_the_buy_in_of_another_tablet(
        self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        floor, slip = committed_floor, committed_floor.open_slip(at=committed_floor.now)

        with held_before_commit(lambda: _buy_in(floor, slip)) as buying:
            without_locks(monkeypatch)
            undoing = Elsewhere(lambda: _undo(floor, slip))
            wait_until_blocked(undoing.backend, by=buying.backend)

        undoing.result()
        assert (RatingSlip.objects.get().is_void, slip.money_rows.count()) == (True, 1)


class TestStillPlayingWhileTheSeatIsTaken:
    @pytest.mark.usefixtures("invariants_hold")
    def test_waits_and_is_refused(self, committed_floor: Floor) -> None:
        floor, slip, other = committed_floor, closed(committed_floor), committed_floor.player()

        _, continuing = in_turn(lambda: floor.open_slip(player=other, at=floor.now), lambda: _continue(floor, slip))

        assert isinstance(continuing.outcome(), SeatTaken)

    @pytest.mark.usefixtures("invariants_hold")
    def test_makes_the_opening_wait_and_be_refused(self, committed_floor: Floor) -> None:
        floor, slip, other = committed_floor, closed(committed_floor), committed_floor.player()

        continuing, opening = in_turn(
            lambda: _continue(floor, slip), lambda: floor.open_slip(player=other, at=floor.now)
        )

        assert isinstance(opening.outcome(), SeatTaken)
        assert RatingSlip.objects.live().get() == continuing.result()

    @pytest.mark.shows(39)
    def test_would_be_stopped_by_the_constraint_alone_without_locks(
        self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        floor, slip, other = committed_floor, closed(committed_floor), committed_floor.player()

        with held_before_commit(lambda: floor.open_slip(player=other, at=floor.now)) as opening:
            without_locks(monkeypatch)
            continuing = Elsewhere(lambda: _continue(floor, slip))
            wait_until_blocked(continuing.backend, by=opening.backend)

        assert isinstance(continuing.outcome(), IntegrityError)


class TestWrongPlayerOnTwoTablets:
    @pytest.mark.usefixtures("invariants_hold")
    def test_gives_the_slip_to_who_was_tapped_first(self, committed_floor: Floor) -> None:
        floor, slip = committed_floor, closed(committed_floor)
        first, second = floor.player(), floor.player()

        giving, again = in_turn(lambda: _give(floor, slip, first), lambda: _give(floor, slip, second))

        assert isinstance(again.outcome(), SlipIsVoid)
        assert giving.result().slip.slip_number in str(again.outcome())

    @pytest.mark.usefixtures("invariants_hold")
    def test_keeps_the_right_player_from_a_second_seat(self, committed_floor: Floor) -> None:
        floor, right = committed_floor, committed_floor.player()
        slip = floor.played_slip()

        _, opening = in_turn(
            lambda: _give(floor, slip, right), lambda: floor.open_slip(player=right, seat=2, at=floor.now)
        )

        assert isinstance(opening.outcome(), PlayerHasLiveSlip)

    @pytest.mark.usefixtures("invariants_hold")
    def test_crosswise_ends_without_a_deadlock(self, committed_floor: Floor) -> None:
        floor = committed_floor
        one, other = closed(floor), closed(floor, floor.open_slip(seat=2, at=floor.now))
        before = deadlocks()

        outcomes = together([lambda: _give(floor, one, other.player), lambda: _give(floor, other, one.player)])

        assert (deadlocks(), {type(outcome) for outcome in outcomes}) == (before, {Reassignment})

    @pytest.mark.shows(39)
    def test_crosswise_would_deadlock_in_another_order(
        self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        floor, backwards = committed_floor, threading.local()
        one, other = closed(floor), closed(floor, floor.open_slip(seat=2, at=floor.now))
        locked, before = LockingQuerySet.locked, deadlocks()

        def lock_in_turn(rows: Any, **options: Any) -> Any:
            return locked(rows, **options).order_by("-pk" if hasattr(backwards, "is_so") else "pk")

        def give_backwards() -> Reassignment:
            backwards.is_so = True
            return _give(floor, other, one.player)

        replace_locks(monkeypatch, lock_in_turn)
        with held(lambda: _lock(other.player)) as of_other:
            with held(lambda: _lock(one.player)) as of_one:
                giving, back = Elsewhere(lambda: _give(floor, one, other.player)), Elsewhere(give_backwards)
                wait_until_blocked(giving.backend, by=of_one)
                wait_until_blocked(back.backend, by=of_other)
            wait_until_blocked(giving.backend, by=back.backend)
        for each in (giving, back):
            each.outcome()

        wait_until(lambda: deadlocks() == before + 1)
