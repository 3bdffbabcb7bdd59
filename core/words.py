"""Counts in sentences."""

from decimal import Decimal


def noun(number: int | Decimal, singular: str, plural: str = "") -> str:
    """The form of a noun that fits the number: “slip” for 1 and −1, else “slips”, or `plural` if it is given."""
    return singular if abs(number) == 1 else plural or f"{singular}s"


def counted(number: int, singular: str, plural: str = "") -> str:
    """A number with its noun: “1 slip”, “2 slips”, “1,000 entries” of “entry” and “entries”.

    The forms may hold a verb too: “1 slip is”, “2 slips are”.
    """
    return f"{number:,} {noun(number, singular, plural)}"
