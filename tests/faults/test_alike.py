"""The answer to a COMMIT is lost where the same request has left the like before, or where others act meanwhile.

A request is one correlation id: a click, but also all lines of an import, of which many can be alike.
"""

import time
import uuid
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from core import correlation, retries
from loyalty.models import LoyaltyProgram
from loyalty.services import ProgramStateUnchanged, pause_program, resume_program
from ratingslips.models import PlaySegment, RatingSlip
from ratingslips.services import (
    SlipNotOpen,
    change_average_bet,
    complete_rating_slip,
    move_rating_slip,
    open_rating_slip,
    pause_rating_slip,
    resume_rating_slip,
)
from tests.concurrency import backend_id
from tests.databases import connect
from tests.faults.proxy import Loss, Way
from tests.floor import Floor
from tests.invariants import broken_invariants

Act = Callable[[], object]


def _acts(floor: Floor, case: str) -> list[Act]:
    """What one request does in one moment; the last is like an earlier one."""
    what: dict[str, Any] = {"slip": floor.open_slip().pk, "actor": floor.boss, "at": floor.ago(hours=1)}
    pause, resume = partial(pause_rating_slip, **what), partial(resume_rating_slip, **what)
    bet = partial(change_average_bet, **what, average_bet=Decimal(80))
    match case:
        case "pause":
            return [pause, resume, pause]
        case "resumption":
            return [pause, resume, pause, resume]
        case "bet":
            return [bet, bet]
        case "bet in a pause":
            return [pause, bet, bet]
        case "move":
            return [partial(move_rating_slip, **what, seat=seat) for seat in (2, 3, 2)]
    player = floor.player()
    who: dict[str, Any] = {"actor": floor.boss, "at": floor.ago(hours=1)}
    sit_down = partial(open_rating_slip, player=player, table=floor.table, seat=5, average_bet=Decimal(40), **who)

    def leave() -> None:
        complete_rating_slip(slip=RatingSlip.objects.live().get(player=player), **who)

    return [sit_down, leave, sit_down]


def _story(floor: Floor) -> list[tuple[str, str, int]]:
    segments = PlaySegment.objects.filter(slip__casino=floor.casino).order_by("pk")
    return [(segment.started_as, segment.ended_as, segment.seat) for segment in segments]


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Act], None]:
    """Let somebody else act once, as a request of their own, before the next attempt begins."""

    def arrange(act: Act) -> None:
        def act_once(_seconds: float) -> None:
            monkeypatch.setattr(retries, "time", time)
            with correlation.bound(uuid.uuid4()):
                act()

        monkeypatch.setattr(retries, "time", SimpleNamespace(sleep=act_once))

    return arrange


class TestTheLikeOfWhatTheRequestDidBefore:
    @pytest.mark.parametrize("case", ["opening", "pause", "resumption", "bet", "bet in a pause", "move"])
    @pytest.mark.parametrize("loss", [Loss.COMMIT, Loss.COMMIT_ANSWER])
    def test_is_done_once_more_and_no_more(self, committed_floor: Floor, way: Way, loss: Loss, case: str) -> None:
        untroubled = Floor.build()
        for act in _acts(untroubled, case):
            act()

        with correlation.bound():
            *before, last = _acts(committed_floor, case)
            for act in before:
                act()
            backend_id()
            way.armed.append(loss)
            last()

        assert way.lost == {loss: 1}
        assert _story(committed_floor) == _story(untroubled)
        assert broken_invariants() == {}


