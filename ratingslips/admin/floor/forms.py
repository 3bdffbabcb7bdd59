"""What is typed or tapped on the floor."""

import re
from typing import Any, Final

from django import forms

from core.console.fields import MoneyField
from ratingslips.admin.slips.forms import BetForm, CompleteForm
from ratingslips.services.stakes import MAX_AMOUNT

_SEAT: Final = re.compile(r"([0-9]{1,9}):([0-9]{1,4})")


class SittingDownForm(BetForm):
    """What a player begins with."""

    buy_in = MoneyField(label="Buy-in", most=MAX_AMOUNT, required=False)


class EmptyForm(forms.Form):
    """A tap says it all."""


class AverageBetForm(BetForm):
    """A bet that was typed, or one of the quick buttons beside the field, which wins."""

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        if data is not None and data.get("quick"):
            data = data.copy()
            data["average_bet"] = data["quick"]
        super().__init__(data, **kwargs)


class ChosenSeatForm(forms.Form):
    """A free seat that was tapped, as table and seat number."""

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
