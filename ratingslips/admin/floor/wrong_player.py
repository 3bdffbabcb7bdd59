"""The page that gives the play of a slip to the right player, where the wrong one was seated."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from core.console.asking_again import ask_again
from core.console.confirmation import request_id_of
from core.console.queries import PART, reads
from core.console.reasons import REASON_FIELDS, ReasonForm
from core.console.scope import in_casino_of, staff_of
from core.errors import DomainError
from core.keys import key_of
from core.models import Player
from core.transactions import drop_lost_connection
from core.words import counted
from ratingslips.admin.floor.forms import WrongPlayerForm
from ratingslips.admin.floor.pages import PitPage, read_pit_page, show
from ratingslips.admin.floor.search import SEARCH_MAX_LENGTH, find_players
from ratingslips.admin.slips.forms import next_page_id
from ratingslips.admin.slips.rights import may_reassign
from ratingslips.admin.slips.rows import version_of
from ratingslips.admin.slips.sentences import changes_since, tier_too_high
from ratingslips.events import SlipVersion
from ratingslips.models import RatingSlip
from ratingslips.services import Reassignment, SlipChanged, reassign_rating_slip

TEMPLATE = "ratingslips/floor/wrong_player.html"


@reads(PART)
@require_http_methods(["GET", "HEAD", "POST"])
def wrong_player_page(request: HttpRequest, slip_id: UUID) -> HttpResponse:
    """Show the players who may be the right one, or give the slip to the chosen one and go to the new slip.

    With `?part=players`, only the players found, for the script that searches as it is typed.
    """
    slip = _visible_slip(request, slip_id)
    pit_page = read_pit_page(request, slip.pit_id, player_id=slip.player_id)
    text = (request.POST or request.GET).get("q", "")[:SEARCH_MAX_LENGTH]
    if request.GET.get(PART) == "players":
        found = {"found": find_players(pit_page.casino, text), "may_sit_elsewhere": not slip.is_live}
        return show(request, "ratingslips/floor/players.html", pit_page, found)
    if request.method != "POST" or "search" in request.POST:
        form = WrongPlayerForm(slip=slip, initial=request.POST.dict())
        return _page(request, pit_page, slip, text=text, form=form)
    form = WrongPlayerForm(request.POST, slip=slip)
    key = key_of(request.POST.get("player", ""))
    player = Player.objects.filter(casino=slip.casino_id, pk=key).first() if key is not None else None
    if player is None:
        form.add_error(None, "Tap the player who really played.")
    elif form.is_valid() and (answer := _reassign(request, slip, player, form)):
        return answer
    return _page(request, pit_page, _visible_slip(request, slip_id), text=text, form=form, player=player)


def _visible_slip(request: HttpRequest, slip_id: UUID) -> Any:
    slips: QuerySet[RatingSlip] = in_casino_of(staff_of(request), RatingSlip.objects.all(), lookup="casino")
    annotated: Any = slips.filter(pk=slip_id).with_play(now=timezone.now())  # type: ignore[attr-defined]
    slip = annotated.select_related("casino", "pit", "player", "table", "opened_by", "continues").first()
    if slip is None:
        raise Http404
    return slip


def _reassign(request: HttpRequest, slip: RatingSlip, player: Player, form: ReasonForm) -> HttpResponse | None:
    """Give the slip to `player` and redirect; None if it was refused, with the reason on the form.

    Who takes points back is asked who they are; only a closed slip has points.
    """
    if slip.is_closed and (page := ask_again(request)):
        return page
    version = SlipVersion.from_text(request.POST.get("expected_version", ""))
    try:
        result = reassign_rating_slip(
            slip=slip.pk,
            player=player,
            actor=staff_of(request),
            at=timezone.now(),
            request_id=request_id_of(request),
            expected_version=version,
            **{name: form.cleaned_data[name] for name in REASON_FIELDS},
        )
    except SlipChanged as error:
        form.add_error(None, f"{error.message} {changes_since(slip.pk, version)}".strip())
        return None
    except DomainError as error:
        drop_lost_connection()
        form.add_refusal(error)
        return None
    messages.success(request, _sentence(slip, result))
    return HttpResponseRedirect(reverse("floor:slip", args=[result.slip.pk]))


def _sentence(slip: RatingSlip, result: Reassignment) -> str:
    new, voided = result.slip, result.voided
    if result.replayed:
        return f"{slip.slip_number} is slip {new.slip_number} of {new.player} already. Nothing was done twice."
    taken = f", {counted(-voided.posting.points, 'point')} taken back" if voided.posting else ""
    rest = f", {counted(voided.uncollected, 'point')} not covered by the balance" if voided.uncollected else ""
    done = f"{slip.slip_number} of {slip.player} is void{taken}{rest}."
    return f"{done} Its play is slip {new.slip_number} of {new.player}. {tier_too_high(slip, voided)}".rstrip()


def _page(
    request: HttpRequest, pit_page: PitPage, slip: Any, *, text: str, form: ReasonForm, player: Player | None = None
) -> HttpResponse:
    context = {
        "slip": slip,
        "player": player,
        "version": version_of(slip).text,
        "form": form,
        "request_id": next_page_id(request, form),
        "may_reassign": may_reassign(request, slip, operates=pit_page.may_act),
        "may_sit_elsewhere": not slip.is_live,
        "found": find_players(pit_page.casino, text),
    }
    return show(request, TEMPLATE, pit_page, context)
