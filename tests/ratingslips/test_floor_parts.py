"""What the floor's pages stand on: where seats are, what is overdue, what happened to a slip."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from ratingslips.admin.floor.layout import COLUMNS, SIDE_COLUMNS, cells_around, felt_rows
from ratingslips.admin.floor.seatmap import live_slips, warning_for
from ratingslips.admin.floor.slip_sheet import read_sheet
from ratingslips.events import SlipEventKind, SlipVersion
from ratingslips.history import events_of, events_since
from ratingslips.models import MAX_SEATS, RatingSlip
from ratingslips.services import (
    change_average_bet,
    complete_rating_slip,
    move_rating_slip,
    pause_rating_slip,
    resume_rating_slip,
)
from tests.floor import Floor

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)


class TestCellsAround:
    @pytest.mark.parametrize("seats", range(1, MAX_SEATS + 1))
    def test_gives_each_seat_and_the_felt_cells_of_their_own(self, seats: int) -> None:
        felt = {
            (row, column)
            for row in range(2, 2 + felt_rows(seats))
            for column in range(1 + SIDE_COLUMNS, 1 + COLUMNS - SIDE_COLUMNS)
        }

        cells = cells_around(seats)

        covered = [(cell.row, cell.column + n) for cell in cells for n in range(cell.span)]
        assert len(cells) == seats
        assert len(covered) == len(set(covered))
        assert not felt & set(covered)
        assert all(1 <= column <= COLUMNS for _, column in covered)

    def test_goes_up_left_across_the_top_and_down_right(self) -> None:
        cells = cells_around(7)

        assert [(cell.row, cell.column) for cell in cells] == [
            (3, 1),
            (2, 1),
            (1, 1),
            (1, 5),
            (1, 9),
            (2, 9),
            (3, 9),
        ]


class TestWarningFor:
    @pytest.mark.parametrize(
        ("open_for", "paused_for", "warning"),
        [
            (4 * _HOUR, None, ""),
            (4 * _HOUR + _MINUTE, None, "Over 4 h"),
            (8 * _HOUR, None, "Over 4 h"),
            (8 * _HOUR + _MINUTE, None, "Over 8 h"),
            (_HOUR, 30 * _MINUTE, ""),
            (_HOUR, 31 * _MINUTE, "Paused 0:31"),
            (5 * _HOUR, 3 * _HOUR + 5 * _MINUTE, "Paused 3:05"),
            (5 * _HOUR, _MINUTE, "Over 4 h"),
            (9 * _HOUR, 2 * _HOUR, "Over 8 h"),
        ],
    )
    def test_says_the_gravest_reason(self, open_for: timedelta, paused_for: timedelta | None, warning: str) -> None:
        assert warning_for(open_for=open_for, paused_for=paused_for) == warning


class TestVersionText:
    def test_comes_back_as_it_went(self) -> None:
        version = SlipVersion(seq=12, status="PAUSED")

        assert SlipVersion.from_text(version.text) == version

    @pytest.mark.parametrize("text", ["", "12", "x-OPEN", "1-open", "1-OPEN ", "9999999999-OPEN", "-1-OPEN", "1-\0"])
    def test_is_of_no_slip_where_it_is_no_version(self, text: str) -> None:
        assert SlipVersion.from_text(text) == SlipVersion(seq=0, status="")


def eventful_slip(floor: Floor) -> RatingSlip:
    """Opened, bet changed, paused, bet changed and moved during the pause, resumed, paused and resumed at once."""
    slip = floor.open_slip(at=floor.ago(minutes=60))
    change_average_bet(slip=slip, average_bet=Decimal(50), actor=floor.boss, at=floor.ago(minutes=50))
    pause_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=40))
    change_average_bet(slip=slip, average_bet=Decimal(60), actor=floor.supervisor, at=floor.ago(minutes=30))
    move_rating_slip(slip=slip, seat=5, actor=floor.boss, at=floor.ago(minutes=25))
    return slip


class TestEvents:
    def test_give_each_event_in_order_with_its_version(self, floor: Floor) -> None:
        slip = eventful_slip(floor)
        resume_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=20))
        complete_rating_slip(slip=slip, actor=floor.supervisor, at=floor.ago(minutes=10))
        slip.refresh_from_db()

        events = events_of(slip, list(slip.segments.all()))

        assert [(event.kind, event.version.seq, event.version.status) for event in events] == [
            (SlipEventKind.OPENED, 1, "OPEN"),
            (SlipEventKind.BET_CHANGED, 2, "OPEN"),
            (SlipEventKind.PAUSED, 2, "PAUSED"),
            (SlipEventKind.BET_CHANGED, 3, "PAUSED"),
            (SlipEventKind.MOVED, 4, "PAUSED"),
            (SlipEventKind.RESUMED, 5, "OPEN"),
            (SlipEventKind.CLOSED, 5, "CLOSED"),
        ]
        assert [event.by for event in events] == [floor.boss] * 3 + [floor.supervisor, floor.boss, floor.boss] + [
            floor.supervisor
        ]

    def test_since_a_version_are_those_after_it(self, floor: Floor) -> None:
        slip = eventful_slip(floor)
        slip.refresh_from_db()
        events = events_of(slip, list(slip.segments.all()))

        since = events_since(events, SlipVersion(seq=2, status="PAUSED"))

        assert [event.kind for event in since] == [SlipEventKind.BET_CHANGED, SlipEventKind.MOVED]

    def test_since_a_version_that_never_was_are_all(self, floor: Floor) -> None:
        slip = eventful_slip(floor)
        slip.refresh_from_db()
        events = events_of(slip, list(slip.segments.all()))

        assert events_since(events, SlipVersion.from_text("forged")) == events


class TestLiveSlips:
    def test_say_since_when_the_player_is_away_despite_changes(self, floor: Floor) -> None:
        eventful_slip(floor)

        shown: list[Any] = list(live_slips(now=floor.now))

        assert [slip.paused_since for slip in shown] == [floor.ago(minutes=40)]

    def test_count_the_latest_pause_alone(self, floor: Floor) -> None:
        slip = eventful_slip(floor)
        resume_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=10))
        pause_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=5))

        shown: list[Any] = list(live_slips(now=floor.now))

        assert [slip.paused_since for slip in shown] == [floor.ago(minutes=5)]


class TestSheet:
    def test_offers_round_bets_below_and_above(self, floor: Floor) -> None:
        slip = floor.open_slip(average_bet=Decimal("102.50"))

        sheet = read_sheet(slip.pk, now=floor.now)

        assert sheet is not None
        assert sheet.quick_bets == [50, 75, 100, 150, 200, 250]
