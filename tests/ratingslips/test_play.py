"""What happens between sitting down and leaving: all of it is recorded in the segments."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from guardian.shortcuts import assign_perm, remove_perm

from core import correlation
from core.clock import EARLIEST_EVENT_AT, InvalidTime
from core.errors import NotFound
from core.idempotency import IdempotencyConflict
from core.permissions import NotPermitted
from ratingslips.models import GamingTable, PlaySegment, RatingSlip
from ratingslips.services import (
    AlreadySeated,
    BeforeLastEvent,
    InvalidAverageBet,
    NoSuchSeat,
    SeatTaken,
    SlipClosed,
    SlipNotOpen,
    SlipNotPaused,
    TableNotActive,
    change_average_bet,
    complete_rating_slip,
    move_rating_slip,
    pause_rating_slip,
    resume_rating_slip,
)
from tests.factories import PitFactory, TableFactory
from tests.floor import Floor
from tests.refusals import logged, refused


def history(slip: RatingSlip) -> list[tuple[Any, ...]]:
    """The slip's segments: how and when each began and ended."""
    return [
        (segment.started_as, segment.started_at, segment.ended_as, segment.ended_at)
        for segment in slip.segments.order_by("seq")
    ]


def _pause(slip: Any, **arguments: Any) -> RatingSlip:
    return pause_rating_slip(slip=slip, **arguments)


def _resume(slip: Any, **arguments: Any) -> RatingSlip:
    return resume_rating_slip(slip=slip, **arguments)


def _bet(slip: Any, **arguments: Any) -> RatingSlip:
    return change_average_bet(slip=slip, average_bet=Decimal(100), **arguments)


def _move(slip: Any, **arguments: Any) -> RatingSlip:
    return move_rating_slip(slip=slip, seat=2, **arguments)


Action = Callable[..., RatingSlip]
ACTIONS = pytest.mark.parametrize("act", [_pause, _resume, _bet, _move])


class TestEveryChangeOfALiveSlip:
    @ACTIONS
    def test_is_refused_to_who_does_not_operate_the_pit(self, floor: Floor, slip: RatingSlip, act: Action) -> None:
        remove_perm("ratingslips.operate_pit", floor.boss, floor.pit)

        with refused(NotPermitted):
            act(slip, actor=floor.boss, at=floor.now)

    @ACTIONS
    def test_is_refused_once_it_is_closed(self, floor: Floor, slip: RatingSlip, act: Action) -> None:
        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(hours=1))

        with refused(SlipClosed, f"{slip.slip_number} is closed"):
            act(slip, actor=floor.boss, at=floor.now)

    @ACTIONS
    def test_is_refused_for_a_slip_that_does_not_exist(self, floor: Floor, act: Action) -> None:
        with refused(NotFound):
            act(uuid.uuid4(), actor=floor.boss, at=floor.now)
        with refused(NotFound, "no rating slip R00001"):
            act("R00001", actor=floor.boss, at=floor.now)

    @ACTIONS
    @pytest.mark.parametrize(
        ("shift", "error", "words"),
        [
            (timedelta(hours=-2, microseconds=-1), BeforeLastEvent, r"record: opened at .*\d\d:\d\d:\d\d by .*staff-"),
            (timedelta(hours=1), InvalidTime, "in the future"),
        ],
    )
    def test_is_refused_before_the_last_event_and_in_the_future(
        self, floor: Floor, slip: RatingSlip, act: Action, shift: timedelta, error: type[InvalidTime], words: str
    ) -> None:
        with refused(error, words):
            act(slip, actor=floor.boss, at=floor.now + shift)

    @ACTIONS
    def test_is_refused_without_a_time_zone(self, floor: Floor, slip: RatingSlip, act: Action) -> None:
        with refused(InvalidTime):
            act(slip, actor=floor.boss, at=datetime(2025, 1, 1))  # noqa: DTZ001

    @pytest.mark.parametrize(
        ("act", "event"),
        [
            (_pause, "ratingslips.slip_paused"),
            (_bet, "ratingslips.average_bet_changed"),
            (_move, "ratingslips.slip_moved"),
        ],
    )
    def test_is_logged_and_followed_by_its_correlation_id(self, floor: Floor, act: Action, event: str) -> None:
        slip = floor.open_slip()
        correlation_id = uuid.uuid4()

        with logged() as lines, correlation.bound(correlation_id):
            act(str(slip.pk), actor=floor.boss, at=floor.now)

        first = PlaySegment.objects.get(seq=1)
        assert [(line["event"], line["slip_id"]) for line in lines] == [(event, str(slip.pk))]
        assert (first.end_correlation_id, first.ended_by) == (correlation_id, floor.boss)
        assert first.start_correlation_id != correlation_id


