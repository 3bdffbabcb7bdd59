"""“Wrong player”: the slip is void, and the same play and money are the right player's, in one commit."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError
from django.utils import timezone

from core.errors import DomainError
from core.idempotency import IdempotencyConflict
from core.models import Player
from loyalty.services import pause_program
from ratingslips.history import read_events
from ratingslips.models import RatingSlip
from ratingslips.services import (
    Reassignment,
    SlipIsVoid,
    complete_rating_slip,
    continue_rating_slip,
    pause_rating_slip,
    reassign_rating_slip,
    record_buy_in,
    strike_money_row,
    void_rating_slip,
)
from tests.concurrency import Elsewhere, in_turn
from tests.factories import PitFactory, PlayerFactory
from tests.floor import Floor, declared
from tests.loyalty.rows import account_of
from tests.loyalty.test_concurrency import without_locks
from tests.ratingslips.corrections import correct, last_at, spend
from tests.refusals import everything, refused
from tests.statements import assert_at_most, statements_of

MOST_STATEMENTS = 40
# What the slip of the right player has from the old one, and what it gets of its own.
KEPT = {"casino", "table", "pit", "seat", "status", "opened_at", "closed_at", "gaming_day", "theoretical_win"}
OWN = {
    *("id", "slip_number", "player", "opened_by", "closed_by", "correlation_id", "continues", "reassigned_from"),
    *("ledger_entry", "settled_at", "owed_because", "withheld_because", "released_at", "recovered_by"),
    *("recovery_correlation_id", "correction_count", "corrected_points", "uncollected_points"),
}
Play = list[tuple[Any, ...]]


def reassign(floor: Floor, slip: RatingSlip, player: Player, **changes: Any) -> Reassignment:
    """Give a slip to another player as the supervisor, now, unless told otherwise."""
    arguments: dict[str, Any] = {"actor": floor.supervisor, "at": floor.now, "reason": "Two cards were mixed up"}
    return reassign_rating_slip(slip=slip.pk, player=player, **(arguments | changes))


def _play(slip: RatingSlip) -> Play:
    columns = ("seq", "table", "pit", "seat", "average_bet", "house_edge_percent", "decisions_per_hour", "started_at")
    return list(slip.segments.order_by("seq").values_list(*columns))


def _closed(floor: Floor) -> RatingSlip:
    slip = floor.played_slip(buy_in=Decimal(500))
    wrong = record_buy_in(slip=slip, amount=Decimal(50), actor=floor.boss, at=floor.ago(minutes=20))
    strike_money_row(row=wrong, reason="Counted twice by me", actor=floor.boss, at=floor.now)
    complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now, chips_out=Decimal(120))
    return slip


def _points(player: Player) -> int:
    return account_of(player).balance


class TestReassignRatingSlip:
    @pytest.mark.usefixtures("invariants_hold")
    def test_gives_closed_play_money_and_points_to_the_right_player(self, floor: Floor) -> None:
        old, right = _closed(floor), floor.player()
        wrong = old.player
        play = _play(old)
        floor.open_slip(at=floor.now)  # somebody else sat down in the seat

        new = reassign(floor, old, right).slip

        old.refresh_from_db()
        new = RatingSlip.objects.with_money().get(pk=new.pk)
        assert (old.status, new.status, new.player, new.reassigned_from) == ("VOID", "CLOSED", right, old)
        assert (_points(wrong), _points(right)) == (0, 578)
        assert (new.theoretical_win, new.opened_at, new.closed_at) == (Decimal("57.75"), old.opened_at, old.closed_at)
        assert _play(new) == play
        assert (new.buy_in, new.chips_out, new.money_rows.count()) == (Decimal(500), Decimal(120), 2)
        assert new.slip_number != old.slip_number

    def test_decides_about_every_column_of_the_slip(self, floor: Floor) -> None:
        old, right = _closed(floor), floor.player()
        was = RatingSlip.objects.get(pk=old.pk)

        new = RatingSlip.objects.get(pk=reassign(floor, old, right).slip.pk)

        assert {field.name for field in RatingSlip._meta.concrete_fields} == KEPT | OWN
        assert {name: getattr(new, name) for name in KEPT} == {name: getattr(was, name) for name in KEPT}

    @pytest.mark.usefixtures("invariants_hold")
    def test_numbers_the_play_of_a_corrected_slip_from_one(self, floor: Floor) -> None:
        old = _closed(floor)
        correct(floor, old, last_at(old, 50))

        new = reassign(floor, old, floor.player()).slip

        assert [seq for seq, *_ in _play(new)] == [1, 2]

    @pytest.mark.usefixtures("invariants_hold")
    @pytest.mark.parametrize("paused", [False, True])
    def test_keeps_a_live_slip_live_in_its_seat(self, floor: Floor, paused: bool) -> None:
        old, right = floor.played_slip(), floor.player()
        if paused:
            pause_rating_slip(slip=old, actor=floor.boss, at=floor.ago(minutes=5))

        new = reassign(floor, old, right, actor=floor.boss).slip

        assert RatingSlip.objects.get(pk=new.pk).status == ("PAUSED" if paused else "OPEN")
        settled = complete_rating_slip(slip=new, actor=floor.boss, at=floor.now)
        assert (settled.theoretical_win > 40, _points(right) > 0, _points(old.player)) == (True, True, 0)

    def test_withholds_the_points_of_a_barred_player(self, floor: Floor) -> None:
        old, right = _closed(floor), floor.player(status=Player.Status.BARRED)

        new = reassign(floor, old, right).slip

        assert (new.withheld_because, _points(right), _points(old.player)) == ("BARRED", 0, 0)

    def test_leaves_what_the_balance_does_not_cover_uncollected(self, floor: Floor) -> None:
        old, right = _closed(floor), floor.player()
        spend(floor, old.player, 500)

        voided = reassign(floor, old, right).voided

        assert (voided.uncollected, _points(old.player), _points(right)) == (500, 0, 578)

    def test_of_an_owed_slip_leaves_points_owed_while_paused(self, floor: Floor) -> None:
        old, right = floor.owed_slip(), floor.player()
        pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Month-end freeze")

        new = reassign(floor, old, right).slip

        assert RatingSlip.objects.get(pk=new.pk).owed_because == "PROGRAM_PAUSED"

    def test_keeps_the_pit_of_the_play_after_its_table_moved(self, floor: Floor) -> None:
        old, right = _closed(floor), floor.player()
        floor.table.pit = PitFactory.create(casino=floor.casino)
        floor.table.save()

        new = reassign(floor, old, right).slip

        assert (new.pit_id, {row[2] for row in _play(new)}) == (floor.pit.pk, {floor.pit.pk})

    @pytest.mark.usefixtures("invariants_hold")
    @pytest.mark.parametrize("is_same", [True, False])
    def test_keeps_two_slips_of_a_visit_linked(self, floor: Floor, is_same: bool) -> None:
        first, right = _closed(floor), floor.player()
        second = continue_rating_slip(slip=first, actor=floor.boss, at=timezone.now())

        before = reassign(floor, first, right).slip
        after = reassign(floor, second, right if is_same else floor.player(), at=timezone.now()).slip

        opened = read_events(RatingSlip.objects.get(pk=after.pk))[0].words
        link = f", continues slip {before.slip_number}" if is_same else ""
        assert (after.continues, after.reassigned_from) == (before if is_same else None, second)
        assert opened.endswith(f"{link}, with the play of slip {second.slip_number}")

    def test_sent_again_gives_the_first_result(self, floor: Floor) -> None:
        old, right, request_id = _closed(floor), floor.player(), uuid4()

        first, again = [reassign(floor, old, right, request_id=request_id) for _ in range(2)]

        assert (first.slip, first.replayed, again.replayed) == (again.slip, False, True)
        assert _points(right) == 578

    def test_of_the_new_slip_is_no_replay_of_itself(self, floor: Floor) -> None:
        right = floor.player()
        new = reassign(floor, _closed(floor), right).slip

        with refused(IdempotencyConflict):
            reassign(floor, new, right, request_id=new.requests.get().pk)

    def test_takes_few_statements(self, floor: Floor) -> None:
        old, right = _closed(floor), floor.player()

        assert_at_most(MOST_STATEMENTS, statements_of(lambda: reassign(floor, old, right)))


def _own_of_the_right(floor: Floor, right: Player) -> None:
    declared(floor.supervisor, right)


def _played_elsewhere(floor: Floor, right: Player) -> None:
    slip = floor.open_slip(player=right, seat=2, at=floor.ago(minutes=90))
    complete_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=60))


def _plays_elsewhere(floor: Floor, right: Player) -> None:
    floor.open_slip(player=right, seat=2, at=floor.ago(minutes=90))


def _pause(floor: Floor, right: Player) -> None:
    pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Month-end freeze")


class TestRefusal:
    @pytest.mark.parametrize(
        ("happens", "code"),
        [
            (_own_of_the_right, "OWN_PLAY"),
            (_played_elsewhere, "PLAYER_STILL_PLAYED"),
            (_plays_elsewhere, "PLAYER_HAS_LIVE_SLIP"),
            (_pause, "PROGRAM_PAUSED"),
        ],
    )
    def test_of_closed_play_changes_nothing(
        self, floor: Floor, happens: Callable[[Floor, Player], None], code: str
    ) -> None:
        old, right = _closed(floor), floor.player()
        happens(floor, right)
        before = everything()

        with pytest.raises(DomainError) as refusal:
            reassign(floor, old, right)

        assert refusal.value.code == code
        assert everything() == before

    def test_of_live_play_for_a_barred_player(self, floor: Floor) -> None:
        with pytest.raises(DomainError, match="is barred: a live slip is not given to them") as refusal:
            reassign(floor, floor.played_slip(), floor.player(status=Player.Status.BARRED))

        assert refusal.value.code == "PLAYER_NOT_ACTIVE"

    def test_of_closed_play_to_who_may_not_correct_it(self, floor: Floor) -> None:
        with pytest.raises(DomainError) as refusal:
            reassign(floor, _closed(floor), floor.player(), actor=floor.boss)

        assert refusal.value.code == "NOT_PERMITTED"

    def test_of_the_same_player_a_stranger_and_a_void_slip(self, floor: Floor) -> None:
        old = floor.played_slip()
        void = floor.open_slip(seat=2)
        void_rating_slip(slip=void, actor=floor.supervisor, at=floor.now, reason="Nobody sat there at all")
        codes = []
        for slip, player in ((old, old.player), (old, PlayerFactory.create()), (void, floor.player())):
            with pytest.raises(DomainError) as refusal:
                reassign(floor, slip, player)
            codes.append(refusal.value.code)

        assert codes == ["SAME_PLAYER", "NOT_FOUND", "SLIP_VOID"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("invariants_hold")
class TestClosingAtTheSameTime:
    def test_waits_and_finds_the_slip_void(self, committed_floor: Floor) -> None:
        moved, closed = self._in_turn(committed_floor)

        assert moved.result().slip.status == "OPEN"
        assert isinstance(closed.outcome(), SlipIsVoid)

    @pytest.mark.shows(39)
    def test_would_be_stopped_by_a_trigger_alone_without_the_lock(
        self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        without_locks(monkeypatch)

        moved, closed = self._in_turn(committed_floor)

        assert moved.result().slip.status == "OPEN"
        assert isinstance(closed.outcome(), IntegrityError)

    def _in_turn(self, floor: Floor) -> tuple[Elsewhere[Reassignment], Elsewhere[Any]]:
        old, right = floor.played_slip(), floor.player()
        return in_turn(
            lambda: reassign(floor, old, right),
            lambda: complete_rating_slip(slip=old, actor=floor.boss, at=floor.now),
        )
