"""Forms of slip actions for a tablet, where one tap on a button chooses a value."""

from typing import Any

from django import forms

from core.console.fields import replaced
from core.console.reasons import ReasonForm
from core.keys import key_of
from core.reasons.models import Operation
from ratingslips.admin.slips.bets import BetForm
from ratingslips.admin.slips.times import TimeForm
from ratingslips.models import RatingSlip


class AverageBetForm(BetForm):
    """The average bet: typed, or from one of the quick buttons, which replaces what was typed."""

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        if data is not None and data.get("quick"):
            data = replaced(data, {"average_bet": data["quick"]})
        super().__init__(data, **kwargs)


class ChosenSeatForm(TimeForm):
    """A free seat, chosen by its button, as the key of the table and the number of the seat: `7:3`."""

    to = forms.CharField(max_length=40, widget=forms.HiddenInput, error_messages={"required": "Choose a free seat."})

    def clean_to(self) -> str:
        """Read the table and the seat that the button names."""
        chosen: str = self.cleaned_data["to"]
        table, _, seat = chosen.partition(":")
        self.cleaned_data["table"], self.cleaned_data["seat"] = key_of(table), key_of(seat)
        if None in (self.cleaned_data["table"], self.cleaned_data["seat"]):
            raise forms.ValidationError("Choose a free seat.")
        return chosen


class VoidForm(ReasonForm):
    """Why a slip is voided."""

    has_buttons = True

    def __init__(self, data: Any = None, *, slip: RatingSlip, **kwargs: Any) -> None:
        super().__init__(data, casino_id=slip.casino_id, operation=Operation.VOID, **kwargs)
