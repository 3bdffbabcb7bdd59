"""Pages of games, and of their house edge and decisions per hour."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from core.clock import EARLIEST_EVENT_AT, InvalidTime
from core.console.dated import BeginningField, dated_table
from core.console.display import NOTHING, factor
from core.console.fields import DecimalField
from core.console.links import Link, adds_links, page_url
from core.console.lists import OwnCasinoFilter
from core.console.pages import form_page, viewable
from core.console.scope import ConsoleAdmin, holds_on, staff_of
from core.effective_dates import BeginsTooEarly
from core.errors import DomainError
from ratingslips.models import GameSettings, GameValues
from ratingslips.permissions import CHANGE_GAME
from ratingslips.services import GameValuesTaken, add_game_values

FIGURES: Final = ("decisions_per_hour", "house_edge_percent")
EXPLANATION: Final = (
    "New values hold for play that starts at their beginning or later. An open slip takes them when its bet, table or "
    "seat changes or its pause ends. None are changed or deleted: to replace coming values, add others a minute later."
)
_OF_BEGINNING: Final = (BeginsTooEarly.code, InvalidTime.code, GameValuesTaken.code)


def _figure(name: str) -> DecimalField:
    column: Any = GameValues._meta.get_field(name)
    return DecimalField(
        max_digits=column.max_digits, decimal_places=column.decimal_places, validators=column.validators
    )


class NewGameForm(forms.ModelForm):  # type: ignore[type-arg]
    """A game with its first values."""

    decisions_per_hour = _figure("decisions_per_hour")
    house_edge_percent = _figure("house_edge_percent")


class ValuesForm(forms.Form):
    """Values of a game, and their beginning."""

    decisions_per_hour = _figure("decisions_per_hour")
    house_edge_percent = _figure("house_edge_percent")
    effective_from = BeginningField()


@admin.register(GameSettings)
class GameSettingsAdmin(ConsoleAdmin[GameSettings]):
    """Games; their house edge and decisions per hour are shown with the time in which they are in force."""

    casino_lookup = "casino"
    list_display = ("name", "code", "decisions_per_hour", "house_edge_percent", "seats", "casino")
    list_select_related = ("casino",)
    list_filter = (("casino", OwnCasinoFilter),)
    search_fields = ("name", "code")

    @admin.display(description="decisions per hour")
    def decisions_per_hour(self, game: Any) -> str:
        return _shown(game.decisions_in_force)

    @admin.display(description="house edge percent")
    def house_edge_percent(self, game: Any) -> str:
        return _shown(game.edge_in_force)

    @admin.display(description="house edge and decisions per hour")
    def all_values(self, game: GameSettings) -> str:
        return _values_table(game)

    def get_queryset(self, request: HttpRequest) -> "models.QuerySet[GameSettings]":
        in_force = GameValues.objects.filter(game=models.OuterRef("pk")).in_force(timezone.now())
        decisions, edge = (models.Subquery(in_force.values(name)) for name in FIGURES)
        return super().get_queryset(request).annotate(decisions_in_force=decisions, edge_in_force=edge)

    def get_form(
        self, request: HttpRequest, obj: GameSettings | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        return super().get_form(request, obj, change=change, **({} if obj else {"form": NewGameForm}) | kwargs)

    def get_fields(self, request: HttpRequest, obj: GameSettings | None = None) -> tuple[str, ...]:
        return ("casino", "code", "name", *(FIGURES if obj is None else ()), "seats", *(("all_values",) if obj else ()))

    def get_readonly_fields(self, request: HttpRequest, obj: GameSettings | None = None) -> Any:
        return (*super().get_readonly_fields(request, obj), *(("all_values",) if obj else ()))

    def save_model(self, request: HttpRequest, obj: GameSettings, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            first = {name: form.cleaned_data[name] for name in FIGURES}
            GameValues.objects.create(game=obj, effective_from=EARLIEST_EVENT_AT, **first)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.values_view)
        return [path("<path:object_id>/values/", view, name="ratingslips_gamesettings_values"), *super().get_urls()]

    def values_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the form with the values in force and coming, or add values."""
        game = viewable(self, request, object_id)
        form = ValuesForm(request.POST if request.method == "POST" else None, label_suffix="")
        if form.is_valid():
            try:
                added = add_game_values(game=game, **form.cleaned_data, actor=staff_of(request), at=timezone.now())
            except DomainError as error:
                form.add_error("effective_from" if error.code in _OF_BEGINNING else None, error.message)
            else:
                self.message_user(request, f"{game}: {added}.", messages.SUCCESS)
                return HttpResponseRedirect(page_url(game))
        elif request.method != "POST" and not holds_on(staff_of(request), CHANGE_GAME, game):
            raise PermissionDenied
        return form_page(
            self,
            request,
            title=f"New house edge and decisions per hour of {game}",
            form=form,
            submit_label="Add the values",
            cancel_url=page_url(game),
            original=game,
            explanation=EXPLANATION,
            sections=_values_table(game),
        )


def _shown(figure: Decimal | None) -> str:
    return NOTHING if figure is None else factor(figure)


def _values_table(game: GameSettings) -> str:
    columns = {
        "Decisions per hour": lambda values: factor(values.decisions_per_hour),
        "House edge percent": lambda values: factor(values.house_edge_percent),
    }
    rows = GameValues.objects.filter(game=game).with_until(owner="game")
    return dated_table(rows, title="House edge and decisions per hour", columns=columns)


@adds_links(GameSettings)
def _values_link(request: HttpRequest, game: GameSettings) -> Iterable[Link]:
    if holds_on(staff_of(request), CHANGE_GAME, game):
        url = reverse("admin:ratingslips_gamesettings_values", args=[game.pk])
        yield Link(label="New house edge or decisions", url=url)