class TestAProgramme:
    @pytest.mark.parametrize("loss", [Loss.COMMIT, Loss.COMMIT_ANSWER])
    def test_is_paused_and_resumed_in_spite_of_a_lost_commit(
        self, committed_floor: Floor, way: Way, loss: Loss
    ) -> None:
        what: dict[str, Any] = {"program": committed_floor.program, "actor": committed_floor.supervisor}

        way.armed.append(loss)
        pause_program(**what, at=committed_floor.now, reason="Migration of the tiers")
        was_paused = LoyaltyProgram.objects.get().is_paused
        way.armed.append(loss)
        resume_program(**what)

        assert way.lost == {loss: 2}
        assert was_paused
        assert not LoyaltyProgram.objects.get().is_paused

    @pytest.mark.parametrize("minutes", [1, 3])
    def test_that_was_paused_at_another_time_is_refused(
        self, committed_floor: Floor, way: Way, meanwhile: Callable[[Act], None], minutes: int
    ) -> None:
        floor = committed_floor
        pause = partial(pause_program, program=floor.program, reason="Migration of the tiers", actor=floor.supervisor)
        meanwhile(partial(pause, at=floor.ago(minutes=minutes)))
        way.armed.append(Loss.COMMIT)

        with pytest.raises(ProgramStateUnchanged):
            pause(at=floor.ago(minutes=2))

        assert LoyaltyProgram.objects.get().paused_at == floor.ago(minutes=minutes)


class TestWhatOthersDoBeforeTheNextAttempt:
    def test_does_not_hide_a_bet_that_was_recorded(
        self, committed_floor: Floor, way: Way, meanwhile: Callable[[Act], None]
    ) -> None:
        floor = committed_floor
        slip = floor.open_slip()
        meanwhile(partial(pause_rating_slip, slip=slip.pk, actor=floor.supervisor, at=floor.ago(minutes=30)))
        way.armed.append(Loss.COMMIT_ANSWER)

        change_average_bet(slip=slip.pk, average_bet=Decimal(80), actor=floor.boss, at=floor.ago(hours=1))

        assert _story(floor) == [("OPENED", "BET_CHANGED", 1), ("BET_CHANGED", "PAUSED", 1)]

    def test_does_not_hide_a_pause_that_was_recorded(
        self, committed_floor: Floor, way: Way, meanwhile: Callable[[Act], None]
    ) -> None:
        floor = committed_floor
        slip = floor.open_slip()
        meanwhile(partial(resume_rating_slip, slip=slip.pk, actor=floor.supervisor, at=floor.ago(minutes=30)))
        way.armed.append(Loss.COMMIT_ANSWER)

        pause_rating_slip(slip=slip.pk, actor=floor.boss, at=floor.ago(hours=1))

        assert _story(floor) == [("OPENED", "PAUSED", 1), ("RESUMED", "", 1)]

    def test_is_not_taken_for_the_bet_that_was_not(
        self, committed_floor: Floor, way: Way, meanwhile: Callable[[Act], None]
    ) -> None:
        """Not even where PostgreSQL crashed and gives out the same key again."""
        floor = committed_floor
        slip = floor.open_slip()
        bet = partial(change_average_bet, slip=slip.pk, at=floor.ago(hours=1))

        def bet_under_the_same_key() -> None:
            with connect() as owner:
                owner.execute(
                    "SELECT setval(pg_get_serial_sequence('ratingslips_playsegment', 'id'), max(id))"
                    " FROM ratingslips_playsegment"
                )
            bet(average_bet=Decimal(60), actor=floor.supervisor)

        meanwhile(bet_under_the_same_key)
        way.armed.append(Loss.COMMIT)

        bet(average_bet=Decimal(80), actor=floor.boss)

        bets = PlaySegment.objects.order_by("seq").values_list("average_bet", flat=True)
        assert list(bets) == [Decimal(40), Decimal(60), Decimal(80)]

    def test_is_not_taken_for_the_pause_that_was_not(
        self, committed_floor: Floor, way: Way, meanwhile: Callable[[Act], None]
    ) -> None:
        floor = committed_floor
        slip = floor.open_slip()
        pause = partial(pause_rating_slip, slip=slip.pk, at=floor.ago(hours=1))
        meanwhile(partial(pause, actor=floor.supervisor))
        way.armed.append(Loss.COMMIT)

        with pytest.raises(SlipNotOpen):
            pause(actor=floor.boss)

        assert PlaySegment.objects.get().ended_by == floor.supervisor
