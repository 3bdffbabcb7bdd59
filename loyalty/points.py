"""Calculate points from theoretical win: pure functions, exact decimals in, whole points out."""

from decimal import Context, Decimal
from fractions import Fraction
from typing import Final

from core.rounding import round_half_up

# More digits than the largest theo (18), rate (8) and multiplier (5) make together, so no product is ever rounded.
_EXACT: Final = Context(prec=40)


def exact_points(*, theoretical_win: Decimal, points_per_unit: Decimal, multiplier: Decimal) -> Decimal:
    """Theo × earning rate × tier multiplier, before rounding: 57.75 × 10 × 1.25 = 721.875."""
    return _EXACT.multiply(_EXACT.multiply(theoretical_win, points_per_unit), multiplier)


def points_for(*, theoretical_win: Decimal, points_per_unit: Decimal, multiplier: Decimal) -> int:
    """Points = theo × earning rate × tier multiplier, rounded half up to a whole point.

    Source: the money rules of the casino. Example: 57.75 × 10 × 1.25 = 721.875, so 722 points.
    """
    exact = exact_points(theoretical_win=theoretical_win, points_per_unit=points_per_unit, multiplier=multiplier)
    return round_half_up(Fraction(exact))
