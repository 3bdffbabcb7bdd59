"""How theoretical win becomes points. Pure and exact: decimals in, whole points out."""

from decimal import Decimal
from fractions import Fraction

from core.rounding import round_half_up


def points_for(*, theoretical_win: Decimal, points_per_unit: Decimal, multiplier: Decimal) -> int:
    """Points = theo × earning rate × tier multiplier, rounded half up to a whole point.

    Source: the money rules of the house. Example: 57.75 × 10 × 1.25 = 721.875, so 722 points.
    """
    return round_half_up(Fraction(theoretical_win) * Fraction(points_per_unit) * Fraction(multiplier))
