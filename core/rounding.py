"""Round theo and points: half up, from exact fractions. Why: docs/money-rules.md."""

from decimal import Decimal
from fractions import Fraction
from math import floor


def round_half_up(value: Fraction) -> int:
    """Round a non-negative `value` to the nearest whole number, a half upwards."""
    return floor(value + Fraction(1, 2))


def cents_half_up(value: Fraction) -> Decimal:
    """Round a non-negative amount to 0.01, half a cent upwards; exact whatever the decimal context's precision."""
    whole, cents = divmod(round_half_up(value * 100), 100)
    return Decimal(f"{whole}.{cents:02d}")
