"""The page of an empty seat: choose a player and a bet, and open the slip with one tap."""

from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from core.console.confirmation import request_id_of
from core.console.fields import replaced
from core.console.queries import PART, reads
from core.console.row_actions import LEVELS
from core.console.scope import sees_casino, staff_of
from core.errors import DomainError, OutcomeUnknown
from core.kept_queries import KeptQuery
from core.keys import key_of
from core.models import Player
from core.transactions import drop_lost_connection
from ratingslips.admin.floor.forms import SittingDownForm
from ratingslips.admin.floor.pages import TYPED_FIELDS, PitPage, floor_url, read_pit_page, require_view, show
from ratingslips.admin.floor.search import SEARCH_MAX_LENGTH, find_players, usual_bet
from ratingslips.admin.floor.undo import to_seat_again, undone_slip
from ratingslips.admin.slips.forms import add_refusal, next_page_id
from ratingslips.admin.slips.sentences import opening_outcome
from ratingslips.admin.slips.times import minutes_offered, time_arguments, typed_time
from ratingslips.models import GamingTable, RatingSlip
from ratingslips.services import InvalidAmount, InvalidAverageBet, open_rating_slip

_tables = KeptQuery(lambda table_id: GamingTable.objects.filter(pk=table_id).select_related("pit__casino", "game"))
_holders = KeptQuery(
    lambda table_id, number: (
        RatingSlip.objects.live().filter(table=table_id, seat=number).select_related("player", "opened_by")
    )
)
_FIELD_OF_REFUSAL: Final[dict[type[DomainError], str]] = {InvalidAverageBet: "average_bet", InvalidAmount: "buy_in"}


@reads(PART)
@require_http_methods(["GET", "HEAD", "POST"])
def seat_page(request: HttpRequest, table_id: int, number: int) -> HttpResponse:
    """Show the players who can sit down here, or open a slip for the chosen player and go back to the floor.

    With `?part=players`, only the players found, for the script that searches as it is typed.
    """
    table = next(iter(_tables(table_id)), None)
    if table is None or not (sees_casino(staff_of(request), table.casino_id) and 1 <= number <= table.seats):
        raise Http404
    require_view(staff_of(request), table.pit)
    if request.method == "POST":
        if "search" in request.POST:
            return HttpResponseRedirect(_with_typed(request.path, request.POST))
        return _sit_down(request, table, number)
    pit_page = read_pit_page(request, table.pit_id)
    text = request.GET.get("q", "")[:SEARCH_MAX_LENGTH]
    if request.GET.get(PART) == "players":
        return show(request, "ratingslips/floor/players.html", pit_page, {"found": find_players(pit_page.casino, text)})
    initial = {"average_bet": usual_bet(table), "when": typed_time(request.GET)} | {
        name: request.GET[name] for name in ("average_bet", "buy_in") if name in request.GET
    }
    return _page(request, pit_page, table, number, text=text, form=SittingDownForm(initial=initial))


def _with_typed(path: str, post: QueryDict) -> str:
    typed = QueryDict(mutable=True)
    typed.update({name: str(post[name])[:SEARCH_MAX_LENGTH] for name in TYPED_FIELDS if post.get(name)})
    return f"{path}?{typed.urlencode()}" if typed else path


def _sit_down(request: HttpRequest, table: GamingTable, number: int) -> HttpResponse:
    casino, staff = table.pit.casino, staff_of(request)
    text = request.POST.get("q", "")[:SEARCH_MAX_LENGTH]
    posted: Any = request.POST
    again = request.POST.get("again", "")
    if undone := undone_slip(again, casino=casino, staff=staff, now=timezone.now()):
        posted = replaced(posted, undone.typed)
    form = SittingDownForm(posted, table=table)
    key = key_of(posted.get("player", ""))
    player = Player.objects.filter(casino=casino, pk=key).first() if key is not None else None
    if player is None:
        form.add_error(None, "Tap the player who sits down.")
    elif form.is_valid() and (answer := _open(request, table, number, player, form)):
        return answer
    pit_page = read_pit_page(request, table.pit_id)
    return _page(request, pit_page, table, number, text=text, form=form, player=player)


def _open(
    request: HttpRequest, table: GamingTable, number: int, player: Player, form: SittingDownForm
) -> HttpResponse | None:
    """Open the slip and redirect to the floor; None if it was refused, with the reason on the form."""
    request_id = request_id_of(request)
    bets = {name: form.cleaned_data[name] for name in ("average_bet", "buy_in", "means")}
    actor, now = staff_of(request), timezone.now()
    when = time_arguments(form.cleaned_data["when"], actor=actor, pit=table.pit, now=now)
    who: dict[str, Any] = {"actor": actor, "request_id": request_id}
    try:
        slip = open_rating_slip(player=player, table=table, seat=number, **bets, **when, **who)
    except DomainError as error:
        drop_lost_connection()
        add_refusal(form, error, field=_FIELD_OF_REFUSAL.get(type(error)))
        return None
    is_late = when["chosen_time"] is not None
    outcome = opening_outcome(slip, average_bet=bets["average_bet"], is_late=is_late)
    messages.add_message(request, LEVELS[outcome.kind], outcome.sentence)
    return HttpResponseRedirect(f"{floor_url(table.pit_id)}#seat-{table.pk}-{number}")


def _page(
    request: HttpRequest,
    pit_page: PitPage,
    table: GamingTable,
    number: int,
    *,
    text: str,
    form: SittingDownForm,
    player: Player | None = None,
) -> HttpResponse:
    form.offer(minutes_offered(request, pit_page.pit, casino=pit_page.casino, now=pit_page.now))
    holder = next(iter(_holders(table.pk, number)), None)
    cannot_sit_here = holder is not None or (pit_page.may_act and not table.is_active)
    typed = _with_typed("", request.POST or request.GET)
    context: dict[str, Any] = {
        "table": table,
        "number": number,
        "request_id": next_page_id(request, form),
        "is_refused": form.is_bound and not form.has_error(NON_FIELD_ERRORS, code=OutcomeUnknown.code),
        "form": form,
        "player": player,
        "holder": holder,
        "free_seats": _free_seats(table, typed=typed) if cannot_sit_here else {},
        "found": find_players(pit_page.casino, text),
        "undone": to_seat_again(pit_page.casino, staff=staff_of(request), now=pit_page.now),
    }
    return show(request, "ratingslips/floor/seat.html", pit_page, context)


def _free_seats(table: GamingTable, *, typed: str) -> dict[GamingTable, list[tuple[int, str]]]:
    """The free seats of a table with their addresses; if it has none, those of the tables in its pit."""
    tables = table.pit.gaming_tables.filter(is_active=True).order_by("name")
    taken = set(RatingSlip.objects.live().filter(table__in=tables).values_list("table", "seat"))
    free = {
        other: [
            (seat, reverse("floor:seat", args=[other.pk, seat]) + typed)
            for seat in range(1, other.seats + 1)
            if (other.pk, seat) not in taken
        ]
        for other in tables
    }
    return {table: free[table]} if free.get(table) else {other: seats for other, seats in free.items() if seats}
