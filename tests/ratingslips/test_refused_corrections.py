"""Corrections that are refused: play that cannot be, and rights that are missing."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from guardian.shortcuts import assign_perm, remove_perm

from core.clock import InvalidTime
from core.errors import DomainError
from core.local_time import exact_time_in
from core.permissions import NotPermitted
from core.reasons.codes import InvalidReasonCode
from loyalty.services import InvalidReason
from ratingslips.events import SlipVersion
from ratingslips.models import GamingTable, RatingSlip
from ratingslips.services import (
    CorrectedPlay,
    InvalidAverageBet,
    InvalidPlay,
    NoSuchSeat,
    NothingCorrected,
    OwnPlay,
    PlayerStillPlayed,
    SeatTaken,
    SlipChanged,
    SlipIsVoid,
    TableNotActive,
    TooLongAgo,
    complete_rating_slip,
    continue_rating_slip,
)
from tests.factories import PitFactory, StaffFactory, TableFactory
from tests.floor import Floor, declared
from tests.invariants import broken_invariants
from tests.ratingslips.corrections import closed, correct, current_play, last_at, void
from tests.refusals import refused


def _overlapping(floor: Floor, slip: RatingSlip) -> Sequence[CorrectedPlay]:
    first, last = current_play(slip)
    return [replace(first, ended_at=floor.ago(minutes=20)), last]


def _changed(**changes: Any) -> Callable[[Floor, RatingSlip], Sequence[CorrectedPlay]]:
    """The play with changes to its last stretch; `ended_at` may be hours from now."""

    def make(floor: Floor, slip: RatingSlip) -> Sequence[CorrectedPlay]:
        *before, last = current_play(slip)
        ends = {"ended_at": floor.ago(hours=-changes["hours"])} if "hours" in changes else {}
        return [*before, replace(last, **ends or changes)]

    return make


REFUSED: dict[str, tuple[Callable[[Floor, RatingSlip], Sequence[CorrectedPlay]], type[DomainError], str]] = {
    "no segment": (lambda *_: [], InvalidPlay, "void the slip"),
    "too many": (lambda _, slip: current_play(slip) * 101, InvalidPlay, "1 to 200"),
    "overlap": (_overlapping, InvalidPlay, "Segment 2 begins before segment 1 has ended"),
    "in another order": (lambda _, slip: current_play(slip)[::-1], InvalidPlay, "Segment 2 begins before"),
    "no end": (_changed(ended_at=None), InvalidPlay, "Segment 2 has no end"),
    "ends before it begins": (
        lambda floor, slip: _changed(ended_at=floor.ago(hours=1))(floor, slip),
        InvalidPlay,
        "ends before",
    ),
    "two that are one": (
        lambda _, slip: [replace(each, average_bet=Decimal(7)) for each in current_play(slip)],
        InvalidPlay,
        "Segments 1 and 2 are the same play",
    ),
    "in the future": (
        lambda floor, slip: _changed(ended_at=floor.now + timedelta(hours=1))(floor, slip),
        InvalidTime,
        "future",
    ),
    "without a zone": (_changed(ended_at=datetime(2026, 11, 14, 21, 0)), InvalidTime, "no time zone"),  # noqa: DTZ001
    "no bet": (_changed(average_bet=Decimal(0)), InvalidAverageBet, "more than 0"),
    "as it is": (lambda _, slip: current_play(slip), NothingCorrected, "so already"),
    "no such seat": (_changed(seat=8), NoSuchSeat, "1 to 7"),
    "table of another casino": (
        lambda floor, slip: _changed(table=TableFactory.create().pk)(floor, slip),
        TableNotActive,
        "another casino",
    ),
}


class TestRefusal:
    @pytest.mark.parametrize("case", REFUSED)
    def test_of_play_that_cannot_be(self, floor: Floor, case: str) -> None:
        make, error, words = REFUSED[case]
        slip = closed(floor)
        play = make(floor, slip)

        with refused(error, words):
            correct(floor, slip, play)

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            ({"reason": "short"}, InvalidReason),
            ({"reason_code": "NEVER_HEARD"}, InvalidReasonCode),
            ({"expected_version": SlipVersion(seq=1, status="OPEN")}, SlipChanged),
        ],
        ids=str,
    )
    def test_of_what_is_given(self, floor: Floor, change: dict[str, Any], error: type[DomainError]) -> None:
        slip = closed(floor)

        with refused(error):
            correct(floor, slip, last_at(slip, 200), **change)

    def test_of_a_void_slip(self, floor: Floor) -> None:
        slip = closed(floor)
        play = last_at(slip, 200)
        void(floor, slip)

        with refused(SlipIsVoid):
            correct(floor, slip, play)

    def test_of_ones_own_account(self, floor: Floor) -> None:
        slip = closed(floor)
        declared(floor.supervisor, slip.player)

        with refused(OwnPlay):
            correct(floor, slip, last_at(slip, 200))

    def test_of_time_in_which_the_player_played_elsewhere(self, floor: Floor) -> None:
        earlier = floor.open_slip(seat=2, at=floor.ago(hours=4))
        complete_rating_slip(slip=earlier, actor=floor.boss, at=floor.ago(hours=3))
        slip = closed(floor, floor.played_slip(player=earlier.player))
        first, last = current_play(slip)

        since, until = (exact_time_in(floor.ago(hours=hours), floor.casino) for hours in (4, 3))
        with refused(PlayerStillPlayed, f"on slip {earlier.slip_number} from {since} to {until}"):
            correct(floor, slip, [replace(first, started_at=floor.ago(hours=3.5)), last])

    @pytest.mark.parametrize("is_void", [False, True])
    def test_of_a_seat_that_another_slip_held(self, floor: Floor, is_void: bool) -> None:
        other = floor.open_slip(seat=2, at=floor.ago(hours=1))
        slip = closed(floor)
        if is_void:
            void(floor, other)
            assert correct(floor, slip, _changed(seat=2)(floor, slip)).number == 1
            return

        with refused(SeatTaken, f"seat 2 was held by .* on slip {other.slip_number} since .*, which is not"):
            correct(floor, slip, _changed(seat=2)(floor, slip))

    def test_of_a_closed_table_only_where_the_slip_is_live(self, floor: Floor, next_table: GamingTable) -> None:
        live, slip = floor.played_slip(seat=2), closed(floor)
        GamingTable.objects.filter(pk=next_table.pk).update(is_active=False)

        correct(floor, slip, _changed(table=next_table.pk)(floor, slip))

        with refused(TableNotActive):
            correct(floor, live, _changed(table=next_table.pk)(floor, live))

    @pytest.mark.parametrize(("number", "minutes"), [(0, (1, 1)), (1, (300, 240))])
    def test_of_an_order_that_one_visit_cannot_have(self, floor: Floor, number: int, minutes: tuple[int, int]) -> None:
        old = floor.played_slip()
        complete_rating_slip(slip=old, actor=floor.boss, at=floor.ago(minutes=10))
        new = closed(floor, continue_rating_slip(slip=old, actor=floor.boss, at=floor.now))
        slip, (since, until) = (old, new)[number], (floor.ago(minutes=each) for each in minutes)
        play = [replace(current_play(slip)[0], started_at=since, ended_at=until)]

        with refused(PlayerStillPlayed, f"{new.slip_number} continues slip {old.slip_number}"):
            correct(floor, slip, play)


class TestRights:
    @pytest.mark.parametrize(
        ("rights", "is_live", "permitted"),
        [
            (["correct_slip"], False, True),
            (["correct_slip"], True, True),
            (["operate_pit"], True, True),
            (["operate_pit"], False, False),
            ([], True, False),
        ],
    )
    def test_are_those_of_the_pit(self, floor: Floor, rights: list[str], is_live: bool, permitted: bool) -> None:
        actor = StaffFactory.create(casino=floor.casino)
        for right in rights:
            assign_perm(f"ratingslips.{right}", actor, floor.pit)
        slip = floor.played_slip() if is_live else closed(floor)

        if permitted:
            assert correct(floor, slip, last_at(slip, 200), actor=actor).number == 1
        else:
            with refused(NotPermitted):
                correct(floor, slip, last_at(slip, 200), actor=actor)

    @pytest.mark.parametrize(
        ("right", "minutes", "permitted"),
        [("operate_pit", 60, True), ("operate_pit", 61, False), ("correct_slip", 61, True)],
    )
    def test_reach_as_far_back_as_an_opening_may(self, floor: Floor, right: str, minutes: int, permitted: bool) -> None:
        actor = StaffFactory.create(casino=floor.casino)
        assign_perm(f"ratingslips.{right}", actor, floor.pit)
        slip = floor.open_slip(at=floor.ago(minutes=5))
        play = [replace(current_play(slip)[0], started_at=floor.ago(minutes=minutes, seconds=floor.now.second))]

        if permitted:
            assert correct(floor, slip, play, actor=actor).number == 1
        else:
            with refused(TooLongAgo):
                correct(floor, slip, play, actor=actor)

    @pytest.mark.parametrize("other_is", ["old", "new"])
    @pytest.mark.parametrize("is_live", [True, False])
    def test_are_asked_on_each_pit_of_both_lists(self, floor: Floor, other_is: str, is_live: bool) -> None:
        table = TableFactory.create(casino=floor.casino, pit=PitFactory.create(casino=floor.casino))
        assign_perm("ratingslips.correct_slip", floor.supervisor, table.pit)
        slip = floor.played_slip() if is_live else closed(floor)
        there = _changed(table=table.pk)(floor, slip)
        if other_is == "old":
            back = current_play(slip)
            correct(floor, slip, there)
            there = back
        remove_perm("ratingslips.correct_slip", floor.supervisor, table.pit)

        with refused(NotPermitted, str(table.pit)):
            correct(floor, slip, there)

    def test_stay_those_of_the_pit_in_which_the_play_was(self, floor: Floor) -> None:
        slip = closed(floor)
        elsewhere = PitFactory.create(casino=floor.casino)
        GamingTable.objects.filter(pk=floor.table.pk).update(pit=elsewhere)

        correct(floor, slip, last_at(slip, 200))

        slip.refresh_from_db()
        assert {slip.pit, *(segment.pit for segment in slip.segments.current())} == {floor.pit}
        assert broken_invariants() == {}
