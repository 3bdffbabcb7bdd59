"""Reversals and adjustments at the same moment as one another, and as awards and redemptions of the same account."""

from functools import partial

import pytest
from django.db import IntegrityError

from core.models import Player, User
from loyalty.models import LedgerEntry
from loyalty.services import AlreadyReversed, AwardRateExceeded, InsufficientBalance, LoyaltyPosting
from tests.concurrency import in_turn, made_to_wait, together
from tests.factories import StaffFactory
from tests.floor import Floor, give_rights
from tests.loyalty.postings import adjust, award, increment, reverse
from tests.loyalty.rows import account_of
from tests.loyalty.test_concurrency import without_locks

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("invariants_hold")]


@pytest.fixture
def colleague(floor: Floor) -> User:
    """A second supervisor."""
    staff: User = StaffFactory.create(casino=floor.casino)
    give_rights((staff, floor.program, ["award", "reverse", "adjust"]))
    return staff


class TestTwoReversals:
    def test_by_two_people_are_one_and_a_refusal(self, floor: Floor, player: Player, colleague: User) -> None:
        entry_id = award(floor, player).entry_id
        award(floor, player, points=1_000)

        first, second = in_turn(lambda: reverse(floor, entry_id), lambda: reverse(floor, entry_id, actor=colleague))

        assert first.result().balance_after == 1_000
        assert isinstance(second.outcome(), AlreadyReversed)

    @pytest.mark.shows(39)
    def test_would_be_told_by_a_constraint_without_the_lock(
        self, floor: Floor, player: Player, colleague: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        entry_id = award(floor, player).entry_id
        without_locks(monkeypatch)

        _, second = in_turn(lambda: reverse(floor, entry_id), lambda: reverse(floor, entry_id, actor=colleague))

        assert isinstance(second.outcome(), IntegrityError)

    @pytest.mark.shows(16)
    def test_of_one_form_are_one_entry_and_equal_answers(self, floor: Floor, player: Player) -> None:
        entry_id = award(floor, player).entry_id

        outcomes = together([partial(reverse, floor, entry_id, expected_entries=1)] * 8)

        postings = [outcome for outcome in outcomes if isinstance(outcome, LoyaltyPosting)]
        assert sorted(posting.replayed for posting in postings) == [False] + [True] * 7
        assert LedgerEntry.objects.count() == 2


class TestReversalBesideARedemption:
    def test_of_the_same_points_waits_and_says_what_is_missing(self, floor: Floor, player: Player) -> None:
        entry_id = award(floor, player).entry_id

        waiting = made_to_wait(
            lambda: reverse(floor, entry_id), by=lambda: increment(floor, player, kind="REDEMPTION", points=-30)
        )

        refusal = waiting.outcome()
        assert isinstance(refusal, InsufficientBalance)
        assert "30 points are missing" in str(refusal)

    @pytest.mark.shows(39)
    def test_would_be_told_by_a_constraint_without_the_lock(
        self, floor: Floor, player: Player, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        entry_id = award(floor, player).entry_id
        without_locks(monkeypatch)

        waiting = made_to_wait(
            lambda: reverse(floor, entry_id), by=lambda: increment(floor, player, kind="REDEMPTION", points=-30)
        )

        assert isinstance(waiting.outcome(), IntegrityError)

    def test_and_an_award_counts_from_what_the_other_left(self, floor: Floor, player: Player) -> None:
        entry_id = award(floor, player).entry_id

        waiting = made_to_wait(lambda: reverse(floor, entry_id), by=lambda: increment(floor, player, points=7))

        assert (waiting.result().balance_before, waiting.result().balance_after) == (107, 7)


class TestAdjustmentsAtOnce:
    def test_take_no_point_twice(self, floor: Floor, player: Player, colleague: User) -> None:
        award(floor, player, actor=colleague)

        outcomes = together([partial(adjust, floor, player, points=-(2**power)) for power in range(8)])

        assert sum(-outcome.posting.points for outcome in outcomes if not isinstance(outcome, BaseException)) == 100
        assert account_of(player).balance == 0

    @pytest.mark.shows(39)
    def test_would_only_be_held_by_a_constraint_without_the_lock(
        self, floor: Floor, player: Player, colleague: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        award(floor, player)
        without_locks(monkeypatch)

        _, second = in_turn(
            lambda: adjust(floor, player, points=-60), lambda: adjust(floor, player, points=-70, actor=colleague)
        )

        assert isinstance(second.outcome(), IntegrityError)

    @pytest.mark.shows(32)
    def test_count_with_awards_for_the_eleventh(self, floor: Floor) -> None:
        player, other = floor.player(), floor.player()
        for number in range(9):
            adjust(floor, player, points=number + 1)

        _, eleventh = in_turn(lambda: award(floor, player), lambda: adjust(floor, other))

        assert isinstance(eleventh.outcome(), AwardRateExceeded)
