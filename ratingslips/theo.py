"""Theoretical win: what the casino wins from the play on average. Pure and exact; see docs/money-rules.md."""

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
    """Return the decisions in `played`, never rounded."""
    return Fraction(played // _MICROSECOND, _HOUR // _MICROSECOND) * Fraction(decisions_per_hour)


def theoretical_win(stretches: Iterable[Play]) -> Decimal:
    """Return the theo of a slip with these stretches of play, rounded to 0.01 once for the whole slip."""
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
