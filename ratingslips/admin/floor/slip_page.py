"""The page of one slip on the floor: its facts, the actions, and, once it is closed, what it earned."""

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID, uuid4

from django.contrib import messages
from django.core.exceptions import NON_FIELD_ERRORS
from django.forms import Form, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from core.console.asking_again import ask_again
from core.console.confirmation import request_id_of, row_request_id
from core.console.queries import reads
from core.console.reasons import ReasonForm
from core.console.row_actions import LEVELS, OutcomeKind
from core.console.scope import in_casino_of, staff_of
from core.errors import DomainError
from core.idempotency import IdempotencyConflict
from core.transactions import drop_lost_connection
from ratingslips.admin.floor.forms import AverageBetForm, ChosenSeatForm, CompleteForm, TimeForm, VoidForm
from ratingslips.admin.floor.pages import PitPage, floor_url, read_pit_page, show
from ratingslips.admin.floor.seatmap import read_seat_map
from ratingslips.admin.floor.slip_sheet import Sheet, read_sheet
from ratingslips.admin.floor.undo import offer_for
from ratingslips.admin.slips.actions import SLIP_ACTIONS, VOID
from ratingslips.admin.slips.linked import linked_slips
from ratingslips.admin.slips.money import (
    MONEY_ACTIONS,
    STRIKE,
    BuyInForm,
    ChipsOutForm,
    StrikeForm,
    may_record,
    usual_buy_ins,
)
from ratingslips.admin.slips.rights import may_correct, may_reassign, may_void, pits_with
from ratingslips.admin.slips.slip_action import ChosenAction, SlipAction
from ratingslips.admin.slips.times import minutes_offered, time_arguments, typed_time
from ratingslips.admin.slips.uncollected import kept_tier_of
from ratingslips.events import Event, SlipVersion
from ratingslips.history import events_since
from ratingslips.models import RatingSlip
from ratingslips.permissions import OPERATE_PIT
from ratingslips.services import (
    BeforeLastEvent,
    InvalidAmount,
    InvalidAverageBet,
    LongPlayNotConfirmed,
    SlipChanged,
    SlipClosed,
    SlipIsVoid,
)

_FORMS: Final[dict[str, type[Form]]] = {
    "pause": TimeForm,
    "resume": TimeForm,
    "change_bet": AverageBetForm,
    "move": ChosenSeatForm,
    "complete": CompleteForm,
    "buy_in": BuyInForm,
    "chips_out": ChipsOutForm,
    "strike": StrikeForm,
    "void": VoidForm,
}
_ACTIONS: Final = SLIP_ACTIONS | MONEY_ACTIONS
# Forms with fields of the same name: on the page their ids begin as the form is called.
_IDS: Final = {name: f"{name}_%s" for name in ("move", "buy_in", "chips_out", "strike", "void")} | {
    "complete": "close_%s"
}
_BEFORE_LAST_EVENT: Final = "before_last_event"
_FIELD_OF_REFUSAL: Final[dict[type[DomainError], str]] = {InvalidAverageBet: "average_bet", InvalidAmount: "amount"}


@reads("pit", "strike")
@require_http_methods(["GET", "HEAD", "POST"])
def slip_page(request: HttpRequest, slip_id: UUID) -> HttpResponse:
    """Show the slip, or carry out an action and redirect: to the floor, or to this page if the slip was closed."""
    sheet = _visible_sheet(request, slip_id)
    pit_page = read_pit_page(request, sheet.slip.pit_id, player_id=sheet.slip.player_id)
    if request.method != "POST":
        return _page(request, pit_page, sheet)
    name = request.POST.get("do", "")
    if name not in _FORMS:
        return _page(request, pit_page, sheet, problem="Nothing was done: tap what you want to do.", status=400)
    form = _form(request, pit_page, sheet, name, request.POST)
    if form.is_valid():
        # Voiding a closed slip takes its points back. No page of the floor offers it, but the service allows it.
        page = ask_again(request) if name == VOID.name and sheet.slip.is_closed else None
        if answer := page or _act(request, pit_page, sheet, _ACTIONS[name], form):
            return answer
    return _page(request, pit_page, sheet, bound=form, request_id=request_id_of(request))


