"""The forms of the floor's pages."""

import re
from typing import Any, Final

from django import forms

from core.console.fields import MoneyField
from ratingslips.admin.slips.forms import BetForm, CompleteForm
from ratingslips.services.stakes import MAX_AMOUNT

_SEAT: Final = re.compile(r"([0-9]{1,9}):([0-9]{1,4})")


class SittingDownForm(BetForm):
    """The average bet and the buy-in of a player who sits down."""

    buy_in = MoneyField(label="Buy-in", most=MAX_AMOUNT, required=False)


class EmptyForm(forms.Form):
    """A form without fields, for actions that need only a button."""


class AverageBetForm(BetForm):
    """The average bet: typed, or from one of the quick buttons, which replaces what was typed."""

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        if data is not None and data.get("quick"):
            data = data.copy()
            data["average_bet"] = data["quick"]
        super().__init__(data, **kwargs)


class ChosenSeatForm(forms.Form):
    """A free seat, chosen by its button, as table and seat number."""

    to = forms.CharField(max_length=20, widget=forms.HiddenInput, error_messages={"required": "Choose a free seat."})

    def clean_to(self) -> str:
        """Read the table and the seat that the button names."""
        chosen = _SEAT.fullmatch(self.cleaned_data["to"])
        if chosen is None:
            raise forms.ValidationError("Choose a free seat.")
        self.cleaned_data["table"], self.cleaned_data["seat"] = int(chosen[1]), int(chosen[2])
        return chosen[0]


__all__ = [
    "AverageBetForm",
    "ChosenSeatForm",
    "CompleteForm",
    "EmptyForm",
    "SittingDownForm",
]
