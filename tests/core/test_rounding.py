"""Half up, exact."""

from decimal import localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rounding import cents_half_up, round_half_up
from tests.properties import property_settings


class TestRoundHalfUp:
    @pytest.mark.parametrize(
        ("value", "rounded"),
        [
            (Fraction(0), 0),
            (Fraction(1, 2), 1),
            (Fraction(3, 2), 2),
            (Fraction(5, 2), 3),
            (Fraction(10**30 - 1, 2 * 10**30), 0),
            (Fraction(721_875, 1000), 722),
            (Fraction(10**30) + Fraction(1, 2), 10**30 + 1),
        ],
    )
    def test_takes_a_half_upwards_and_not_to_the_even_neighbour(self, value: Fraction, rounded: int) -> None:
        assert round_half_up(value) == rounded

    @property_settings
    @given(numerator=st.integers(0, 10**40), denominator=st.integers(1, 10**20))
    def test_agrees_with_long_division(self, numerator: int, denominator: int) -> None:
        whole, rest = divmod(numerator, denominator)

        assert round_half_up(Fraction(numerator, denominator)) == (whole + 1 if 2 * rest >= denominator else whole)


class TestCentsHalfUp:
    @pytest.mark.parametrize(
        ("value", "rounded"),
        [
            (Fraction(0), "0.00"),
            (Fraction(1, 200), "0.01"),
            (Fraction(49, 10_000), "0.00"),
            (Fraction(1, 3), "0.33"),
            (Fraction(9_995, 1000), "10.00"),
            (Fraction(57_75, 100), "57.75"),
        ],
    )
    def test_always_has_two_decimals(self, value: Fraction, rounded: str) -> None:
        assert str(cents_half_up(value)) == rounded

    def test_is_exact_whatever_precision_the_decimal_context_has(self) -> None:
        with localcontext(prec=3):
            assert str(cents_half_up(Fraction(123_456_789_123_456_785, 1000))) == "123456789123456.79"
