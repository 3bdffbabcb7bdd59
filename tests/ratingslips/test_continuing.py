"""“Still playing”: a slip that was closed by mistake goes on as another one, and no second of play is lost."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError

from core.errors import DomainError
from core.models import Player
from core.permissions import NotPermitted
from ratingslips.models import RatingSlip, SlipRequest
from ratingslips.services import (
    SlipContinued,
    SlipCorrected,
    complete_rating_slip,
    continue_rating_slip,
    pause_rating_slip,
    record_chips_out,
    strike_money_row,
    undo_opening,
)
from tests.concurrency import in_turn
from tests.factories import PitFactory, StaffFactory
from tests.floor import Floor
from tests.loyalty.test_concurrency import without_locks
from tests.ratingslips.corrections import correct, last_at, void
from tests.ratingslips.test_reassigning import reassign
from tests.refusals import refused


def _closed(floor: Floor, slip: RatingSlip | None = None, **arguments: object) -> RatingSlip:
    slip = slip or floor.played_slip()
    complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now, **arguments)  # type: ignore[arg-type]
    slip.refresh_from_db()
    return slip


def _continued(floor: Floor, slip: RatingSlip) -> RatingSlip:
    new = continue_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
    return RatingSlip.objects.get(pk=new.pk)


class TestContinueRatingSlip:
    def test_opens_at_the_closing_with_seat_and_last_bet(self, floor: Floor) -> None:
        slip = floor.played_slip()
        record_chips_out(slip=slip, amount=Decimal(50), actor=floor.boss, at=floor.now)
        struck = record_chips_out(slip=slip, amount=Decimal(40), actor=floor.boss, at=floor.now)
        strike_money_row(row=struck, reason="Counted twice by me", actor=floor.boss, at=floor.now)
        old = _closed(floor, slip, chips_out=Decimal(250))

        new = _continued(floor, old)

        segment = new.segments.get()
        assert (new.continues, new.player, new.table, new.seat) == (old, old.player, old.table, old.seat)
        day = floor.casino.gaming_day_at(floor.now)
        assert (new.status, new.opened_at, new.gaming_day) == ("OPEN", old.closed_at, day)
        assert (segment.started_at, segment.average_bet, segment.ended_at) == (old.closed_at, Decimal(100), None)
        assert [(row.means, row.amount) for row in new.money_rows.all()] == [("CHIPS", Decimal(300))]
        assert old.ledger_entry_id == RatingSlip.objects.get(pk=old.pk).ledger_entry_id is not None

    @pytest.mark.usefixtures("invariants_hold")
    def test_is_paused_if_the_slip_was_paused(self, floor: Floor) -> None:
        slip = floor.played_slip()
        pause_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=5))

        new = _continued(floor, _closed(floor, slip))

        segment = new.segments.get()
        assert (new.status, segment.ended_as, segment.ended_at) == ("PAUSED", "PAUSED", new.opened_at)

    def test_sent_again_gives_the_first_result(self, floor: Floor) -> None:
        old, request_id = _closed(floor), uuid4()

        sent = [
            continue_rating_slip(slip=old, actor=floor.boss, at=floor.now, request_id=request_id).pk for _ in range(2)
        ]

        assert sent == [old.continued_by.pk] * 2
        assert SlipRequest.objects.get(pk=request_id).kind == "CONTINUE"

    def test_is_refused_to_who_does_not_operate_the_pit(self, floor: Floor) -> None:
        with pytest.raises(NotPermitted):
            continue_rating_slip(slip=_closed(floor), actor=StaffFactory.create(casino=floor.casino), at=floor.now)


def _bar(floor: Floor, slip: RatingSlip) -> None:
    Player.objects.filter(pk=slip.player_id).update(status=Player.Status.BARRED)


def _take_seat(floor: Floor, slip: RatingSlip) -> None:
    floor.open_slip(at=floor.now)


def _seat_elsewhere(floor: Floor, slip: RatingSlip) -> None:
    floor.open_slip(player=slip.player, seat=2, at=floor.now)


def _close_table(floor: Floor, slip: RatingSlip) -> None:
    floor.table.is_active = False
    floor.table.save()


def _move_table(floor: Floor, slip: RatingSlip) -> None:
    floor.table.pit = PitFactory.create(casino=floor.casino)
    floor.table.save()


def _wait(floor: Floor, slip: RatingSlip) -> None:
    floor.now += timedelta(minutes=11)


def _continue(floor: Floor, slip: RatingSlip) -> None:
    continue_rating_slip(slip=slip, actor=floor.boss, at=floor.now)


def _correct(floor: Floor, slip: RatingSlip) -> None:
    correct(floor, slip, last_at(slip, 200))


class TestRefusal:
    @pytest.mark.parametrize(
        ("happens", "code"),
        [
            (_bar, "PLAYER_NOT_ACTIVE"),
            (_take_seat, "SEAT_TAKEN"),
            (_seat_elsewhere, "PLAYER_HAS_LIVE_SLIP"),
            (_close_table, "TABLE_NOT_ACTIVE"),
            (_move_table, "TABLE_NOT_ACTIVE"),
            (_wait, "UNDO_TOO_LATE"),
            (_continue, "SLIP_CONTINUED"),
            (_correct, "SLIP_CORRECTED"),
            (void, "SLIP_VOID"),
        ],
    )
    def test_says_why_and_opens_nothing(
        self, floor: Floor, happens: Callable[[Floor, RatingSlip], None], code: str
    ) -> None:
        old = _closed(floor)
        happens(floor, old)
        before = RatingSlip.objects.count()

        with pytest.raises(DomainError) as refusal:
            continue_rating_slip(slip=old, actor=floor.boss, at=floor.now)

        assert refusal.value.code == code
        assert RatingSlip.objects.count() == before

    def test_after_its_continuation_was_undone_says_what_to_do(self, floor: Floor) -> None:
        old = _closed(floor)
        undo_opening(slip=_continued(floor, old), actor=floor.boss, at=floor.now)

        with refused(SlipContinued, "It is void: open a new slip"):
            _continue(floor, old)

    def test_of_reassigned_play_says_where_it_was_closed(self, floor: Floor) -> None:
        old = _closed(floor)
        new = reassign(floor, old, floor.player()).slip

        with refused(SlipCorrected, f"was closed on slip {old.slip_number}, for the wrong player. Open a new slip"):
            _continue(floor, new)

    def test_of_a_live_slip_says_that_it_is_not_closed(self, floor: Floor) -> None:
        slip = floor.played_slip()

        with pytest.raises(DomainError) as refusal:
            continue_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

        assert refusal.value.code == "SLIP_NOT_CLOSED"


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("invariants_hold")
class TestTwoTablets:
    def test_open_one_continuation(self, committed_floor: Floor) -> None:
        old = _closed(committed_floor)

        _, second = in_turn(*[lambda: _continued(committed_floor, old)] * 2)

        assert isinstance(second.outcome(), SlipContinued)
        assert RatingSlip.objects.filter(continues=old).count() == 1

    @pytest.mark.shows(39)
    def test_would_be_stopped_by_a_constraint_alone_without_the_lock(
        self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old = _closed(committed_floor)
        without_locks(monkeypatch)

        _, second = in_turn(*[lambda: _continued(committed_floor, old)] * 2)

        assert isinstance(second.outcome(), IntegrityError)
