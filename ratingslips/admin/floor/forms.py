"""The forms of the floor's pages that are of no slip action."""

from typing import Any

from core.console.fields import MoneyField
from core.console.reasons import ReasonForm
from core.reasons.models import Operation
from ratingslips.admin.slips.bets import BetForm
from ratingslips.admin.slips.forms import MeansField
from ratingslips.models import RatingSlip
from ratingslips.services.stakes import MAX_AMOUNT


class SittingDownForm(BetForm):
    """The average bet and the buy-in of a player who sits down."""

    buy_in = MoneyField(label="Buy-in", most=MAX_AMOUNT, required=False)
    means = MeansField()


class WrongPlayerForm(ReasonForm):
    """Why a slip is given to another player."""

    has_buttons = True

    def __init__(self, data: Any = None, *, slip: RatingSlip, **kwargs: Any) -> None:
        super().__init__(data, casino_id=slip.casino_id, operation=Operation.REASSIGN, **kwargs)
