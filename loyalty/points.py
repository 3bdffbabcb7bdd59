"""Calculate points from theoretical win. Pure and exact functions; docs/money-rules.md has the rules."""

from decimal import Context, Decimal
from fractions import Fraction
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
