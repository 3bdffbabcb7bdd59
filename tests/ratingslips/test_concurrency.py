"""Two tablets at once on slips, seats and players; and for each guard, what happens without it."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, transaction
from guardian.shortcuts import assign_perm

from core.models import Player, User
from loyalty.models import LedgerEntry, PlayerLoyalty
from ratingslips.models import GamingTable, RatingSlip
from ratingslips.services import (
    SeatTaken,
    SlipNumberTaken,
    SlipSettlement,
    complete_rating_slip,
    move_rating_slip,
    opening,
    recover_slip_loyalty,
)
from tests.concurrency import Elsewhere, backend_id, deadlocks, in_turn, together, wait_until_blocked
from tests.factories import StaffFactory, TableFactory
from tests.floor import Floor
from tests.log_lines import log_lines
from tests.loyalty.postings import award
from tests.loyalty.rows import account_of
from tests.loyalty.test_concurrency import without_locks
from tests.ratingslips.rows import write_owed
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("invariants_hold")]


def _complete(floor: Floor, slip: RatingSlip, *, actor: User | None = None) -> SlipSettlement:
    return complete_rating_slip(slip=slip.pk, actor=actor or floor.boss, at=floor.now)


def _boss(floor: Floor) -> User:
    """Another boss of the pit."""
    boss: User = StaffFactory.create(casino=floor.casino)
    assign_perm("ratingslips.operate_pit", boss, floor.pit)
    return boss


def _recover(floor: Floor, slip: RatingSlip) -> SlipSettlement:
    return recover_slip_loyalty(slip=slip.pk, actor=floor.supervisor, at=floor.now)


def settled(outcomes: list[Any]) -> list[SlipSettlement]:
    """The settlements among outcomes, all of which must be one."""
    assert [outcome for outcome in outcomes if not isinstance(outcome, SlipSettlement)] == []
    return outcomes


def _failed_credits(first: Callable[[], object], second: Callable[[], object]) -> int:
    """How often a credit fails, and the completion is done again, while both run at once."""
    with log_lines() as lines:
        for call in in_turn(first, second):
            call.result()
    return sum(line["event"] == "ratingslips.credit_failed" for line in lines)


class TestDuplicateCompletion:
    @pytest.mark.shows(5)
    def test_waits_for_the_first_and_is_its_replay(self, floor: Floor, played_slip: RatingSlip) -> None:
        first, second = in_turn(lambda: _complete(floor, played_slip), lambda: _complete(floor, played_slip))

        assert (first.result().replayed, second.result().replayed) == (False, True)
        assert first.result().points == second.result().points == account_of(played_slip.player).balance == 578
        assert LedgerEntry.objects.count() == 1

    @pytest.mark.shows(5)
    def test_is_one_entry_and_eight_equal_answers(self, floor: Floor, played_slip: RatingSlip) -> None:
        settlements = settled(together([lambda: _complete(floor, played_slip)] * 8))

        assert sorted(settlement.replayed for settlement in settlements) == [False] + [True] * 7
        assert {settlement.points for settlement in settlements} == {578}
        assert LedgerEntry.objects.count() == 1

    @pytest.mark.shows(5)
    def test_by_two_bosses_waits_and_tells_the_first_settlement(self, floor: Floor) -> None:
        colleague = _boss(floor)
        slip = floor.played_slip()

        first, second = in_turn(lambda: _complete(floor, slip), lambda: _complete(floor, slip, actor=colleague))

        assert (first.result().replayed, second.result().replayed) == (False, True)
        assert first.result().points == second.result().points == account_of(slip.player).balance == 578
        assert RatingSlip.objects.get(pk=slip.pk).closed_by == floor.boss

    @pytest.mark.shows(5)
    def test_by_eight_bosses_is_one_entry_and_eight_equal_answers(self, floor: Floor, played_slip: RatingSlip) -> None:
        bosses = [_boss(floor) for _ in range(8)]

        settlements = settled(together([partial(_complete, floor, played_slip, actor=boss) for boss in bosses]))

        assert sorted(settlement.replayed for settlement in settlements) == [False] + [True] * 7
        assert {settlement.points for settlement in settlements} == {578}
        assert LedgerEntry.objects.count() == 1

    @pytest.mark.shows(39)
    def test_would_break_for_the_second_boss_without_the_lock(
        self, floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        colleague = _boss(floor)
        slip = floor.played_slip()
        without_locks(monkeypatch)

        # Both found it open, and only the unique key stops the second.
        assert _failed_credits(lambda: _complete(floor, slip), lambda: _complete(floor, slip, actor=colleague)) == 1

    @pytest.mark.shows(39)
    def test_would_answer_as_the_first_without_the_lock(self, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        slip = floor.played_slip()
        without_locks(monkeypatch)

        assert _failed_credits(lambda: _complete(floor, slip), lambda: _complete(floor, slip)) == 1


class TestAwardAndCompletionAtOnce:
    def test_come_to_the_right_balance_and_two_entries(self, floor: Floor, played_slip: RatingSlip) -> None:
        _, completing = in_turn(lambda: award(floor, played_slip.player), lambda: _complete(floor, played_slip))

        assert completing.result().posting.balance_before == 100  # type: ignore[union-attr]
        assert account_of(played_slip.player).balance == 678
        assert LedgerEntry.objects.count() == 2

    @pytest.mark.shows(20, 39)
    def test_would_fail_the_credit_without_the_lock(self, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        slip = floor.played_slip()
        without_locks(monkeypatch)

        # Both counted from 0, and UNIQUE (account, seq) refuses the second.
        assert _failed_credits(lambda: award(floor, slip.player), lambda: _complete(floor, slip)) == 1
        assert account_of(slip.player).balance == 678


class TestTwoPlayersSlips:
    """Four hands settle 50 slips forwards and backwards; `benchmark_opposite_orders.py` does it 10,000 times."""

    @pytest.mark.shows(22)
    def test_settled_in_opposite_orders_never_deadlock(self, floor: Floor) -> None:
        before = deadlocks()
        mine, theirs = (write_owed(floor, floor.player(), seat=seat, number=25) for seat in (1, 2))
        forwards = [slip for pair in zip(mine, theirs, strict=True) for slip in pair]

        def settle_all(slips: list[RatingSlip]) -> list[SlipSettlement]:
            return [_recover(floor, slip) for slip in slips]

        outcomes = together([partial(settle_all, forwards), partial(settle_all, forwards[::-1])] * 2)

        assert [len(each) if isinstance(each, list) else each for each in outcomes] == [50] * 4
        assert LedgerEntry.objects.count() == 50
        assert deadlocks() == before

    @pytest.mark.shows(22, 39)
    def test_would_deadlock_if_accounts_were_locked_in_any_order(self, floor: Floor) -> None:
        one, other, before = account_of(floor.player()), account_of(floor.player()), deadlocks()
        lock = PlayerLoyalty.objects.locked

        def lock_other_then_one() -> None:
            with transaction.atomic():
                lock().get(pk=other.pk)
                lock().get(pk=one.pk)

        def lock_one_then_other() -> None:
            with transaction.atomic():
                lock().get(pk=one.pk)
                crossing.append(Elsewhere(lock_other_then_one))
                wait_until_blocked(crossing[0].backend, by=backend_id())
                lock().get(pk=other.pk)

        crossing: list[Elsewhere[None]] = []
        outcomes: list[object] = []
        try:
            lock_one_then_other()
        except OperationalError as error:
            outcomes.append(error)
        outcomes.append(crossing[0].outcome())

        broken = [outcome for outcome in outcomes if isinstance(outcome, OperationalError)]
        assert len(broken) == 1
        assert "deadlock" in str(broken[0])
        wait_until(lambda: deadlocks() == before + 1)


class TestOneSeat:
    def _open(self, floor: Floor, player: Player, **arguments: Any) -> RatingSlip:
        return floor.open_slip(player=player, at=floor.now, **arguments)

    def test_goes_to_the_first_of_two_who_open_at_once(self, floor: Floor) -> None:
        one, other = floor.player(), floor.player()

        first, second = in_turn(lambda: self._open(floor, one), lambda: self._open(floor, other))

        assert isinstance(second.outcome(), SeatTaken)
        assert first.result().slip_number in str(second.outcome())

    def test_goes_to_the_first_of_an_opening_and_a_move(self, floor: Floor) -> None:
        seated, newcomer = floor.open_slip(seat=2), floor.player()

        _, moving = in_turn(
            lambda: self._open(floor, newcomer),
            lambda: move_rating_slip(slip=seated.pk, seat=1, actor=floor.boss, at=floor.now),
        )

        assert isinstance(moving.outcome(), SeatTaken)
        assert RatingSlip.objects.get(pk=seated.pk).seat == 2

    def test_goes_to_the_first_of_two_who_move(self, floor: Floor) -> None:
        one, other = floor.open_slip(seat=2), floor.open_slip(seat=3)
        move = partial(move_rating_slip, seat=1, actor=floor.boss, at=floor.now)

        _, second = in_turn(lambda: move(slip=one.pk), lambda: move(slip=other.pk))

        assert isinstance(second.outcome(), SeatTaken)

    @pytest.mark.shows(39)
    def test_would_be_guarded_by_its_constraint_alone_without_the_locks(
        self, floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one, other = floor.player(), floor.player()
        without_locks(monkeypatch)

        _, second = in_turn(lambda: self._open(floor, one), lambda: self._open(floor, other))

        assert isinstance(second.outcome(), IntegrityError)
        assert "ratingslips_slip_one_live_per_seat" in str(second.outcome())


class TestOneSlipNumber:
    def _open(self, floor: Floor, player: Player, table: GamingTable) -> RatingSlip:
        return floor.open_slip(player=player, table=table, at=floor.now, slip_number="S-1")

    def test_goes_to_the_first_of_two_tables(self, floor: Floor, next_table: GamingTable) -> None:
        one, other = floor.player(), floor.player()

        _, second = in_turn(lambda: self._open(floor, one, floor.table), lambda: self._open(floor, other, next_table))

        assert isinstance(second.outcome(), SlipNumberTaken)

    @pytest.mark.shows(39)
    def test_would_be_guarded_by_the_constraint_alone_without_the_lock(
        self, floor: Floor, next_table: GamingTable, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one, other = floor.player(), floor.player()
        monkeypatch.setattr(opening, "lock_names", lambda kind, names: None)

        _, second = in_turn(lambda: self._open(floor, one, floor.table), lambda: self._open(floor, other, next_table))

        assert isinstance(second.outcome(), IntegrityError)


class TestCrossingMoves:
    def test_of_two_tables_do_not_deadlock(self, floor: Floor) -> None:
        here, there = floor.table, TableFactory.create(casino=floor.casino, pit=floor.pit)
        one, other = floor.open_slip(table=here, seat=1), floor.open_slip(table=there, seat=1)

        def to_and_fro(slip: RatingSlip, *, start: GamingTable, end: GamingTable, seat: int) -> int:
            for number in range(20):
                move_rating_slip(
                    slip=slip.pk, table=start if number % 2 else end, seat=seat, actor=floor.boss, at=floor.now
                )
            return 20

        outcomes = together(
            [
                partial(to_and_fro, one, start=here, end=there, seat=2),
                partial(to_and_fro, other, start=there, end=here, seat=3),
            ]
        )

        assert outcomes == [20, 20]


class TestRecoveryAtOnce:
    def test_by_two_pays_once(self, floor: Floor, owed_slip: RatingSlip) -> None:
        first, second = in_turn(lambda: _recover(floor, owed_slip), lambda: _recover(floor, owed_slip))

        assert (first.result().replayed, second.result().replayed) == (False, True)
        assert account_of(owed_slip.player).balance == 578

    def test_with_the_bosss_own_retry_pays_once(self, floor: Floor, owed_slip: RatingSlip) -> None:
        _, retrying = in_turn(lambda: _recover(floor, owed_slip), lambda: _complete(floor, owed_slip))

        assert (retrying.result().points, retrying.result().replayed) == (578, True)
        assert LedgerEntry.objects.count() == 1

    @pytest.mark.shows(30, 39)
    def test_would_be_stopped_by_a_constraint_alone_without_the_locks(
        self, floor: Floor, owed_slip: RatingSlip, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        without_locks(monkeypatch)

        _, second = in_turn(lambda: _recover(floor, owed_slip), lambda: _recover(floor, owed_slip))

        assert isinstance(second.outcome(), IntegrityError)
        assert account_of(owed_slip.player).balance == 578
