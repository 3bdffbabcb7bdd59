"""One act on a slip, for example from a line of a file."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from core.idempotency import Request
from ratingslips.services.closing_money import ClosingMoney
from ratingslips.services.money import Means
from ratingslips.services.requests import RequestKind, amount_text


@dataclass(frozen=True, kw_only=True, slots=True)
class Act:
    """One act on a slip; a field that its kind does not have is None. Player and table are keys."""

    kind: RequestKind
    at: datetime
    player: int | None = None
    table: int | None = None
    seat: int | None = None
    average_bet: Decimal | None = None
    buy_in: Decimal | None = None
    chips_out: Decimal | None = None
    means: str = Means.CASH

    def contents(self, *, slip_number: str) -> Request:
        """The contents of its request, as the service for one such act records them."""
        bet, buy_in = amount_text(self.average_bet), amount_text(self.buy_in)
        where: Request = {"table": self.table, "seat": self.seat, "average_bet": bet}
        match self.kind:
            case RequestKind.OPEN:
                return {"player": self.player, **where, "buy_in": buy_in, "slip_number": slip_number}
            case RequestKind.MOVE:
                return where
            case RequestKind.CHANGE_BET:
                return {"average_bet": bet}
            case RequestKind.CLOSE:
                return self.closing_money.contents
            case RequestKind.BUY_IN | RequestKind.CHIPS_OUT:
                return {"amount": amount_text(self.amount), "means": str(self.means)}
            case _:
                return {}

    @property
    def is_of_money(self) -> bool:
        """Whether it adds a row of money and does not change the play."""
        return self.kind in {RequestKind.BUY_IN, RequestKind.CHIPS_OUT}

    @property
    def amount(self) -> Decimal:
        """The amount of an act of money."""
        amount = self.buy_in if self.kind == RequestKind.BUY_IN else self.chips_out
        assert amount is not None
        return amount

    @property
    def closing_money(self) -> ClosingMoney:
        """The money of a closing."""
        return ClosingMoney(buy_in=self.buy_in, further_buy_in=None, chips_out=self.chips_out, means=self.means)
