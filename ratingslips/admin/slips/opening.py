"""The page that opens a slip."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from core.console.confirmation import request_id_of
from core.console.links import list_url, page_url
from core.console.pages import form_page
from core.console.row_actions import LEVELS
from core.console.scope import in_casino_of, staff_of
from core.errors import DomainError
from core.keys import key_of
from core.models import Player
from ratingslips.admin.slips.forms import OpenForm, add_refusal, next_page_id, table_choices
from ratingslips.admin.slips.rights import pits_with
from ratingslips.admin.slips.sentences import opening_outcome
from ratingslips.admin.slips.times import minutes_offered, time_arguments
from ratingslips.models import GamingTable, RatingSlip
from ratingslips.permissions import OPERATE_PIT
from ratingslips.services import (
    NoSuchSeat,
    PlayerHasLiveSlip,
    PlayerNotActive,
    SeatTaken,
    TableNotActive,
    TooLongAgo,
    open_rating_slip,
)

_FIELD_OF_REFUSAL: dict[type[DomainError], str] = {
    NoSuchSeat: "seat",
    PlayerHasLiveSlip: "player",
    PlayerNotActive: "player",
    SeatTaken: "seat",
    TableNotActive: "table",
    TooLongAgo: "when",
}


def open_page(slips: "admin.ModelAdmin[RatingSlip]", request: HttpRequest) -> HttpResponse:
    """Show the form for a player who sits down, or open the slip and go to its page."""
    if not slips.has_view_permission(request):
        raise PermissionDenied
    pits = list(pits_with(request, OPERATE_PIT).select_related("casino"))
    tables = table_choices(GamingTable.objects.filter(pit__in=pits))
    if not tables and request.method != "POST":
        raise PermissionDenied
    players = in_casino_of(staff_of(request), Player.objects.all(), lookup="casino")
    initial = {"player": _card_of(players, request.GET.get("player", ""))}
    now = timezone.now()
    offered = {minutes for pit in pits for minutes in minutes_offered(request, pit, casino=pit.casino, now=now)}
    form = OpenForm(request.POST or None, players=players, tables=tables, initial=initial, offered=sorted(offered))
    if request.method == "POST" and form.is_valid() and (slip := _open(request, form)):
        outcome = opening_outcome(
            slip,
            average_bet=form.cleaned_data["average_bet"],
            is_late=form.cleaned_data["when"] is not None,
        )
        slips.message_user(request, outcome.sentence, LEVELS[outcome.kind])
        return HttpResponseRedirect(page_url(slip))
    return form_page(
        slips,
        request,
        title="Open a rating slip",
        form=form,
        submit_label="Open slip",
        cancel_url=list_url(RatingSlip),
        request_id=next_page_id(request, form),
    )


def _open(request: HttpRequest, form: OpenForm) -> RatingSlip | None:
    actor, typed = staff_of(request), {name: value for name, value in form.cleaned_data.items() if name != "when"}
    assert form.at_table is not None
    when = time_arguments(form.cleaned_data["when"], actor=actor, pit=form.at_table.pit, now=timezone.now())
    try:
        return open_rating_slip(**typed, **when, actor=actor, request_id=request_id_of(request))
    except DomainError as error:
        add_refusal(form, error, field=_FIELD_OF_REFUSAL.get(type(error)))
        return None


def _card_of(players: "QuerySet[Player]", text: str) -> str:
    key = key_of(text)
    player = players.filter(pk=key).first() if key is not None else None
    return player.card_number if player else ""
