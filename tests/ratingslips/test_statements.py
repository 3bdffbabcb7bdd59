"""The statements of the busiest use cases; those that post points, whatever the length of the player's history."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from core.models import Player
from loyalty.services import manual_reward
from ratingslips.services import (
    change_average_bet,
    complete_rating_slip,
    continue_rating_slip,
    release_withheld_points,
    strike_money_row,
    undo_opening,
)
from tests.floor import Floor
from tests.loyalty.rows import account_of, write_history
from tests.statements import assert_at_most, statements_of

MOST_OF_A_COMPLETION = 12
MOST_OF_AN_OPENING = 15
MOST_OF_A_NEW_BET = 10
MOST_OF_AN_AWARD = 12
MOST_OF_A_STRIKE = 11

histories = pytest.mark.parametrize("entries", [0, 1, 300])


def _player_with(floor: Floor, *, entries: int) -> Player:
    player = floor.player()
    write_history(floor, account_of(player), entries=entries)
    return player


class TestStatementsOfACompletion:
    @histories
    def test_are_few(self, floor: Floor, entries: int) -> None:
        slip = floor.open_slip(player=_player_with(floor, entries=entries))

        statements = statements_of(lambda: complete_rating_slip(slip=slip.pk, actor=floor.boss, at=floor.now))

        assert_at_most(MOST_OF_A_COMPLETION, statements)
        assert statements[0].startswith("SAVEPOINT")
        assert statements[-1].startswith("RELEASE SAVEPOINT")

    def test_with_money_are_one_more(self, floor: Floor) -> None:
        slip = floor.open_slip(buy_in=Decimal(200))
        money: dict[str, Any] = {"buy_in": Decimal(700), "chips_out": Decimal(90)}

        statements = statements_of(lambda: complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now, **money))

        assert_at_most(MOST_OF_A_COMPLETION + 1, statements)


class TestStatementsOfPuttingRight:
    @pytest.mark.parametrize(
        ("service", "most"),
        [(undo_opening, 13), (continue_rating_slip, 20), (release_withheld_points, 18)],
    )
    def test_are_few(self, floor: Floor, service: Callable[..., object], most: int) -> None:
        slip = floor.open_slip() if service is undo_opening else floor.played_slip(buy_in=Decimal(500))
        if service is release_withheld_points:
            Player.objects.update(status="BARRED")
        if service is not undo_opening:
            complete_rating_slip(slip=slip.pk, actor=floor.boss, at=floor.now, chips_out=Decimal(300))
        Player.objects.update(status="ACTIVE")
        because = {"reason": "They may play again"} if service is release_withheld_points else {}

        assert_at_most(
            most, statements_of(lambda: service(slip=slip.pk, actor=floor.supervisor, at=floor.now, **because))
        )

    def test_of_a_struck_row_are_few(self, floor: Floor) -> None:
        row = floor.open_slip(buy_in=Decimal(500)).money_rows.get()
        because: dict[str, Any] = {"reason": "Counted twice by me", "actor": floor.boss, "at": floor.now}

        assert_at_most(MOST_OF_A_STRIKE, statements_of(lambda: strike_money_row(row=row, **because)))


class TestStatementsOfPlay:
    def test_of_an_opening_are_few(self, floor: Floor) -> None:
        player = floor.player()

        assert_at_most(MOST_OF_AN_OPENING, statements_of(lambda: floor.open_slip(player=player)))

    def test_of_a_new_bet_are_few(self, floor: Floor) -> None:
        slip = floor.open_slip()
        bet: dict[str, Any] = {"average_bet": Decimal(100), "actor": floor.boss, "at": floor.now}

        assert_at_most(MOST_OF_A_NEW_BET, statements_of(lambda: change_average_bet(slip=slip.pk, **bet)))


class TestStatementsOfAnAward:
    @histories
    @pytest.mark.parametrize("reward_id", [None, "promo-77"])
    def test_are_few(self, floor: Floor, entries: int, reward_id: str | None) -> None:
        player = _player_with(floor, entries=entries)

        statements = statements_of(
            lambda: manual_reward(
                player=player,
                points=100,
                reason="Birthday of a regular guest",
                actor=floor.supervisor,
                at=floor.now,
                reward_id=reward_id,
            )
        )

        assert_at_most(MOST_OF_AN_AWARD, statements)


class TestAssertAtMost:
    def test_prints_the_list_when_it_is_exceeded(self) -> None:
        with pytest.raises(AssertionError, match=r"2 statements, at most 1 allowed:\n  1\. SELECT 1\n  2\. SELECT 2"):
            assert_at_most(1, ["SELECT 1", "SELECT 2"])
