"""Theoretical win: what the casino wins from the play on average. Pure and exact functions."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from core.rounding import cents_half_up

_HOUR = timedelta(hours=1)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Play:
    """A stretch of unbroken play at one table and one average bet."""

    average_bet: Decimal
    house_edge_percent: Decimal
    decisions_per_hour: Decimal
    played: timedelta


def decisions(*, played: timedelta, decisions_per_hour: Decimal) -> Fraction:
    """Decisions = played seconds / 3600 × decisions per hour, never rounded."""
    return Fraction(played // _MICROSECOND, _HOUR // _MICROSECOND) * Fraction(decisions_per_hour)


def theoretical_win(stretches: Iterable[Play]) -> Decimal:
    """Σ average bet × house edge % / 100 × decisions, rounded half up to 0.01 once for the whole slip.

    Source: the money rules of the casino; decisions per hour and house edge are the published comp-rating figures.
    Example: 1 h 30 min at 70 decisions/h, 0.75 % and 40.00, then 30 min at 100.00, give 31.50 + 26.25 = 57.75.
    """
    exact = sum(
        (
            Fraction(play.average_bet)
            * Fraction(play.house_edge_percent)
            / 100
            * decisions(played=play.played, decisions_per_hour=play.decisions_per_hour)
            for play in stretches
        ),
        start=Fraction(0),
    )
    return cents_half_up(exact)
