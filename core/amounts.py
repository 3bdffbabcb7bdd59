"""Read amounts and other numbers that people write, on pages and in files; what has two meanings is refused.

Digits are ASCII, and there is no exponent and no underscore. An amount has at most `AMOUNT_PLACES` decimals, another
number as many as its field.
"""

import re
from decimal import Decimal
from typing import Final

from core.errors import DomainError
from core.text import quoted, trimmed

AMOUNT_PLACES: Final = 2
MAX_DIGITS: Final = 19
_CENT: Final = Decimal("0.01")
_MINUS: Final = ("-", "\u2212")
_ANY_SPACE: Final = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_PLAIN: Final = re.compile(r"(?P<whole>[0-9]+)(?:(?P<point>[.,])(?P<decimals>[0-9]+))?")
_GROUPED: Final = re.compile(
    r"(?P<whole>[1-9][0-9]{0,2}(?P<separator>[ .,])[0-9]{3}(?:(?P=separator)[0-9]{3})*)"
    r"(?:(?!(?P=separator))[.,](?P<decimals>[0-9]+))?"
)
_ONE_GROUP: Final = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}")


class NotANumber(DomainError):
    """An amount or another number cannot be read, or has two meanings."""

    code = "NOT_A_NUMBER"


def is_money(amount: Decimal, *, most: Decimal) -> bool:
    """Whether `amount` is a number of whole cents from 0 to `most`."""
    if not isinstance(amount, Decimal) or not amount.is_finite() or not 0 <= amount <= most:
        return False
    return amount == amount.quantize(_CENT)


def read_in_file(text: str, *, places: int, decimal_comma: bool) -> Decimal:
    """Read a number of a file: 1250 or 12.50, with `decimal_comma` also 12,50; never with a thousands separator.

    :raises NotANumber: it is none, or has more than `places` decimals.
    """
    is_negative, digits = _signed(text)
    found = _PLAIN.fullmatch(digits)
    if found is None or (found["point"] == "," and not decimal_comma):
        example = "1250.00, without a thousands separator" if places else "7"
        raise NotANumber(f"{quoted(text)} is not a number such as {example}.")
    return _value(text, is_negative=is_negative, found=found, places=places)


def read_on_page(text: str, *, places: int) -> Decimal:
    """Read a number that a person typed: 1250, 1,250, 1 250, 1,250.00, 1.250,00, 12.50 or 12,50.

    Three digits after one separator may be thousands or decimals. `1,250` is 1250, as pages write it, and `1.250` is
    refused. A field of more than two `places` shows decimals as `1.250`: there this is read, and `1,250` is refused.
    Two groups, as in 1.250.000, have one meaning.

    :raises NotANumber: it is none, has two meanings, or has more than `places` decimals.
    """
    is_negative, typed = _signed(text)
    digits = _ANY_SPACE.sub(" ", typed)
    shows_thousandths = places > AMOUNT_PLACES
    if _ONE_GROUP.fullmatch(digits) and ("," in digits) == shows_thousandths:
        thousands = digits.replace(",", "").replace(".", "")
        other = digits.replace(",", ".") if shows_thousandths else f"{int(thousands):,}"
        cents = ", or at most two decimals, such as 12.50" if places == AMOUNT_PLACES else ""
        raise NotANumber(f"{quoted(text)} can be read in two ways: write {thousands} or {other}{cents}.")
    first, second = (_PLAIN, _GROUPED) if shows_thousandths else (_GROUPED, _PLAIN)
    found = first.fullmatch(digits) or second.fullmatch(digits)
    if found is None:
        example = "an amount such as 40, 1250.00 or 1,250.00" if places else "a whole number, such as 7 or 1,500"
        raise NotANumber(f"Write {example}.")
    return _value(text, is_negative=is_negative, found=found, places=places)


def _signed(text: str) -> tuple[bool, str]:
    """Whether the number has a minus sign, and the rest of it."""
    rest = trimmed(text)
    return (True, rest[1:]) if rest.startswith(_MINUS) else (False, rest)


def _value(text: str, *, is_negative: bool, found: re.Match[str], places: int) -> Decimal:
    whole, decimals = re.sub("[ .,]", "", found["whole"]), found["decimals"] or ""
    if len(whole) > MAX_DIGITS:
        raise NotANumber(f"{quoted(text)} is not a number of at most {MAX_DIGITS} digits.")
    if len(decimals) > places:
        many = ("", "one decimal", "two decimals", "three decimals", "four decimals")[places]
        raise NotANumber(
            f"{quoted(text)} has more than {many}." if places else f"{quoted(text)} is not a whole number."
        )
    value = Decimal(f"{whole}.{decimals}")
    if is_negative and not value:
        raise NotANumber(f"{quoted(text)} is not a number: write 0.")
    return -value if is_negative else value
