"""The eight scenarios that the product is accepted by, in order, each as short as it can be said.

Each is tested in depth beside its app; this page is for the reader who asks "and does it …?".
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from uuid import uuid4

import pytest
from guardian.shortcuts import assign_perm

from core import correlation
from core.models import Player
from loyalty.models import LedgerEntry
from loyalty.services import AwardRateExceeded, LoyaltyPosting, manual_reward, pause_program, resume_program
from ratingslips.models import RatingSlip
from ratingslips.services import (
    PartialCompletion,
    change_average_bet,
    complete_rating_slip,
    open_rating_slip,
    recover_slip_loyalty,
)
from tests.concurrency import Elsewhere, held_before_commit, in_turn, together, wait_until_blocked
from tests.factories import StaffFactory
from tests.floor import Floor, give_rights
from tests.loyalty.rows import account_of
from tests.ratingslips.test_statements import MOST_OF_A_COMPLETION
from tests.statements import assert_at_most, statements_of

REASON = "Birthday of a regular guest"


def test_1_completion_end_to_end(floor: Floor) -> None:
    """A player sits down, raises the bet and leaves: the slip is closed and its points stand in the ledger."""
    player, correlation_id = floor.player(), uuid4()

    with correlation.bound(correlation_id):
        slip = open_rating_slip(
            player=player, table=floor.table, seat=1, average_bet=Decimal(40), actor=floor.boss, at=floor.ago(hours=2)
        )
        change_average_bet(slip=slip, average_bet=Decimal(100), actor=floor.boss, at=floor.ago(minutes=30))
        settlement = complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

    entry = LedgerEntry.objects.get()
    assert (settlement.theoretical_win, settlement.points) == (Decimal("57.75"), 578)
    assert RatingSlip.objects.get().ledger_entry == entry
    assert (entry.balance_before, entry.points, entry.balance_after) == (0, 578, 578)
    assert entry.correlation_id == settlement.correlation_id == correlation_id
    assert account_of(player).balance == 578


def test_2_duplicate_completion_makes_one_entry(committed_floor: Floor) -> None:
    """Two tablets close one slip at once: the second waits and gets the first one's result."""
    floor = committed_floor
    slip, colleague = floor.played_slip(), StaffFactory.create(casino=floor.casino)
    give_rights((colleague, floor.pit, ["operate_pit"]))
    complete = partial(complete_rating_slip, slip=slip.pk, at=floor.now)

    first, second = in_turn(partial(complete, actor=floor.boss), partial(complete, actor=colleague))

    assert (first.result().replayed, second.result().replayed) == (False, True)
    assert first.result().points == second.result().points == 578
    assert LedgerEntry.objects.count() == 1


def test_3_manual_reward_is_recorded_with_its_staff(floor: Floor, player: Player) -> None:
    """A supervisor awards points by hand: the entry says who, how many and why."""

    posting = manual_reward(player=player, points=250, reason=REASON, actor=floor.supervisor, at=floor.now)

    entry = LedgerEntry.objects.get()
    assert (entry.kind, entry.points, entry.staff, entry.reason) == ("MANUAL_BONUS", 250, floor.supervisor, REASON)
    assert (posting.balance_before, posting.balance_after) == (0, 250)


def test_4_rate_limit_lets_ten_awards_a_minute_pass(committed_floor: Floor) -> None:
    """Twelve awards by one member of staff from twelve connections: ten are made, two refused."""
    floor = committed_floor
    award = partial(manual_reward, points=100, reason=REASON, actor=floor.supervisor, at=floor.now)

    outcomes = together([partial(award, player=floor.player()) for _ in range(12)])

    assert len([outcome for outcome in outcomes if isinstance(outcome, LoyaltyPosting)]) == 10
    assert len([outcome for outcome in outcomes if isinstance(outcome, AwardRateExceeded)]) == 2
    assert LedgerEntry.objects.count() == 10


def test_5_completion_is_quick(floor: Floor) -> None:
    """A completion takes few statements; how long they last is for a benchmark to say, not for a test."""
    slip = floor.open_slip()

    statements = statements_of(lambda: complete_rating_slip(slip=slip.pk, actor=floor.boss, at=floor.now))

    assert_at_most(MOST_OF_A_COMPLETION, statements)


def test_6_failed_points_are_recovered_once_with_the_same_key(floor: Floor) -> None:
    """The programme is paused: the slip closes, its points are owed, and recovery pays them, also when run twice."""
    slip = floor.played_slip()
    pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Migration of the tiers")
    with pytest.raises(PartialCompletion) as partial_completion:
        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
    resume_program(program=floor.program, actor=floor.supervisor)

    first = recover_slip_loyalty(slip=slip, actor=floor.supervisor, at=floor.now)
    again = recover_slip_loyalty(slip=slip, actor=floor.supervisor, at=floor.now)

    entry = LedgerEntry.objects.get()
    assert (entry.idempotency_key, entry.correlation_id) == (str(slip.pk), partial_completion.value.correlation_id)
    assert (first.points, first.replayed, again.points, again.replayed) == (578, False, 578, True)
    assert account_of(slip.player).balance == 578


def test_7_award_and_completion_at_once_leave_the_right_balance(committed_floor: Floor) -> None:
    """An award and a completion meet on one account: the second counts from the first, and both are there."""
    floor = committed_floor
    slip = floor.played_slip()

    with held_before_commit(
        lambda: manual_reward(player=slip.player, points=100, reason=REASON, actor=floor.supervisor, at=floor.now)
    ) as awarding:
        completing = Elsewhere(lambda: complete_rating_slip(slip=slip.pk, actor=floor.boss, at=floor.now))
        wait_until_blocked(completing.backend, by=awarding.backend)
    points = completing.result().points

    assert account_of(slip.player).balance == 100 + points
    assert list(LedgerEntry.objects.order_by("seq").values_list("kind", flat=True)) == ["MANUAL_BONUS", "GAMEPLAY"]


def test_7_ten_awards_of_one_hundred_points_are_a_thousand(committed_floor: Floor) -> None:
    """Ten members of staff award 100 points to one player at the same moment."""
    floor = committed_floor
    player = floor.player()
    staff = StaffFactory.create_batch(10, casino=floor.casino)
    for member in staff:
        assign_perm("loyalty.award", member, floor.program)
    award = partial(manual_reward, player=player, points=100, reason=REASON, at=floor.now)

    outcomes = together([partial(award, actor=member) for member in staff])

    assert all(isinstance(outcome, LoyaltyPosting) for outcome in outcomes)
    assert (account_of(player).balance, account_of(player).entry_count) == (1_000, 10)


def test_8_same_award_is_one_entry_on_each_day(floor: Floor, player: Player) -> None:
    """The gaming day begins at 06:00: until then the same award is the same entry."""
    rollover = datetime(2025, 6, 15, 13, tzinfo=UTC)  # 06:00 in Los Angeles
    award = partial(manual_reward, player=player, points=100, reason=REASON, actor=floor.supervisor)

    evening = award(at=rollover - timedelta(hours=10))
    before_six = award(at=rollover - timedelta(seconds=1))
    at_six = award(at=rollover)

    assert before_six == replace(evening, replayed=True)
    assert at_six.entry_id != evening.entry_id
    assert account_of(player).balance == 200
