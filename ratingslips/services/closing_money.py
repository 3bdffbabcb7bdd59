"""The money that a closing states, and the rows that it adds."""

from dataclasses import dataclass
from decimal import Decimal

from core.errors import DomainError
from core.idempotency import Request
from ratingslips.models import MoneyRow, RatingSlip, SlipRequest
from ratingslips.services.money import NAMES, Kind, Means, means_of, new_row, require_means
from ratingslips.services.requests import amount_text
from ratingslips.services.stakes import InvalidAmount, require_amount


class BuyInBelowRows(DomainError):
    """The total given at the closing is less than the buy-ins that are recorded."""

    code = "BUY_IN_BELOW_ROWS"


@dataclass(frozen=True, kw_only=True, slots=True)
class ClosingMoney:
    """The money that a closing states; see `complete_rating_slip`.

    :raises InvalidAmount: buy-in or chips out are not amounts of money, or both buy-ins are given.
    """

    buy_in: Decimal | None
    further_buy_in: Decimal | None
    chips_out: Decimal | None
    means: str

    def __post_init__(self) -> None:
        for amount in (self.buy_in, self.further_buy_in):
            require_amount(amount, name=NAMES[Kind.BUY_IN])
        require_amount(self.chips_out, name=NAMES[Kind.CHIPS_OUT])
        require_means(self.means)
        if self.buy_in is not None and self.further_buy_in is not None:
            raise InvalidAmount("Give the total buy-in or the further one, not both.")

    @property
    def contents(self) -> Request:
        """The contents of the request that closes; the further buy-in and its means only where there is one."""
        further = {"further_buy_in": amount_text(self.further_buy_in)} if self.further_buy_in is not None else {}
        return {
            "buy_in": amount_text(self.buy_in),
            "chips_out": amount_text(self.chips_out),
            **further,
            **means_of(self.means),
        }

    def rows(self, slip: RatingSlip, *, request: SlipRequest, recorded: Decimal) -> list[MoneyRow]:
        """The rows, not saved, that the closing adds; `recorded` is the sum of the buy-ins so far.

        :raises BuyInBelowRows: the total is less than the buy-ins that are recorded.
        """
        further = self.further_buy_in or Decimal(0)
        if self.buy_in is not None:
            further = self.buy_in - recorded
        if further < 0:
            raise BuyInBelowRows(
                f"Slip {slip.slip_number} has buy-ins of {recorded:,.2f}, so {self.buy_in:,.2f} cannot be their total. "
                "Strike what is wrong first."
            )
        rows = []
        if further:
            rows.append(new_row(Kind.BUY_IN, slip=slip, amount=further, means=self.means, request=request))
        if self.chips_out is not None:
            rows.append(new_row(Kind.CHIPS_OUT, slip=slip, amount=self.chips_out, means=Means.CASH, request=request))
        return rows
