"""Play earns points, at the rate of its time and the tier of now."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from core.errors import NotFound
from core.idempotency import IdempotencyConflict
from core.models import Player
from loyalty.models import EarningRate, LedgerEntry, Tier
from loyalty.services import NoEarningRate, ProgramPaused, accrue_play, pause_program
from tests.factories import ProgramFactory
from tests.floor import Floor
from tests.loyalty.postings import accrue, accrue_if_worth, increment
from tests.loyalty.rows import account_of
from tests.refusals import refused
from tests.tampering import take_the_guards_off


class TestAccruePlay:
    def test_posts_the_worked_example_at_the_player_s_tier(self, floor: Floor, player: Player) -> None:
        increment(floor, player, points=1_000)

        posting = accrue(floor, player)

        assert posting.points == 722
        assert LedgerEntry.objects.get(seq=2).inputs["calculation"] == {
            "theoretical_win": "57.75",
            "points_per_unit": "10.0000",
            "multiplier": "1.250",
            "tier": "Silver",
            "exact_points": "721.875000000",
            "play": {"slip_number": "R00001"},
        }

    @pytest.mark.shows(4)
    def test_uses_the_tier_from_before_the_points_that_raise_it(self, floor: Floor, player: Player) -> None:
        increment(floor, player, points=999)

        posting = accrue(floor, player)

        assert (posting.points, posting.tier_before, posting.tier_after) == (578, "Bronze", "Silver")

    def test_uses_todays_multiplier_of_the_tier(self, floor: Floor) -> None:
        take_the_guards_off()
        Tier.objects.filter(name="Bronze").update(multiplier=3)

        assert accrue(floor, floor.player()).points == 1_733  # 1732.5

    def test_posts_for_the_system_and_not_for_staff(self, floor: Floor) -> None:
        correlation_id = uuid4()

        accrue(floor, floor.player(), correlation_id=correlation_id)

        entry = LedgerEntry.objects.get()
        assert (entry.kind, entry.staff, entry.correlation_id) == ("GAMEPLAY", None, correlation_id)

    def test_keeps_what_a_repetition_must_repeat(self, floor: Floor, player: Player) -> None:
        accrue(floor, player, earned_at=floor.now.astimezone(floor.casino.zone))

        assert LedgerEntry.objects.get().inputs["request"] == {
            "kind": "GAMEPLAY",
            "player": player.pk,
            "theoretical_win": "57.75",
            "earned_at": floor.now.isoformat(),
        }

    def test_opens_the_account_of_a_player_who_has_none(self, floor: Floor) -> None:
        newcomer = Player(casino=floor.casino, card_number="1001", first_name="José", last_name="Nguyễn")
        Player.objects.bulk_create([newcomer])  # past the signal that opens the account

        accrue(floor, newcomer)

        account = account_of(newcomer)
        assert (account.balance, account.entry_count, account.updated_at) == (578, 1, floor.now)

    def test_needs_no_entry_for_no_points(self, floor: Floor) -> None:
        posting = accrue_if_worth(floor, floor.player(), theoretical_win=Decimal("0.04"))

        assert posting is None
        assert not LedgerEntry.objects.exists()

    def test_refuses_play_of_worth_while_the_programme_is_paused(self, floor: Floor, player: Player) -> None:
        pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Month-end freeze")

        with refused(ProgramPaused):
            accrue(floor, player)
        assert accrue_if_worth(floor, player, theoretical_win=Decimal("0.04")) is None

    def test_refuses_a_player_who_does_not_exist(self, floor: Floor) -> None:
        with refused(NotFound), transaction.atomic():
            accrue_play(
                player_id=0,
                theoretical_win=Decimal(1),
                earned_at=floor.now,
                reason="Play on slip R00001",
                idempotency_key="once",
                at=floor.now,
                correlation_id=uuid4(),
                play={},
            )


class TestEarningRate:
    @pytest.mark.parametrize(("ended", "points"), [(timedelta(), 1_155), (timedelta(microseconds=1), 578)])
    def test_is_the_one_in_force_when_the_play_ended(self, floor: Floor, ended: timedelta, points: int) -> None:
        in_an_hour = floor.now + timedelta(hours=1)
        EarningRate.objects.create(program=floor.program, points_per_unit=20, effective_from=in_an_hour)

        assert accrue(floor, floor.player(), earned_at=in_an_hour - ended).points == points
        assert accrue(floor, floor.player(), earned_at=in_an_hour - ended, at=floor.now).points == points

    def test_is_that_of_the_player_s_own_programme(self, floor: Floor) -> None:
        ProgramFactory.create(rules__points_per_unit=Decimal(20))

        assert accrue(floor, floor.player()).points == 578

    def test_is_not_guessed_where_there_was_none(self, floor: Floor, player: Player) -> None:
        with refused(NoEarningRate, "had no earning rate"):
            accrue(floor, player, earned_at=floor.now - timedelta(days=365 * 100))


class TestReplayedAccrual:
    def test_gives_the_first_result_while_the_programme_is_paused(self, floor: Floor, player: Player) -> None:
        first = accrue(floor, player, idempotency_key="once")
        pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Month-end freeze")

        again = accrue(floor, player, idempotency_key="once")

        assert again == replace(first, replayed=True)

    @pytest.mark.parametrize("field", ["player", "theoretical_win", "earned_at"])
    @pytest.mark.shows(17)
    def test_names_the_field_that_differs_and_changes_nothing(self, floor: Floor, field: str) -> None:
        request: dict[str, Any] = {"player": floor.player(), "idempotency_key": "once"}
        changed: dict[str, Any] = {
            "player": floor.player(),
            "theoretical_win": Decimal("57.76"),
            "earned_at": floor.ago(microseconds=1),
        }
        accrue(floor, **request)

        with refused(IdempotencyConflict, f"different {field.replace('_', ' ')}\\."):
            accrue(floor, **request | {field: changed[field]})
