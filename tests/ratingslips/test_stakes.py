"""What money on a slip may be."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratingslips.services.stakes import (
    MAX_AMOUNT,
    MAX_AVERAGE_BET,
    InvalidAmount,
    InvalidAverageBet,
    require_amount,
    require_average_bet,
)
from tests.properties import property_settings

NOT_MONEY: tuple[Any, ...] = (
    Decimal("-0.01"),
    Decimal("0.001"),
    Decimal("40.005"),
    Decimal("1E-30"),
    Decimal("1E-999999"),
    Decimal("0.0100000000000000000000000000000001"),
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("Infinity"),
    Decimal("-Infinity"),
    Decimal("1E+999999"),
    40.0,
    40,
    "40.00",
)


class TestRequireAverageBet:
    @pytest.mark.parametrize("bet", ["0.01", "40", "40.5", "40.00", "40.000", "4E+1", "1000000.00"])
    def test_takes_whole_cents_up_to_the_limit(self, bet: str) -> None:
        require_average_bet(Decimal(bet))

    @pytest.mark.parametrize("bet", [*NOT_MONEY, None, Decimal(0), Decimal("-0"), MAX_AVERAGE_BET + Decimal("0.01")])
    def test_refuses_everything_else(self, bet: Any) -> None:
        with pytest.raises(InvalidAverageBet, match=r"more than 0 and at most 1,000,000.00"):
            require_average_bet(bet)

    @property_settings
    @given(st.integers(1, int(MAX_AVERAGE_BET) * 100), st.integers(1, 9), st.integers(3, 60))
    def test_refuses_any_part_of_a_cent(self, cents: int, digit: int, place: int) -> None:
        bet = Decimal(cents).scaleb(-2)
        part = Decimal(f"{bet - Decimal('0.01'):f}{'0' * (place - 3)}{digit}")

        require_average_bet(bet)
        with pytest.raises(InvalidAverageBet):
            require_average_bet(part)


class TestRequireAmount:
    @pytest.mark.parametrize("amount", [None, Decimal(0), Decimal("0.01"), MAX_AMOUNT])
    def test_takes_nothing_recorded_and_whole_cents_from_zero(self, amount: Decimal | None) -> None:
        require_amount(amount, name="buy-in")

    @pytest.mark.parametrize("amount", [*NOT_MONEY, MAX_AMOUNT + Decimal("0.01")])
    def test_refuses_everything_else_by_name(self, amount: Any) -> None:
        with pytest.raises(InvalidAmount, match=r"The chips-out amount must be 0 to 100,000,000.00"):
            require_amount(amount, name="chips-out amount")
