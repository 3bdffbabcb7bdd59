"""Counts, signed counts and lengths of time in sentences."""

from datetime import timedelta
from decimal import Decimal
from typing import Final

MINUS: Final = "−"


def noun(number: int | Decimal, singular: str, plural: str = "") -> str:
    """The form of a noun that fits the number: “slip” for 1 and −1, else “slips”, or `plural` if it is given."""
    return singular if abs(number) == 1 else plural or f"{singular}s"


def counted(number: int, singular: str, plural: str = "") -> str:
    """A number with its noun: “1 slip”, “2 slips”, “1,000 entries” of “entry” and “entries”.

    The forms may hold a verb too: “1 slip is”, “2 slips are”.
    """
    return f"{number:,} {noun(number, singular, plural)}"


def signed(number: int) -> str:
    """A whole number with its sign: +1,500 or −1,500."""
    return f"{number:+,}".replace("-", MINUS)


def signed_count(number: int, singular: str) -> str:
    """A number with its sign and its noun: “+1 point”, “−1,500 points”."""
    return f"{signed(number)} {noun(number, singular)}"


def hours_in_words(length: timedelta) -> str:
    """A length of time in a sentence, rounded down: “2 h 05 min”, “12 min”. Columns show figures, such as 2:05."""
    hours, minutes = divmod(length // timedelta(minutes=1), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"
