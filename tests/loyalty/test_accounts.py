"""Accounts: opened at enrolment, and once."""

import pytest
from django.core import serializers
from django.db import transaction
from django.utils import timezone

from core.models import Player
from loyalty.models import LoyaltyProgram, PlayerLoyalty, Tier
from loyalty.services import NoLoyaltyProgram, open_accounts
from loyalty.services.accounts import lock_account, rules_in_force
from tests.factories import CasinoFactory, PlayerFactory, ProgramFactory
from tests.floor import Floor
from tests.loyalty.postings import increment
from tests.loyalty.rows import account_of
from tests.refusals import refused


def _without_account(floor: Floor) -> Player:
    """A player who was enrolled in bulk, past the signal."""
    return Player.objects.bulk_create(
        [Player(casino=floor.casino, card_number="1001", first_name="José", last_name="Nguyễn")]
    )[0]


class TestEnrolment:
    def test_opens_an_account_in_the_first_tier(self, floor: Floor, player: Player) -> None:
        account = account_of(player)
        assert (account.balance, account.lifetime_points, account.entry_count) == (0, 0, 0)
        assert (account.program, account.tier.name) == (floor.program, "Bronze")

    def test_opens_it_in_the_first_of_two_close_tiers(self, floor: Floor) -> None:
        Tier.objects.create(program=floor.program, name="Starter", threshold_points=1, multiplier=1)

        assert account_of(floor.player()).tier.name == "Bronze"

    def test_is_possible_in_a_programme_of_one_tier(self, db: None) -> None:
        casino = CasinoFactory.create()
        program = LoyaltyProgram.objects.create(casino=casino, name="One tier for all")
        tier = Tier.objects.create(program=program, name="Everybody", threshold_points=0, multiplier=1)

        assert account_of(PlayerFactory.create(casino=casino)).tier == tier

    def test_leaves_the_account_at_hand_on_the_player(self, player: Player) -> None:
        assert player.loyalty.pk == account_of(player).pk

    def test_opens_no_second_one_when_the_player_changes(self, player: Player) -> None:
        player.status = Player.Status.INACTIVE
        player.save()

        assert PlayerLoyalty.objects.count() == 1

    def test_is_possible_in_a_casino_without_a_programme(self, floor: Floor) -> None:
        PlayerFactory.create(casino=CasinoFactory.create())

        assert not PlayerLoyalty.objects.exists()

    def test_leaves_loaded_rows_alone(self, floor: Floor) -> None:
        player = Player(pk=1, casino=floor.casino, card_number="1001")
        written = serializers.serialize("json", [player], fields=["casino", "card_number"])

        for row in serializers.deserialize("json", written):
            row.save()

        assert Player.objects.count() == 1
        assert not PlayerLoyalty.objects.exists()

    def test_goes_through_in_a_programme_without_a_first_tier(self, db: None) -> None:
        program = LoyaltyProgram.objects.create(casino=CasinoFactory.create(), name="Not set up yet")

        player = PlayerFactory.create(casino=program.casino)

        assert not PlayerLoyalty.objects.filter(player=player).exists()


class TestRulesInForce:
    def test_have_their_tiers_in_order_however_these_were_written(self, db: None) -> None:
        program = LoyaltyProgram.objects.create(casino=CasinoFactory.create(), name="From the top")
        for threshold in (500, 100, 0):
            Tier.objects.create(program=program, name=f"From {threshold}", threshold_points=threshold, multiplier=1)

        rules = rules_in_force(program_id=program.pk, earned_at=timezone.now())

        assert [tier.threshold_points for tier in rules.tiers] == [0, 100, 500]


class TestLockAccount:
    def test_opens_the_one_that_is_missing_and_no_other(self, floor: Floor) -> None:
        floor.player(first_name="Ada", last_name="Abel", card_number="1000")
        newcomer = _without_account(floor)

        with transaction.atomic():
            assert lock_account(player_id=newcomer.pk, at=floor.now).player == newcomer


_open_accounts = transaction.atomic(open_accounts)


class TestOpenAccounts:
    def test_opens_those_that_are_missing_and_leaves_the_rest(self, floor: Floor) -> None:
        regular, newcomer = floor.player(), _without_account(floor)
        increment(floor, regular)

        _open_accounts(players=[regular, newcomer], at=floor.now)

        assert account_of(regular).balance == 100
        assert account_of(newcomer).balance == 0

    def test_does_nothing_for_nobody(self, floor: Floor) -> None:
        _open_accounts(players=[], at=floor.now)

        assert not PlayerLoyalty.objects.exists()

    def test_refuses_a_casino_without_a_programme(self, floor: Floor) -> None:
        player = PlayerFactory.create(casino=CasinoFactory.create())

        with refused(NoLoyaltyProgram, "has no loyalty programme"):
            _open_accounts(players=[player], at=floor.now)

    @pytest.mark.parametrize("tiers", [(), (("Silver", 1_000, "1.25"),)])
    def test_refuses_a_programme_without_a_tier_that_begins_at_0(
        self, db: None, tiers: tuple[tuple[str, int, str], ...]
    ) -> None:
        player = _without_account(Floor.build(ProgramFactory.create(rules__tiers=tiers)))

        with refused(NoLoyaltyProgram, "no tier that begins at 0"):
            _open_accounts(players=[player], at=timezone.now())

    def test_come_with_the_first_points_where_they_are_missing(self, floor: Floor) -> None:
        player = _without_account(floor)

        posting = increment(floor, player)

        assert (posting.balance_before, account_of(player).balance) == (0, 100)
