"""Many hands on one account: every point once, none lost; and for each guard, what happens without it.

Two real connections or more. A control takes one guard away and sees the race.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from core.idempotency import IdempotencyConflict
from core.locks import lock_name
from core.models import Player, User
from loyalty.models import LedgerEntry, PlayerLoyalty
from loyalty.services import AwardRateExceeded, LoyaltyPosting
from loyalty.services.accounts import lock_account
from loyalty.services.posting import entry_with_key
from tests.concurrency import Elsewhere, held, held_before_commit, in_turn, made_to_wait, replace_locks, together
from tests.constraints import inserted
from tests.factories import StaffFactory
from tests.floor import Floor, declared, give_rights
from tests.loyalty.postings import adjust, award, increment
from tests.loyalty.rows import account_of, entry
from tests.replacing import replace

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("invariants_hold")]


def without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the guard away: rows are read as they are and locked by nobody."""
    replace_locks(monkeypatch, lambda rows, **_: rows.order_by("pk"))


def supervisors(floor: Floor, number: int) -> list[User]:
    """Staff who may give points by hand, each with a rate of their own."""
    staff: list[User] = StaffFactory.create_batch(number, casino=floor.casino)
    for member in staff:
        give_rights((member, floor.program, ["award", "adjust"]))
    return staff


Give = Callable[..., object]
BY_HAND = pytest.mark.parametrize("give", [award, adjust])


def posted(outcomes: list[Any]) -> list[LoyaltyPosting]:
    """The postings among outcomes, all of which must be one."""
    assert [outcome for outcome in outcomes if not isinstance(outcome, LoyaltyPosting)] == []
    return outcomes


def _check_references_now() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