def _form(
    request: HttpRequest, pit_page: PitPage, sheet: Sheet, name: str, posted: QueryDict | None = None, **initial: Any
) -> Form:
    """The form of an action, as it was posted or as the page shows it first."""
    about: dict[str, Any] = {}
    if name in {"strike", "void"}:
        about = {"slip": sheet.slip}
    else:
        since, until = sheet.earliest_for(name), sheet.slip.closed_at
        about["offered"] = minutes_offered(
            request, pit_page.pit, casino=pit_page.casino, now=sheet.now, since=since, until=until
        )
    if name == "change_bet":
        about |= {"previous": sheet.average_bet, "table": sheet.slip.table}
    return _FORMS[name](posted, auto_id=_IDS.get(name, "id_%s"), initial=initial, **about)


def _visible_sheet(request: HttpRequest, slip_id: UUID) -> Sheet:
    slips = in_casino_of(staff_of(request), RatingSlip.objects.filter(pk=slip_id), lookup="casino")
    sheet = read_sheet(slips, now=timezone.now())
    if sheet is None:
        raise Http404
    return sheet


def _act(request: HttpRequest, pit_page: PitPage, sheet: Sheet, action: SlipAction, form: Form) -> HttpResponse | None:
    """Carry out the action and redirect; None if it was refused, with the reason on the form."""
    expected_version = SlipVersion.from_text(request.POST.get("expected_version", ""))
    actor = staff_of(request)
    chosen = ChosenAction(
        slip=sheet.slip,
        actor=actor,
        **time_arguments(form.cleaned_data.get("when"), actor=actor, pit=pit_page.pit, now=timezone.now()),
        request_id=row_request_id(request_id_of(request), action=action.name, row=sheet.slip),
        expected_version=expected_version,
        typed=form.cleaned_data,
    )
    try:
        outcome = action.perform(chosen)
    except (SlipChanged, SlipClosed, SlipIsVoid, IdempotencyConflict) as error:
        return _changed_meanwhile(request, form, chosen.slip, expected_version=expected_version, error=error)
    except BeforeLastEvent as error:
        form.add_error(None, ValidationError(error.message, code=_BEFORE_LAST_EVENT))
        return None
    except LongPlayNotConfirmed as question:
        assert isinstance(form, CompleteForm)
        form.add_error(None, ValidationError(question.message, code=question.code))
        form.ask_about_long_play()
        return None
    except DomainError as error:
        drop_lost_connection()
        _show_refusal(form, error)
        return None
    if outcome.kind == OutcomeKind.OWED:
        messages.warning(request, outcome.sentence)
        return HttpResponseRedirect(request.path)
    messages.add_message(request, LEVELS[outcome.kind], f"{sheet.name}: {outcome.sentence}")
    if action is STRIKE:
        return HttpResponseRedirect(request.path)
    return _redirect_after(RatingSlip.objects.get(pk=sheet.slip.pk))


def _show_refusal(form: Form, error: DomainError) -> None:
    """Show the refusal beside the field that it is about, or above all."""
    if isinstance(form, ReasonForm):
        form.add_refusal(error)
    else:
        field = _FIELD_OF_REFUSAL.get(type(error))
        form.add_error(field if field in form.fields else None, ValidationError(error.message, code=error.code))


def _redirect_after(slip: RatingSlip) -> HttpResponse:
    """Redirect to the page of a slip that is not live, or to the seat of a live one on the floor."""
    if not slip.is_live:
        return HttpResponseRedirect(reverse("floor:slip", args=[slip.pk]))
    return HttpResponseRedirect(f"{floor_url(slip.pit_id)}#seat-{slip.table_id}-{slip.seat}")


def _changed_meanwhile(
    request: HttpRequest, form: Form, slip: RatingSlip, *, expected_version: SlipVersion, error: DomainError
) -> HttpResponse:
    """Show the slip as it is now, with the changes since the page was shown and with what was typed.

    A page that was used for another request says so by the error's own sentence: the slip need not have changed.
    """
    sheet = _visible_sheet(request, slip.pk)
    changes = events_since(sheet.events, expected_version)
    return _page(
        request,
        read_pit_page(request, sheet.slip.pit_id, player_id=sheet.slip.player_id),
        sheet,
        bound=form,
        changes=changes,
        problem=error.message if isinstance(error, IdempotencyConflict) else "",
        status=409,
    )


