"""Undo of an opening: within ten minutes, by the person who opened the slip, if nothing else was done to it."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from core.errors import DomainError
from core.models import User
from ratingslips.models import RatingSlip
from ratingslips.services import (
    SlipChanged,
    UndoTooLate,
    change_average_bet,
    reassign_rating_slip,
    undo_opening,
)
from tests.factories import StaffFactory
from tests.floor import Floor, give_rights
from tests.ratingslips.rows import segment_row
from tests.refusals import refused


def _opened(floor: Floor, **arguments: object) -> RatingSlip:
    return floor.open_slip(at=floor.now, **arguments)


def _other_boss(floor: Floor) -> User:
    boss: User = StaffFactory.create(casino=floor.casino)
    give_rights((boss, floor.pit, ["operate_pit"]))
    return boss


class TestUndoOpening:
    def test_voids_by_a_fixed_code_and_frees_the_seat(self, floor: Floor) -> None:
        slip = _opened(floor)

        undo_opening(slip=slip, actor=floor.boss, at=floor.now)

        slip.refresh_from_db()
        again = _opened(floor, player=slip.player)
        assert (slip.status, slip.corrections.get().reason_code) == ("VOID", "UNDONE")
        assert again.opened_at >= floor.now

    def test_counts_from_the_recording_of_the_opening(self, floor: Floor) -> None:
        slip = floor.open_slip(at=floor.ago(minutes=40))

        undo_opening(slip=slip, actor=floor.boss, at=floor.now)

        assert RatingSlip.objects.get().status == "VOID"

    def test_sent_again_gives_the_first_result(self, floor: Floor) -> None:
        slip, request_id = _opened(floor), uuid4()

        sent = [undo_opening(slip=slip, actor=floor.boss, at=floor.now, request_id=request_id) for _ in range(2)]

        assert [each.number for each in sent] == [1, 1]
        assert [each.replayed for each in sent] == [False, True]

    def test_may_be_done_by_who_corrects_slips(self, floor: Floor) -> None:
        slip = _opened(floor)

        undo_opening(slip=slip, actor=floor.supervisor, at=floor.now)

        assert RatingSlip.objects.get().status == "VOID"

    @pytest.mark.parametrize(
        ("case", "code"), [("late", "UNDO_TOO_LATE"), ("changed", "SLIP_CHANGED"), ("not mine", "NOT_PERMITTED")]
    )
    def test_is_refused_and_changes_nothing(self, floor: Floor, case: str, code: str) -> None:
        slip = _opened(floor)
        if case == "changed":
            change_average_bet(slip=slip, average_bet=Decimal(75), actor=floor.boss, at=floor.now)
        actor = _other_boss(floor) if case == "not mine" else floor.boss
        at = floor.now + timedelta(minutes=11 if case == "late" else 0)

        with pytest.raises(DomainError) as refusal:
            undo_opening(slip=slip, actor=actor, at=at)

        assert refusal.value.code == code
        assert RatingSlip.objects.get().status == "OPEN"

    def test_of_a_slip_without_recorded_requests_is_too_late(self, floor: Floor) -> None:
        segment = segment_row(floor)
        segment.save()

        with refused(UndoTooLate):
            undo_opening(slip=segment.slip, actor=floor.boss, at=floor.now)

    def test_is_no_way_to_take_away_play_that_was_reassigned(self, floor: Floor) -> None:
        moved = reassign_rating_slip(
            slip=_opened(floor), player=floor.player(), actor=floor.boss, at=floor.now, reason="Two cards mixed up"
        )

        with pytest.raises(SlipChanged):
            undo_opening(slip=moved.slip, actor=floor.boss, at=floor.now)
