"""Calculate points from theoretical win, and what points are worth. Pure and exact functions; docs/money-rules.md."""

from decimal import Context, Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Final

from core.rounding import round_half_up

# More digits than the largest theo (18), rate (8) and multiplier (5) make together, so no product is ever rounded.
_EXACT: Final = Context(prec=40)


def exact_points(*, theoretical_win: Decimal, points_per_unit: Decimal, multiplier: Decimal) -> Decimal:
    """Return the points before rounding."""
    return _EXACT.multiply(_EXACT.multiply(theoretical_win, points_per_unit), multiplier)


def points_for(*, theoretical_win: Decimal, points_per_unit: Decimal, multiplier: Decimal) -> int:
    """Return the whole points that play of this theo earns."""
    exact = exact_points(theoretical_win=theoretical_win, points_per_unit=points_per_unit, multiplier=multiplier)
    return round_half_up(Fraction(exact))


def points_for_value(value: Decimal, *, point_value: Decimal) -> int:
    """Return the whole points that a comp of this value costs, rounded up."""
    return ceil(Fraction(value) / Fraction(point_value))


def value_of_points(points: int, *, point_value: Decimal) -> Decimal:
    """Return what points are worth, rounded down to 0.01."""
    return Decimal(floor(points * Fraction(point_value) * 100)).scaleb(-2, _EXACT)
