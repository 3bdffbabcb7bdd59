"""Check amounts of money on a slip: average bet, buy-in and chips out."""

from decimal import Decimal
from typing import Final

from core.amounts import is_money
from core.errors import DomainError
from ratingslips.models import MAX_BET

MAX_AVERAGE_BET: Final = MAX_BET
MAX_AMOUNT: Final = Decimal("100000000.00")


class InvalidAverageBet(DomainError):
    """The average bet is not a positive amount with two decimals under the limit."""

    code = "INVALID_AVERAGE_BET"


class InvalidAmount(DomainError):
    """A buy-in or chips-out amount is negative, too large, or has more than two decimals."""

    code = "INVALID_AMOUNT"


def require_average_bet(average_bet: Decimal) -> None:
    """Refuse an invalid average bet.

    :raises InvalidAverageBet: not a positive number of whole cents up to `MAX_AVERAGE_BET`.
    """
    if not is_money(average_bet, most=MAX_AVERAGE_BET) or average_bet == 0:
        raise InvalidAverageBet(
            f"The average bet must be more than 0 and at most {MAX_AVERAGE_BET:,}, with at most two decimals."
        )


def require_amount(amount: Decimal | None, *, name: str) -> None:
    """Refuse an invalid buy-in or chips-out amount; None means not recorded.

    :raises InvalidAmount: not a number of whole cents from 0 to `MAX_AMOUNT`.
    """
    if amount is not None and not is_money(amount, most=MAX_AMOUNT):
        raise InvalidAmount(f"The {name} must be 0 to {MAX_AMOUNT:,}, with at most two decimals.")
