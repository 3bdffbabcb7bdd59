"""What a service sees that had to wait for a row: the row as it is after the wait, and the rows that it refers to then.

A control reads before the lock what the service reads after it, and sees the service act on what is no longer so.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from core.models import Player
from loyalty.models import LedgerEntry, LoyaltyProgram, PlayerLoyalty
from loyalty.services import LoyaltyPosting, ProgramPaused
from loyalty.services.accounts import lock_account, rules_in_force
from loyalty.services.by_hand import require_active_and_rate
from ratingslips.models import GamingTable, PlaySegment, RatingSlip
from ratingslips.services import change_average_bet, complete_rating_slip, move_rating_slip
from ratingslips.services.game_values import all_values
from ratingslips.services.live_slips import LiveSlip
from ratingslips.services.requests import RequestKind, lock_request
from ratingslips.services.seats import lock_table
from ratingslips.services.segments import read_segments, read_segments_and_request
from tests.concurrency import in_turn, made_to_wait
from tests.factories import PitFactory, TableFactory
from tests.floor import Floor
from tests.loyalty.postings import award, increment
from tests.loyalty.test_concurrency import without_locks
from tests.replacing import replace

pytestmark = pytest.mark.django_db(transaction=True)


def move_without_commit(slip: RatingSlip, *, floor: Floor, to: GamingTable) -> None:
    """Move a slip as `move_rating_slip` does, in a transaction that the caller ends."""
    request_id = uuid4()
    request = lock_request(RequestKind.MOVE, request_id=request_id, actor=floor.boss, slip_id=slip.pk, contents={})
    live = LiveSlip.lock(slip.pk, request=request, actor=floor.boss, at=floor.ago(minutes=1), expected_version=None)
    there = lock_table(table_id=to.pk)
    live.end(PlaySegment.End.MOVED)
    live.begin(PlaySegment.Start.MOVED, table=there, seat=2)
    live.slip.table, live.slip.pit, live.slip.seat = there, there.pit, 2
    live.save("table", "pit", "seat")


class TestCompleteRatingSlip:
    def test_closes_a_slip_that_moved_while_it_waited(self, floor: Floor, slip: RatingSlip) -> None:
        other = TableFactory.create(casino=floor.casino, pit=floor.pit)

        waiting = made_to_wait(
            lambda: complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now),
            by=lambda: move_without_commit(slip, floor=floor, to=other),
        )
        settlement = waiting.result()

        assert settlement.points > 0
        assert RatingSlip.objects.get(pk=slip.pk).table == other
        assert [segment.table for segment in slip.segments.order_by("seq")] == [floor.table, other]

    def test_closes_at_the_instant_of_a_later_change(self, floor: Floor, slip: RatingSlip) -> None:
        later = floor.now + timedelta(microseconds=1)
        change = partial(change_average_bet, slip=slip, average_bet=Decimal(75), actor=floor.boss, at=later)

        _, waiting = in_turn(change, lambda: complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now))

        assert waiting.result().points == 420
        assert RatingSlip.objects.get(pk=slip.pk).closed_at == later

    def test_asks_for_the_right_on_the_present_pit(self, floor: Floor, slip: RatingSlip) -> None:
        elsewhere = TableFactory.create(casino=floor.casino, pit=PitFactory.create(casino=floor.casino))

        waiting = made_to_wait(
            lambda: complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now),
            by=lambda: move_without_commit(slip, floor=floor, to=elsewhere),
        )

        assert getattr(waiting.outcome(), "code", None) == "NOT_PERMITTED"

    @pytest.mark.shows(39)
    def test_would_ask_on_the_former_pit_without_reading_again(
        self, floor: Floor, slip: RatingSlip, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        elsewhere = TableFactory.create(casino=floor.casino, pit=PitFactory.create(casino=floor.casino))
        before = read_segments(slip)

        def segments_before(locked: RatingSlip) -> list[PlaySegment]:
            locked.table, locked.pit = before[-1].table, before[-1].pit
            locked.bought_in, locked.last_money_at = Decimal(0), None
            return before

        replace(monkeypatch, read_segments_and_request, lambda locked, _: (segments_before(locked), False))
        waiting = made_to_wait(
            lambda: complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now),
            by=lambda: move_without_commit(slip, floor=floor, to=elsewhere),
        )

        # It passes the question of rights; only the trigger keeps it from ending a segment that has ended.
        assert isinstance(waiting.outcome(), IntegrityError)


class TestLockOfASlip:
    @pytest.mark.shows(39)
    def test_would_lose_a_moved_slip_if_it_joined_tables(self, floor: Floor, slip: RatingSlip) -> None:
        other = TableFactory.create(casino=floor.casino, pit=floor.pit)

        def lock_with_its_table() -> RatingSlip | None:
            with transaction.atomic():
                return RatingSlip.objects.locked().select_related("table").filter(pk=slip.pk).first()

        waiting = made_to_wait(lock_with_its_table, by=lambda: move_without_commit(slip, floor=floor, to=other))

        # PostgreSQL compared the slip as it is now with the table that it was joined with before the wait.
        assert waiting.result() is None


class TestChangeAverageBet:
    def test_goes_on_at_the_table_after_the_move(self, floor: Floor, next_table: GamingTable, slip: RatingSlip) -> None:
        waiting = made_to_wait(
            lambda: change_average_bet(slip=slip, average_bet=Decimal(75), actor=floor.boss, at=floor.now),
            by=lambda: move_without_commit(slip, floor=floor, to=next_table),
        )
        waiting.result()

        last = slip.segments.order_by("-seq")[0]
        assert (last.table, last.seat, last.average_bet) == (next_table, 2, Decimal(75))

    @pytest.mark.shows(39)
    def test_would_go_on_from_the_former_segment_without_the_lock(
        self, floor: Floor, next_table: GamingTable, slip: RatingSlip, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        without_locks(monkeypatch)

        waiting = made_to_wait(
            lambda: change_average_bet(slip=slip, average_bet=Decimal(75), actor=floor.boss, at=floor.now),
            by=lambda: move_without_commit(slip, floor=floor, to=next_table),
        )

        assert isinstance(waiting.outcome(), IntegrityError)


class TestMoveRatingSlip:
    def test_waits_for_a_table_whose_pit_changes_and_finds_it(self, floor: Floor, slip: RatingSlip) -> None:
        other = TableFactory.create(casino=floor.casino, pit=floor.pit)
        elsewhere = PitFactory.create(casino=floor.casino)

        waiting = made_to_wait(
            lambda: move_rating_slip(slip=slip, table=other, seat=1, actor=floor.boss, at=floor.now),
            by=lambda: GamingTable.objects.filter(pk=other.pk).update(pit=elsewhere),
        )

        assert getattr(waiting.outcome(), "code", None) == "NOT_PERMITTED"

    @pytest.mark.shows(39)
    def test_would_ask_on_the_former_pit_without_reading_again(
        self, floor: Floor, next_table: GamingTable, slip: RatingSlip, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        elsewhere = PitFactory.create(casino=floor.casino)

        def read_and_lock(*, table_id: int) -> GamingTable:
            tables = GamingTable.objects.select_related("pit__casino").annotate(values_of_game=all_values("game"))
            table = tables.get(pk=table_id)
            GamingTable.objects.locked().get(pk=table_id)
            return table

        replace(monkeypatch, lock_table, read_and_lock)
        waiting = made_to_wait(
            lambda: move_rating_slip(slip=slip, table=next_table, seat=1, actor=floor.boss, at=floor.now),
            by=lambda: GamingTable.objects.filter(pk=next_table.pk).update(pit=elsewhere),
        )

        # It passes the question of rights; only the trigger keeps the slip out of a pit that its table has left.
        assert isinstance(waiting.outcome(), IntegrityError)


class TestManualReward:
    def _award_while(
        self, floor: Floor, player: Player, change: Callable[[], object]
    ) -> LoyaltyPosting | BaseException:
        """Make an award that waits for the player's account until `change` is committed."""

        def lock_and_change() -> None:
            PlayerLoyalty.objects.locked().get(player=player)
            change()

        waiting = made_to_wait(lambda: award(floor, player), by=lock_and_change)
        return waiting.outcome()

    def _reach_silver(self, floor: Floor, player: Player) -> None:
        increment(floor, player, points=floor.program.tiers.get(name="Silver").threshold_points)

    def test_counts_from_the_tier_that_the_account_has_by_then(self, floor: Floor, player: Player) -> None:
        self._award_while(floor, player, lambda: self._reach_silver(floor, player))

        assert LedgerEntry.objects.get(kind="MANUAL_BONUS").tier_before.name == "Silver"

    @pytest.mark.shows(39)
    def test_is_refused_by_postgresql_without_reading_again(
        self, floor: Floor, player: Player, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def read_and_lock(*, player_id: int, at: datetime) -> PlayerLoyalty:
            account = PlayerLoyalty.objects.select_related("player__casino", "program").get(player=player_id)
            PlayerLoyalty.objects.locked().get(pk=account.pk)
            return account

        replace(monkeypatch, lock_account, read_and_lock)
        outcome = self._award_while(floor, player, lambda: self._reach_silver(floor, player))

        assert isinstance(outcome, IntegrityError)
        assert "loyalty_ledger_seq_unique" in str(outcome)

    def _bar(self, player: Player) -> None:
        Player.objects.filter(pk=player.pk).update(status=Player.Status.BARRED)

    def test_refuses_a_player_who_was_barred_while_it_waited(self, floor: Floor, player: Player) -> None:
        outcome = self._award_while(floor, player, lambda: self._bar(player))

        assert getattr(outcome, "code", None) == "PLAYER_NOT_ACTIVE"

    @pytest.mark.shows(39)
    def test_would_award_to_a_barred_player_without_reading_again(
        self, floor: Floor, player: Player, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert player.status == Player.Status.ACTIVE  # as it was read before
        replace(monkeypatch, require_active_and_rate, lambda *_, **__: None)

        outcome = self._award_while(floor, player, lambda: self._bar(player))

        assert isinstance(outcome, LoyaltyPosting)

    def test_refuses_a_programme_that_was_paused_while_it_waited(self, floor: Floor, player: Player) -> None:
        outcome = self._award_while(floor, player, lambda: self._pause(floor))

        assert isinstance(outcome, ProgramPaused)

    @pytest.mark.shows(39)
    def test_would_post_to_a_paused_programme_without_reading_again(
        self, floor: Floor, player: Player, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = rules_in_force(program_id=floor.program.pk, earned_at=floor.now)
        replace(monkeypatch, rules_in_force, lambda *, program_id, earned_at: before)

        outcome = self._award_while(floor, player, lambda: self._pause(floor))

        assert isinstance(outcome, LoyaltyPosting)

    def _pause(self, floor: Floor) -> None:
        LoyaltyProgram.objects.filter(pk=floor.program.pk).update(
            paused_at=floor.now, paused_by=floor.supervisor, pause_reason="Month-end freeze"
        )
