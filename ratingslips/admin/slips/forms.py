"""Forms of slips. The services check the values again."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID, uuid4

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.db.models import QuerySet
from django.http import HttpRequest

from core.console.confirmation import request_id_of
from core.console.fields import MoneyField, WholeNumberField, replaced
from core.errors import DomainError
from core.idempotency import IdempotencyConflict
from core.models import Player
from core.player_search import players_matching, with_card
from core.text import isolated
from ratingslips.admin.slips.bets import BetForm
from ratingslips.admin.slips.times import MINUTES_AGO, TimeForm
from ratingslips.models import MAX_SEATS, GamingTable, MoneyRow, RatingSlip
from ratingslips.services.stakes import MAX_AMOUNT

Choices = Sequence[tuple[Any, Any]]

NAMESAKES_SHOWN: Final = 10
_NONE_CHOSEN: Final = ("", "Choose a table")


def _money(label: str) -> MoneyField:
    return MoneyField(label=label, most=MAX_AMOUNT, required=False)


class MeansField(forms.ChoiceField):
    """What a player buys in with; cash unless something else is chosen."""

    def __init__(self, **kwargs: Any) -> None:
        choices = [choice for choice in MoneyRow.Means.choices if choice[0] != MoneyRow.Means.NOT_RECORDED]
        super().__init__(label="Bought in with", choices=choices, required=False, **kwargs)

    def clean(self, value: Any) -> str:
        return super().clean(value) or MoneyRow.Means.CASH


def _seat() -> WholeNumberField:
    return WholeNumberField(label="Seat", least=1, most=MAX_SEATS)


def table_choices(tables: "QuerySet[GamingTable]") -> dict[int, Choices]:
    """The active ones of `tables` as choices by casino, grouped by pit, with their free seats."""
    active = list(tables.filter(is_active=True).select_related("pit").order_by("pit__name", "name"))
    taken: dict[int, set[int]] = defaultdict(set)
    for table_id, seat in RatingSlip.objects.live().filter(table__in=active).values_list("table_id", "seat"):
        taken[table_id].add(seat)
    pits: dict[int, dict[str, list[tuple[int, str]]]] = defaultdict(lambda: defaultdict(list))
    for table in active:
        free = [str(seat) for seat in range(1, table.seats + 1) if seat not in taken[table.pk]]
        seats = f"free: {', '.join(free)}" if free else "full"
        pits[table.casino_id][table.pit.name].append((table.pk, f"{isolated(table.name)} ({seats})"))
    return {casino_id: [_NONE_CHOSEN, *by_pit.items()] for casino_id, by_pit in pits.items()}


def _chosen_table(choices: Choices) -> forms.TypedChoiceField:
    return forms.TypedChoiceField(label="Table", coerce=int, choices=choices)


class MoveForm(TimeForm):
    """The table and the seat to which a slip is moved."""

    table = forms.TypedChoiceField(label="Table", coerce=int)
    seat = _seat()
    field_order = ("table", "seat", "when")

    def __init__(self, *args: Any, tables: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["table"] = _chosen_table(tables)


class CompleteForm(TimeForm):
    """A further buy-in and the chips out of a slip, if there are any.

    `long_play` says how long the slip was played if that needs a confirmation; the form then has a box to tick.
    """

    buy_in = _money("Further buy-in")
    means = MeansField()
    chips_out = _money("Chips out")
    expected_rows = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)
    long_play_confirmed = forms.BooleanField(required=False, widget=forms.HiddenInput)
    asks_about_long_play = False
    field_order = ("buy_in", "means", "chips_out", "when")

    def __init__(self, *args: Any, long_play: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if long_play:
            self.fields["long_play_confirmed"] = forms.BooleanField(
                label=f"Close it all the same: {long_play}",
                required=False,  # of an earlier closing: see `clean`
                widget=forms.CheckboxInput(attrs={"required": True}),
            )

    def clean(self) -> dict[str, Any]:
        """Require the tick for a closing now; for an earlier one the service decides."""
        cleaned: dict[str, Any] = super().clean() or {}
        box = self.fields["long_play_confirmed"]
        if not (box.widget.is_hidden or cleaned.get("long_play_confirmed") or cleaned.get("when")):
            self.add_error("long_play_confirmed", "Tick this if it is right, or go back and leave the slip out.")
        return cleaned

    def ask_about_long_play(self) -> None:
        """Show the form again in such a way that sending it confirms the long play."""
        self.asks_about_long_play = True
        self.data = replaced(self.data, {self.add_prefix("long_play_confirmed"): "on"})


class OpenForm(BetForm):
    """A player who sits down. The player is found by card number, or by a name that only one player has."""

    player = forms.CharField(
        label="Player",
        max_length=100,
        help_text="Card number, or a name.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )
    table = forms.TypedChoiceField(label="Table", coerce=int)
    seat = _seat()
    buy_in = _money("Buy-in")
    means = MeansField()
    field_order = ("player", "table", "seat", "average_bet", "buy_in", "means", "when")

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        players: "QuerySet[Player]",
        tables: Mapping[int, Choices],
        initial: Mapping[str, Any] | None = None,
        offered: Sequence[int] = MINUTES_AGO,
    ) -> None:
        super().__init__(data, initial=dict(initial or {}), offered=offered)
        self._players, self._tables = players, tables
        every = [_NONE_CHOSEN, *(group for choices in tables.values() for group in choices[1:])]
        self.fields["table"] = _chosen_table(every)

    def clean(self) -> dict[str, Any]:
        if table_id := self.cleaned_data.get("table"):
            self.at_table = GamingTable.objects.filter(pk=table_id).select_related("pit__casino").first()
        cleaned = super().clean()
        if cleaned.get("player"):
            casinos = [self._casino_of(cleaned["table"])] if cleaned.get("table") else list(self._tables)
            try:
                cleaned["player"] = self._player_named(cleaned["player"], casinos=casinos)
            except forms.ValidationError as error:
                self.add_error("player", error)
        return cleaned

    def _casino_of(self, table_id: int) -> int:
        return next(
            casino_id
            for casino_id, choices in self._tables.items()
            if any(key == table_id for _, group in choices[1:] for key, _ in group)
        )

    def _player_named(self, text: str, *, casinos: Sequence[int]) -> Player:
        """The one player of `casinos`, the table's where one was chosen, with this card number or name.

        :raises ValidationError: no player matches, or several do; the message names them with their cards.
        """
        players = self._players.filter(casino__in=casinos)
        if of_card := with_card(players, text).first():
            return of_card
        found = list(players_matching(players, text)[: NAMESAKES_SHOWN + 1])
        if len(found) == 1:
            return found[0]
        if not found:
            raise forms.ValidationError(f"No player has the card or the name “{text}”.")
        names = ", ".join(str(player) for player in found[:NAMESAKES_SHOWN])
        more = " and more" if len(found) > NAMESAKES_SHOWN else ""
        raise forms.ValidationError(f"Several players match; type the card number: {names}{more}.")


def add_refusal(form: forms.Form, error: DomainError, *, field: str | None) -> None:
    """Show the refusal of a service on the form, beside `field` or above all."""
    form.add_error(field, forms.ValidationError(error.message, code=error.code))


def next_page_id(request: HttpRequest, form: forms.Form) -> UUID:
    """The id of the page that shows `form`: the posted page's, unless that id was used for another request.

    With the same id, a page can be sent again after an unknown outcome. After a conflict it needs a new one.
    """
    posted = request_id_of(request)
    is_used = form.has_error(NON_FIELD_ERRORS, code=IdempotencyConflict.code)
    return uuid4() if posted is None or is_used else posted