class TestPauseAndResume:
    def test_stop_the_clock_and_resume_at_the_last_bet(self, floor: Floor, slip: RatingSlip) -> None:
        paused = pause_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(hours=1))
        resumed = resume_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=30))

        assert (paused.status, resumed.status) == ("PAUSED", "OPEN")
        assert history(slip) == [
            ("OPENED", floor.ago(hours=2), "PAUSED", floor.ago(hours=1)),
            ("RESUMED", floor.ago(minutes=30), "", None),
        ]
        assert {segment.average_bet for segment in PlaySegment.objects.all()} == {Decimal(40)}

    def test_refuse_to_pause_twice(self, floor: Floor, slip: RatingSlip) -> None:
        pause_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(hours=1))

        with refused(SlipNotOpen, "already paused"):
            pause_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

    def test_refuse_to_resume_what_is_open(self, floor: Floor, slip: RatingSlip) -> None:
        with refused(SlipNotPaused, "is not paused"):
            resume_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

    def test_refuse_to_resume_before_the_pause_began(self, floor: Floor, slip: RatingSlip) -> None:
        pause_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(hours=1))

        with refused(BeforeLastEvent, "paused at"):
            resume_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=61))

    def test_may_happen_at_one_and_the_same_moment(self, floor: Floor, slip: RatingSlip) -> None:
        pause_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
        resume_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

        assert history(slip)[1] == ("RESUMED", floor.now, "", None)


class TestChangeAverageBet:
    def test_begins_a_segment_and_leaves_what_was_played_before(self, floor: Floor, slip: RatingSlip) -> None:
        change_average_bet(slip=slip, average_bet=Decimal(100), actor=floor.boss, at=floor.ago(hours=1))

        assert history(slip) == [
            ("OPENED", floor.ago(hours=2), "BET_CHANGED", floor.ago(hours=1)),
            ("BET_CHANGED", floor.ago(hours=1), "", None),
        ]
        assert list(slip.segments.order_by("seq").values_list("average_bet", flat=True)) == [Decimal(40), Decimal(100)]

    def test_is_a_segment_of_no_length_during_a_pause(self, floor: Floor, slip: RatingSlip) -> None:
        pause_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(hours=1))

        change_average_bet(slip=slip, average_bet=Decimal(100), actor=floor.boss, at=floor.ago(minutes=50))
        resume_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=30))

        assert history(slip)[1:] == [
            ("BET_CHANGED", floor.ago(minutes=50), "PAUSED", floor.ago(minutes=50)),
            ("RESUMED", floor.ago(minutes=30), "", None),
        ]
        assert PlaySegment.objects.get(seq=3).average_bet == Decimal(100)

    @pytest.mark.parametrize("is_paused", [False, True])
    def test_begins_no_segment_where_the_bet_is_the_same(self, floor: Floor, slip: RatingSlip, is_paused: bool) -> None:
        if is_paused:
            pause_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(hours=1))
        before, page = history(slip), uuid.uuid4()

        for _ in range(2):
            change_average_bet(slip=slip, average_bet=Decimal(40), actor=floor.boss, at=floor.now, request_id=page)

        assert history(slip) == before
        with refused(IdempotencyConflict, "average bet"):
            change_average_bet(slip=slip, average_bet=Decimal(50), actor=floor.boss, at=floor.now, request_id=page)

    def test_refuses_a_bet_that_is_none(self, floor: Floor, slip: RatingSlip) -> None:
        with refused(InvalidAverageBet):
            change_average_bet(slip=slip, average_bet=Decimal(-1), actor=floor.boss, at=floor.now)