class TestAccountLock:
    @pytest.mark.shows(3)
    def test_makes_the_second_posting_wait_and_count_from_the_first(self, floor: Floor, player: Player) -> None:
        second = made_to_wait(lambda: award(floor, player), by=lambda: increment(floor, player, points=1_000))
        posting = second.result()

        assert (posting.balance_before, posting.balance_after) == (1_000, 1_100)
        assert (posting.tier_before, account_of(player).balance) == ("Silver", 1_100)

    @pytest.mark.shows(39)
    def test_prevents_a_lost_update(self, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        player = floor.player()
        without_locks(monkeypatch)

        second = made_to_wait(lambda: award(floor, player), by=lambda: increment(floor, player, points=1_000))
        outcome = second.outcome()

        # It read a balance of 0 and is caught by the last net, UNIQUE (account, seq): nobody told the caller so.
        assert isinstance(outcome, IntegrityError)
        assert "loyalty_ledger_seq_unique_in_account" in str(outcome)

    @pytest.mark.shows(23)
    def test_does_not_hold_up_rows_that_refer_to_the_account(self, floor: Floor, player: Player) -> None:
        with held(lambda: lock_account(player_id=player.pk, at=floor.now)):
            slip = floor.open_slip(player=player)
            card = Elsewhere(lambda: declared(floor.supervisor, player)).result()

        assert slip.player == card.player == player

    @pytest.mark.shows(23)
    def test_lets_an_entry_of_the_account_itself_in(self, floor: Floor) -> None:
        account = account_of(floor.player())

        def enter_and_roll_back() -> int:
            with transaction.atomic():
                inserted(entry(floor, account=account))
                # What the entry refers to is looked up now, and not at a commit that never comes.
                _check_references_now()
                entries = LedgerEntry.objects.count()
                transaction.set_rollback(True)
                return entries

        with held(lambda: PlayerLoyalty.objects.locked().get(pk=account.pk)):
            entries = Elsewhere(enter_and_roll_back).result()

        assert entries == 1

    @pytest.mark.shows(23, 39)
    def test_would_hold_them_up_if_it_were_for_update(self, floor: Floor, player: Player) -> None:
        inserting = made_to_wait(
            lambda: declared(floor.supervisor, player),
            by=lambda: Player.objects.select_for_update().get(pk=player.pk),
        )

        assert inserting.result().player == player


class TestOneRequestManyTimes:
    @pytest.mark.parametrize("reward_id", [None, "promo-77"])
    @pytest.mark.shows(16)
    def test_is_one_entry_and_thirty_two_equal_answers(self, floor: Floor, reward_id: str | None) -> None:
        player = floor.player()

        postings = posted(together([lambda: award(floor, player, reward_id=reward_id)] * 32))

        assert sorted(posting.replayed for posting in postings) == [False] + [True] * 31
        assert len({(posting.entry_id, posting.balance_before, posting.balance_after) for posting in postings}) == 1
        assert LedgerEntry.objects.count() == 1
        assert account_of(player).balance == 100

    @pytest.mark.shows(7, 39)
    def test_would_be_two_postings_without_looking_the_key_up(
        self, floor: Floor, player: Player, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        award(floor, player)
        replace(monkeypatch, entry_with_key, lambda *keys: None)

        outcome = Elsewhere(lambda: award(floor, player)).outcome()

        assert isinstance(outcome, IntegrityError)
        assert "idempotency_key" in str(outcome)

    def _of_two_players(self, floor: Floor, give: Give) -> Any:
        """What the second of two members of staff is answered who give points to two players with one id."""
        one, other = floor.player(), floor.player()
        (colleague,) = supervisors(floor, 1)
        key = "reward_id" if give is award else "adjustment_id"
        _, second = in_turn(
            lambda: give(floor, one, **{key: "promo-77"}),
            lambda: give(floor, other, **{key: "promo-77"}, actor=colleague),
        )
        return second.outcome()

    @BY_HAND
    def test_is_a_conflict_for_one_id_and_two_players(self, floor: Floor, give: Give) -> None:
        outcome = self._of_two_players(floor, give)

        assert isinstance(outcome, IdempotencyConflict)
        assert outcome.fields == ("player", "staff")
        assert LedgerEntry.objects.count() == 1

    @BY_HAND
    @pytest.mark.shows(39)
    def test_would_break_without_the_lock_on_the_id(
        self, floor: Floor, give: Give, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        replace(monkeypatch, lock_name, lambda *_: None)

        assert isinstance(self._of_two_players(floor, give), IntegrityError)


class TestFirstPoints:
    def _newcomer(self, floor: Floor) -> Player:
        """A player who was enrolled in bulk, past the signal that opens the account."""
        player = Player(casino=floor.casino, card_number="1001", first_name="José", last_name="Nguyễn")
        return Player.objects.bulk_create([player])[0]

    @pytest.mark.shows(1, 21)
    def test_of_sixteen_open_one_account_and_are_all_there(self, floor: Floor) -> None:
        player = self._newcomer(floor)
        staff = supervisors(floor, 16)

        posted(together([partial(award, floor, player, points=n, actor=staff[n - 1]) for n in range(1, 17)]))

        assert PlayerLoyalty.objects.count() == 1
        assert account_of(player).balance == sum(range(1, 17))

    @pytest.mark.shows(21, 39)
    def test_would_break_if_accounts_were_opened_without_ignoring_conflicts(
        self, floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        player = self._newcomer(floor)
        create = PlayerLoyalty.objects.bulk_create
        monkeypatch.setattr(PlayerLoyalty.objects, "bulk_create", lambda rows, ignore_conflicts: create(rows))

        second = made_to_wait(lambda: award(floor, player), by=lambda: increment(floor, player))

        assert isinstance(second.outcome(), IntegrityError)
        assert PlayerLoyalty.objects.count() == 1

    def test_wait_for_an_account_that_is_being_opened(self, floor: Floor) -> None:
        player = self._newcomer(floor)

        second = made_to_wait(lambda: award(floor, player), by=lambda: increment(floor, player))

        assert second.result().balance_after == 200
        assert PlayerLoyalty.objects.count() == 1


class TestRateLimit:
    def _nine_awards(self, floor: Floor) -> None:
        player = floor.player()
        for points in range(1, 10):
            award(floor, player, points=points)

    @BY_HAND
    def test_makes_a_person_s_eleventh_wait_for_the_tenth(self, floor: Floor, give: Give) -> None:
        self._nine_awards(floor)
        one, other = floor.player(), floor.player()

        _, eleventh = in_turn(lambda: give(floor, one), lambda: give(floor, other))

        assert isinstance(eleventh.outcome(), AwardRateExceeded)

    @BY_HAND
    @pytest.mark.shows(32, 39)
    def test_would_let_the_eleventh_pass_without_the_lock(
        self, floor: Floor, give: Give, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self._nine_awards(floor)
        one, other = floor.player(), floor.player()
        without_locks(monkeypatch)

        with held_before_commit(lambda: give(floor, one)):
            Elsewhere(lambda: give(floor, other)).result()

        assert LedgerEntry.objects.filter(staff=floor.supervisor, created_at__gt=floor.ago(seconds=60)).count() == 11

    def test_does_not_make_one_member_of_staff_wait_for_another(self, floor: Floor) -> None:
        one, other = floor.player(), floor.player()
        (colleague,) = supervisors(floor, 1)

        with held_before_commit(lambda: award(floor, one)):
            assert Elsewhere(lambda: award(floor, other, actor=colleague)).result().points == 100