def _page(
    request: HttpRequest,
    pit_page: PitPage,
    sheet: Sheet,
    *,
    bound: Form | None = None,
    changes: list[Event] | None = None,
    problem: str = "",
    request_id: UUID | None = None,
    status: int = 200,
) -> HttpResponse:
    def form(name: str, **initial: Any) -> Form:
        shown = bound if isinstance(bound, _FORMS[name]) else None
        return shown or _form(request, pit_page, sheet, name, **initial)

    context: dict[str, Any] = {
        "sheet": sheet,
        "slip": sheet.slip,
        "request_id": request_id or uuid4(),
        "changes": changes,
        "problem": problem,
        "bound": bound,
        "links": linked_slips(sheet.slip),
        "may_reassign": may_reassign(request, sheet.slip, operates=pit_page.may_act),
        "may_correct": may_correct(request, sheet.slip),
        "is_before_last": bound is not None and bound.has_error(NON_FIELD_ERRORS, code=_BEFORE_LAST_EVENT),
    }
    context |= _play_forms(request, sheet, bound, form)
    if pit_page.may_act and not sheet.slip.is_void:
        offer = offer_for(sheet.slip, staff=staff_of(request), now=sheet.now)
        context["offers"] = [offer] if offer else []
    if sheet.slip.uncollected_points:
        context["kept_tier"] = kept_tier_of(sheet.slip.player)
    if pit_page.may_act and sheet.slip.is_live:
        context |= _destinations(request, pit_page)
    if may_record(sheet.slip, actor=staff_of(request), operates=pit_page.may_act):
        context |= _money(request, sheet, bound, form)
    if sheet.slip.is_live and may_void(request, sheet.slip):
        context |= {"void_form": form("void"), "is_voiding": isinstance(bound, VoidForm)}
    return show(request, "ratingslips/floor/slip.html", pit_page, context, status=status)


def _play_forms(request: HttpRequest, sheet: Sheet, bound: Form | None, form: Callable[..., Form]) -> dict[str, Any]:
    """The forms of the bet, of a move and of closing, with what was typed and which of them is open."""
    typed = {name: request.GET[name] for name in ("average_bet", "buy_in", "chips_out") if name in request.GET}
    is_close_form = isinstance(bound, CompleteForm)
    is_closing = is_close_form or bool({"buy_in", "chips_out"} & typed.keys())
    is_moving = isinstance(bound, ChosenSeatForm)
    when = {"when": typed_time(request.POST or request.GET)}
    bet = {"average_bet": sheet.average_bet} | typed | ({} if is_closing or is_moving else when)
    money = typed | (when if is_closing else {})
    return {
        "bet_form": form("change_bet", **bet),
        "move_form": form("move"),
        "close_form": form("complete", **money),
        "is_closing": is_closing,
        "is_moving": is_moving or "pit" in request.GET,
    }


def _money(request: HttpRequest, sheet: Sheet, bound: Form | None, form: Callable[..., Form]) -> dict[str, Any]:
    """The forms of buy-ins and chips out, and that which strikes a row if its page was asked for."""
    chosen = request.POST.get("row", "") or request.GET.get("strike", "")
    row = sheet.money.row_to_strike(chosen)
    return {
        "may_record": True,
        "usual_buy_ins": usual_buy_ins(sheet.slip.table),
        "buy_in_form": form("buy_in"),
        "chips_out_form": form("chips_out"),
        "is_buying_in": isinstance(bound, BuyInForm),
        "is_taking_chips": isinstance(bound, ChipsOutForm),
        "strike_row": row,
        "strike_form": form("strike") if row else None,
    }


def _destinations(request: HttpRequest, pit_page: PitPage) -> dict[str, Any]:
    """The free seats of the pit to move to, and the other pits that could be chosen instead."""
    pits = list(pits_with(request, OPERATE_PIT).filter(casino=pit_page.casino).order_by("name"))
    chosen = next((pit for pit in pits if str(pit.pk) == request.GET.get("pit")), pit_page.pit)
    cards = read_seat_map(chosen, now=pit_page.now).cards
    free = [(card.table, [seat.number for seat in card.seats if not seat.seated_slip]) for card in cards]
    return {
        "destination_pits": pits if len(pits) > 1 else [],
        "destination_pit": chosen,
        "destinations": [(table, seats) for table, seats in free if seats and table.is_active],
    }
