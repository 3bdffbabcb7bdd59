"""Theo becomes whole points."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.points import exact_points, points_for, points_for_value, value_of_points
from tests.properties import property_settings

MOST_CENTS = 10**18 - 1  # theo: 18 digits, 2 decimals
MOST_RATE = 1000 * 10**4  # points per unit: 4 decimals
MOST_MULTIPLIER = 10 * 10**3  # tier multiplier: 3 decimals


def _by_hand(cents: int, rate: int, multiplier: int) -> int:
    """Integers all the way: cents × 1/10,000 × 1/1,000, a half upwards."""
    thousand_millionths = cents * rate * multiplier
    whole, rest = divmod(thousand_millionths, 10**9)
    return whole + (rest >= 500_000_000)


def _points(cents: int, rate: int, multiplier: int) -> int:
    return points_for(
        theoretical_win=Decimal(cents).scaleb(-2),
        points_per_unit=Decimal(rate).scaleb(-4),
        multiplier=Decimal(multiplier).scaleb(-3),
    )


class TestPointsFor:
    @pytest.mark.parametrize(
        ("theo", "rate", "multiplier", "points"),
        [
            ("57.75", "10", "1.25", 722),  # the worked example: 721.875
            ("57.75", "10", "1", 578),  # 577.5, a half
            ("0.25", "2", "1", 1),  # 0.5
            ("0.75", "2", "1", 2),  # 1.5
            ("1.25", "2", "1", 3),  # 2.5
            ("0.04", "10", "1.249", 0),  # 0.4996
            ("0.00", "1000", "10", 0),
            ("100.00", "0", "2", 0),
            ("9999999999999999.99", "1000", "10", 99_999_999_999_999_999_900),
        ],
    )
    def test_rounds_half_up_to_a_whole_point(self, theo: str, rate: str, multiplier: str, points: int) -> None:
        made = points_for(theoretical_win=Decimal(theo), points_per_unit=Decimal(rate), multiplier=Decimal(multiplier))

        assert made == points
        assert isinstance(made, int)

    @property_settings
    @given(st.integers(0, MOST_CENTS), st.integers(0, MOST_RATE), st.integers(1, MOST_MULTIPLIER))
    def test_agrees_with_integers_by_hand(self, cents: int, rate: int, multiplier: int) -> None:
        assert _points(cents, rate, multiplier) == _by_hand(cents, rate, multiplier)

    @property_settings
    @given(st.integers(0, 10**9), st.sampled_from([1_000, 1_250, 1_500, 2_000]))
    def test_agrees_with_integers_by_hand_at_the_halves(self, half_points: int, multiplier: int) -> None:
        assert _points(half_points, 50_000, multiplier) == _by_hand(half_points, 50_000, multiplier)

    @property_settings
    @given(
        st.integers(0, MOST_CENTS),
        st.integers(0, MOST_CENTS),
        st.integers(0, MOST_RATE),
        st.integers(1, MOST_MULTIPLIER),
    )
    @pytest.mark.shows(14)
    def test_never_fall_when_theo_rises(self, one: int, other: int, rate: int, multiplier: int) -> None:
        less, more = sorted((one, other))

        assert _points(less, rate, multiplier) <= _points(more, rate, multiplier)


class TestExactPoints:
    def test_loses_no_digit_whatever_precision_the_decimal_context_has(self) -> None:
        with localcontext(prec=3):
            exact = exact_points(
                theoretical_win=Decimal("9999999999999999.99"),
                points_per_unit=Decimal("999.9999"),
                multiplier=Decimal("9.999"),
            )

        assert str(exact) == "99989990000999999900.010009999"


class TestPointsForValue:
    @pytest.mark.parametrize(
        ("value", "each", "points"),
        [("25.00", "0.01", 2_500), ("25.01", "0.05", 501), ("0.01", "9999.9999", 1), ("1.00", "0.0003", 3_334)],
    )
    def test_rounds_up_to_a_whole_point(self, value: str, each: str, points: int) -> None:
        assert points_for_value(Decimal(value), point_value=Decimal(each)) == points

    @property_settings
    @given(st.integers(1, 10**8), st.integers(1, 10**8))
    def test_takes_as_few_points_as_cover_the_value(self, cents: int, ten_thousandths: int) -> None:
        value, each = Decimal(cents).scaleb(-2), Decimal(ten_thousandths).scaleb(-4)

        points = points_for_value(value, point_value=each)

        assert (points - 1) * ten_thousandths < cents * 100 <= points * ten_thousandths
        assert value_of_points(points, point_value=each) >= value


class TestValueOfPoints:
    @pytest.mark.parametrize(
        ("points", "each", "value"), [(2_500, "0.01", "25.00"), (3, "0.0033", "0.00"), (199, "0.0001", "0.01")]
    )
    def test_rounds_down_to_a_cent(self, points: int, each: str, value: str) -> None:
        assert str(value_of_points(points, point_value=Decimal(each))) == value

    def test_loses_no_digit_whatever_precision_the_decimal_context_has(self) -> None:
        with localcontext(prec=3):
            assert str(value_of_points(10**10, point_value=Decimal("9999.9999"))) == "99999999000000.00"
