"""What is typed or tapped on the floor."""

import re
from typing import Any, Final

from django import forms

from core.console.fields import MoneyField
from ratingslips.admin.slips.forms import BetForm, CompleteForm
from ratingslips.history import SlipVersion
from ratingslips.services.stakes import MAX_AMOUNT

_SEAT: Final = re.compile(r"([0-9]{1,9}):([0-9]{1,4})")
_VERSION: Final = re.compile(r"([0-9]{1,9})-([A-Z]{1,6})")
_NEVER: Final = SlipVersion(seq=0, status="")


class SittingDownForm(BetForm):
    """What a player begins with."""

    buy_in = MoneyField(label="Buy-in", most=MAX_AMOUNT, required=False)


class NothingForm(forms.Form):
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

    def clean_to(self) -> tuple[int, int]:
        chosen = _SEAT.fullmatch(self.cleaned_data["to"])
        if chosen is None:
            raise forms.ValidationError("Choose a free seat.")
        return int(chosen[1]), int(chosen[2])


def version_as_text(version: SlipVersion) -> str:
    """A slip's version as the page carries it, until it comes back with what was decided on it."""
    return f"{version.seq}-{version.status}"


def version_from_text(text: str) -> SlipVersion:
    """The version that a page carried; one that no slip ever had, where the text is none."""
    found = _VERSION.fullmatch(text)
    return SlipVersion(seq=int(found[1]), status=found[2]) if found else _NEVER


__all__ = [
    "AverageBetForm",
    "ChosenSeatForm",
    "CompleteForm",
    "NothingForm",
    "SittingDownForm",
    "version_as_text",
    "version_from_text",
]
