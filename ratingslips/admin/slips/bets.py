"""The field for an average bet, and the question whether an unusual one is right."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from django import forms

from core.console.display import amount_text
from core.console.fields import MoneyField, replaced
from core.text import isolated
from ratingslips.admin.slips.times import TimeForm
from ratingslips.models import GamingTable
from ratingslips.services.stakes import MAX_AVERAGE_BET

USUAL_TIMES_MOST: Final = 5


def question_about_bet(bet: Decimal, *, previous: Decimal | None, table: GamingTable | None) -> str:
    """Why `bet` is unusual, with both figures; empty if it is usual."""
    asked = f"{amount_text(bet)} asked for"
    if table is not None and table.maximum_bet is not None and bet > table.maximum_bet:
        return f"{amount_text(table.maximum_bet)} is the maximum of {isolated(table.name)}, {asked}."
    if previous is not None and bet > USUAL_TIMES_MOST * previous:
        return f"{amount_text(previous)} now, {asked}: more than {USUAL_TIMES_MOST} times as much."
    return ""


class BetForm(TimeForm):
    """The average bet of a slip from an instant on.

    A bet above the maximum of `table`, or above 5 times the `previous` one, is asked back once. The form that asks
    carries the bet in `confirmed_bet`, so that sending it again confirms this bet and no other.
    """

    average_bet = MoneyField(label="Average bet", least=Decimal("0.01"), most=MAX_AVERAGE_BET)
    confirmed_bet = forms.CharField(required=False, widget=forms.HiddenInput)
    is_asking_back = False
    field_order: Sequence[str] = ("average_bet", "confirmed_bet", "when")

    def __init__(
        self, *args: Any, previous: Decimal | None = None, table: GamingTable | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.previous_bet, self.at_table = previous, table

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        confirmed, bet = cleaned.pop("confirmed_bet", ""), cleaned.get("average_bet")
        if bet is None or confirmed == str(bet):
            return cleaned
        if question := question_about_bet(bet, previous=self.previous_bet, table=self.at_table):
            self.is_asking_back = True
            self.data = replaced(self.data, {self.add_prefix("confirmed_bet"): str(bet)})
            self.add_error("average_bet", f"{question} Send it again if that is right.")
        return cleaned