class TestMoveRatingSlip:
    @pytest.fixture
    def next_pit(self, floor: Floor) -> GamingTable:
        """A table of another pit, which the boss does not operate."""
        return TableFactory.create(casino=floor.casino, pit=PitFactory.create(casino=floor.casino))

    def _move(self, floor: Floor, slip: RatingSlip, **where: Any) -> RatingSlip:
        return move_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(hours=1), **where)

    def test_goes_to_another_seat(self, floor: Floor, slip: RatingSlip) -> None:
        self._move(floor, slip, seat=5)

        slip.refresh_from_db()
        assert (slip.table, slip.seat) == (floor.table, 5)
        assert history(slip) == [
            ("OPENED", floor.ago(hours=2), "MOVED", floor.ago(hours=1)),
            ("MOVED", floor.ago(hours=1), "", None),
        ]

    @pytest.mark.parametrize("seat", [1, 4])
    def test_goes_to_another_table_with_its_edge_and_pace(self, floor: Floor, seat: int) -> None:
        values = [(EARLIEST_EVENT_AT, "80", "1.25")]
        next_table = TableFactory.create(casino=floor.casino, pit=floor.pit, game__values=values)
        slip = floor.open_slip()

        self._move(floor, slip, table=next_table, seat=seat)

        last = PlaySegment.objects.get(seq=2)
        assert (last.table, last.seat, last.house_edge_percent) == (next_table, seat, Decimal("1.25"))
        assert RatingSlip.objects.get().table == next_table

    def test_keeps_the_bet_unless_another_is_given(self, floor: Floor, slip: RatingSlip) -> None:
        self._move(floor, slip, seat=2)
        self._move(floor, slip, seat=3, average_bet=Decimal(75))

        assert list(slip.segments.order_by("seq").values_list("average_bet", flat=True)) == [40, 40, 75]

    def test_stays_paused_during_a_pause(self, floor: Floor, slip: RatingSlip) -> None:
        pause_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(hours=1))

        moved = self._move(floor, slip, seat=2)

        assert (moved.status, moved.seat) == ("PAUSED", 2)
        assert history(slip)[1] == ("MOVED", floor.ago(hours=1), "PAUSED", floor.ago(hours=1))

    def test_needs_the_right_for_the_pit_it_goes_to(self, floor: Floor, next_pit: GamingTable) -> None:
        slip = floor.open_slip()

        with refused(NotPermitted, str(next_pit.pit)):
            self._move(floor, slip, table=next_pit, seat=1)

        assign_perm("ratingslips.operate_pit", floor.boss, next_pit.pit)
        assert self._move(floor, slip, table=next_pit, seat=1).table == next_pit

        remove_perm("ratingslips.operate_pit", floor.boss, floor.pit)
        with refused(NotPermitted, str(floor.pit)):
            self._move(floor, slip, table=floor.table, seat=1)

    def test_refuses_another_casino(self, floor: Floor, slip: RatingSlip) -> None:
        elsewhere = TableFactory.create()

        with refused(TableNotActive, "another casino"):
            self._move(floor, slip, table=elsewhere, seat=1)

    def test_refuses_a_table_out_of_use_or_unknown(self, floor: Floor, next_table: GamingTable) -> None:
        slip = floor.open_slip()
        GamingTable.objects.filter(pk=next_table.pk).update(is_active=False)

        with refused(TableNotActive, "not in use"):
            self._move(floor, slip, table=next_table.pk, seat=1)
        with refused(NotFound, "no table 0"):
            self._move(floor, slip, table=0, seat=1)

    @pytest.mark.parametrize("seat", [None, 0, 8])
    def test_refuses_a_seat_that_is_none(self, floor: Floor, slip: RatingSlip, seat: int | None) -> None:
        with refused(NoSuchSeat, "1 to 7"):
            self._move(floor, slip, seat=seat)

    def test_refuses_the_seat_it_has(self, floor: Floor, slip: RatingSlip) -> None:
        with refused(AlreadySeated, "is already at"):
            self._move(floor, slip, seat=1)

    def test_refuses_a_seat_that_is_held(self, floor: Floor) -> None:
        slip, holder = floor.open_slip(seat=1), floor.open_slip(seat=2)

        with refused(SeatTaken, rf"on slip {holder.slip_number}\. Free seats: 3, 4, 5, 6, 7\."):
            self._move(floor, slip, seat=2)

    def test_refuses_a_bet_that_is_none(self, floor: Floor, slip: RatingSlip) -> None:
        with refused(InvalidAverageBet):
            self._move(floor, slip, seat=2, average_bet=Decimal(0))

    def test_may_come_back_at_the_same_moment(self, floor: Floor, slip: RatingSlip) -> None:
        self._move(floor, slip, seat=2)
        self._move(floor, slip, seat=1)

        assert [segment.seat for segment in slip.segments.order_by("seq")] == [1, 2, 1]
