"""The time of an act: how far back it may go, and what it must not come before."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError

from core.errors import DomainError
from core.idempotency import IdempotencyConflict
from ratingslips.models import RatingSlip, SlipRequest
from ratingslips.services import (
    BeforeLastEvent,
    ChosenTime,
    PlayerStillPlayed,
    SeatTaken,
    TooLongAgo,
    change_average_bet,
    complete_rating_slip,
    earliest_instant,
    move_rating_slip,
    pause_rating_slip,
    resume_rating_slip,
)
from ratingslips.services.times import checked_act_time
from tests.concurrency import in_turn
from tests.floor import Floor
from tests.refusals import refused
from tests.replacing import replace

LOS_ANGELES = ZoneInfo("America/Los_Angeles")


def local(text: str) -> datetime:
    """The instant at which a clock of the casino shows `text`; the second one if there are two."""
    return datetime.fromisoformat(text).replace(tzinfo=LOS_ANGELES, fold=1)


class TestEarliestInstant:
    @pytest.mark.parametrize(
        ("now", "boss", "supervisor"),
        [
            ("2026-11-14T19:50:40", "2026-11-14T18:50", "2026-11-14T06:00"),
            ("2026-11-15T01:30", "2026-11-15T00:30", "2026-11-14T06:00"),
            ("2026-11-14T06:10", "2026-11-14T05:10", "2026-11-14T05:10"),
            ("2026-11-14T05:59", "2026-11-14T04:59", "2026-11-13T06:00"),
            ("2026-03-08T03:20", "2026-03-08T01:20", "2026-03-07T06:00"),  # 02:00 became 03:00
        ],
        ids=["evening", "after-midnight", "gaming-day-just-begun", "gaming-day-ending", "clock-forward"],
    )
    def test_is_the_casinos_limit_or_the_gaming_day(self, floor: Floor, now: str, boss: str, supervisor: str) -> None:
        earliest = {
            actor: earliest_instant(actor=actor, pit=floor.pit, casino=floor.casino, at=local(now))
            for actor in (floor.boss, floor.supervisor)
        }

        assert earliest == {floor.boss: local(boss), floor.supervisor: local(supervisor)}

    def test_follows_the_setting_of_the_casino(self, floor: Floor) -> None:
        floor.casino.backdating_minutes = 0

        now = local("2026-11-14T19:50")
        assert earliest_instant(actor=floor.boss, pit=floor.pit, casino=floor.casino, at=now) == now


def chosen(floor: Floor, minutes: int) -> dict[str, Any]:
    """The arguments for an act of so many minutes ago, chosen by a pit boss who may go back an hour."""
    earliest = floor.ago(minutes=60)
    return {"at": floor.ago(minutes=minutes), "chosen_time": ChosenTime(text=f"{minutes} min ago", earliest=earliest)}


Act = Callable[..., Any]

ACTS: dict[str, Act] = {
    "OPEN": lambda floor, slip, **when: floor.open_slip(seat=4, **when),
    "CHANGE_BET": lambda floor, slip, **when: change_average_bet(slip=slip, average_bet=Decimal(75), **when),
    "PAUSE": lambda floor, slip, **when: pause_rating_slip(slip=slip, **when),
    "RESUME": lambda floor, slip, **when: resume_rating_slip(slip=slip, **when),
    "MOVE": lambda floor, slip, **when: move_rating_slip(slip=slip, seat=5, **when),
    "CLOSE": lambda floor, slip, **when: complete_rating_slip(slip=slip, **when),
}
every_act = pytest.mark.parametrize("kind", ACTS)


def slip_for(floor: Floor, kind: str) -> RatingSlip:
    """A slip on which the act can be carried out, with its last event 90 minutes ago."""
    slip = floor.open_slip(at=floor.ago(minutes=90))
    if kind == "RESUME":
        pause_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=90))
    return slip


class TestEveryAct:
    @every_act
    def test_keeps_when_it_happened_and_when_it_was_recorded(self, floor: Floor, kind: str) -> None:
        ACTS[kind](floor, slip_for(floor, kind), actor=floor.boss, **chosen(floor, 20))

        request = SlipRequest.objects.filter(kind=kind).latest("recorded_at")
        assert (request.happened_at, request.actor) == (floor.ago(minutes=20), floor.boss)
        assert request.recorded_at >= floor.now
        assert request.contents["chosen_time"] == "20 min ago"

    @every_act
    def test_is_refused_further_back_than_the_actor_may_go(self, floor: Floor, kind: str) -> None:
        slip, player = slip_for(floor, kind), floor.player()
        mine = {"player": player} if kind == "OPEN" else {}

        with refused(TooLongAgo, r"is too long ago: you can go back to .*\d\d:\d\d\."):
            ACTS[kind](floor, slip, actor=floor.boss, **mine, **chosen(floor, 61))

    @every_act
    def test_is_another_request_at_another_time(self, floor: Floor, kind: str) -> None:
        slip, player, request_id = slip_for(floor, kind), floor.player(), uuid4()
        mine = {"player": player} if kind == "OPEN" else {}
        given = {"actor": floor.boss, "request_id": request_id, **mine}
        ACTS[kind](floor, slip, **given, **chosen(floor, 20))

        ACTS[kind](floor, slip, **given, **chosen(floor, 20))
        with refused(IdempotencyConflict, "chosen time"):
            ACTS[kind](floor, slip, **given, **chosen(floor, 30))

        assert SlipRequest.objects.filter(pk=request_id).count() == 1

    @pytest.mark.parametrize("kind", ["CHANGE_BET", "PAUSE", "MOVE", "CLOSE"])
    def test_is_refused_before_the_last_event(self, floor: Floor, slip: RatingSlip, kind: str) -> None:
        change_average_bet(slip=slip, average_bet=Decimal(50), actor=floor.supervisor, at=floor.ago(minutes=10))

        with refused(BeforeLastEvent, rf"record: bet changed at .*\d\d:\d\d by .*{floor.supervisor.username}"):
            ACTS[kind](floor, slip, actor=floor.boss, **chosen(floor, 20))

    @every_act
    def test_happens_at_the_last_event_of_the_chosen_minute(self, floor: Floor, kind: str) -> None:
        """A time is chosen to the minute: 19:42 is not before what happened at 19:42:10."""
        slip, player = slip_for(floor, kind), floor.player()
        before, mine = floor.ago(minutes=90), {"player": player} if kind == "OPEN" else {}
        if kind == "OPEN":
            complete_rating_slip(slip=floor.open_slip(seat=4, at=before), actor=floor.boss, at=before)
        earliest = floor.ago(minutes=120)

        when = {"at": before - timedelta(seconds=59), "chosen_time": ChosenTime(text="18:20", earliest=earliest)}
        ACTS[kind](floor, slip, actor=floor.boss, **mine, **when)

        assert SlipRequest.objects.filter(kind=kind).latest("recorded_at").happened_at == before


class TestOpening:
    @pytest.mark.parametrize(("player_left", "seat_left", "error"), [(30, 10, SeatTaken), (10, 30, PlayerStillPlayed)])
    def test_is_refused_until_seat_and_player_were_free(
        self, floor: Floor, player_left: int, seat_left: int, error: type[DomainError]
    ) -> None:
        player = floor.player()
        for number, at, left in ((1, {"player": player}, player_left), (2, {}, seat_left)):
            slip = floor.open_slip(seat=number, **at)
            complete_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=left))
        free_since = floor.ago(minutes=10)

        with refused(error, f"until .*{free_since.astimezone(LOS_ANGELES):%H:%M:%S}"):
            floor.open_slip(player=player, seat=2, **chosen(floor, 40))

        assert floor.open_slip(player=player, seat=2, at=free_since).opened_at == free_since

    def test_counts_on_the_gaming_day_of_its_instant(self, floor: Floor) -> None:
        begins, _ = floor.casino.gaming_day_span(floor.casino.gaming_day_at(floor.now))
        at = begins - timedelta(minutes=10)
        earlier = ChosenTime(text="05:50", earliest=at)

        slip = floor.open_slip(at=at, chosen_time=earlier)

        assert slip.gaming_day == floor.casino.gaming_day_at(floor.now) - timedelta(days=1)


class TestABackdatedClosing:
    """One tablet closes a slip twenty minutes ago, while another changes its bet now."""

    def _closed_meanwhile(self, floor: Floor) -> tuple[Any, list[tuple[int, datetime | None]]]:
        slip = floor.open_slip()
        bets: dict[str, Any] = {"slip": slip.pk, "average_bet": Decimal(90), "actor": floor.supervisor, "at": floor.now}
        closing = {"slip": slip.pk, "actor": floor.boss, **chosen(floor, 20)}
        changed, closed = in_turn(lambda: change_average_bet(**bets), lambda: complete_rating_slip(**closing))
        assert isinstance(changed.outcome(), RatingSlip)
        return closed.outcome(), [(int(part.average_bet), part.ended_at) for part in slip.segments.all()]

    def test_is_refused_with_the_bet_that_came_before_it(self, committed_floor: Floor) -> None:
        outcome, segments = self._closed_meanwhile(committed_floor)

        assert isinstance(outcome, BeforeLastEvent)
        assert "bet changed at" in str(outcome)
        assert segments == [(40, committed_floor.now), (90, None)]

    def test_would_end_a_bet_before_it_began_without_the_check(
        self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The control: then only PostgreSQL refuses it, with an error that tells nobody what to do."""
        replace(monkeypatch, checked_act_time, lambda at, **_: at)

        outcome, _segments = self._closed_meanwhile(committed_floor)

        assert isinstance(outcome, IntegrityError)
