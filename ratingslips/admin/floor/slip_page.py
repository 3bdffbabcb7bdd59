"""The page of one slip on the floor: its facts, the actions, and, once it is closed, what it earned."""

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID, uuid4

from django.contrib import messages
from django.core.exceptions import NON_FIELD_ERRORS
from django.forms import Form, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from core.console.asking_again import ask_again
from core.console.confirmation import request_id_of, row_request_id
from core.console.queries import reads
from core.console.reasons import ReasonForm
from core.console.row_actions import LEVELS, OutcomeKind
from core.console.scope import holds_on, sees_casino, staff_of
from core.errors import DomainError
from core.idempotency import IdempotencyConflict
from core.kept_queries import KeptQuery
from core.transactions import drop_lost_connection
from ratingslips.admin.floor.pages import PitPage, floor_url, read_pit_page, require_view, show
from ratingslips.admin.floor.seatmap import free_seats_in
from ratingslips.admin.floor.slip_sheet import Sheet, read_sheet
from ratingslips.admin.floor.undo import offer_for
from ratingslips.admin.slips.actions import SLIP_ACTIONS, VOID
from ratingslips.admin.slips.forms import CompleteForm
from ratingslips.admin.slips.linked import is_linked, linked_slips
from ratingslips.admin.slips.money import MONEY_ACTIONS, STRIKE, BuyInForm, ChipsOutForm, may_record, usual_buy_ins
from ratingslips.admin.slips.rights import may_correct, may_reassign, may_void
from ratingslips.admin.slips.slip_action import ChosenAction, SlipAction
from ratingslips.admin.slips.tablet_forms import ChosenSeatForm, VoidForm
from ratingslips.admin.slips.times import TimeForm, minutes_offered, time_arguments, typed_time
from ratingslips.admin.slips.uncollected import kept_tier_of
from ratingslips.events import SlipVersion
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

_ACTIONS: Final = SLIP_ACTIONS | MONEY_ACTIONS
_FORMS: Final = {name: action.floor_form for name, action in _ACTIONS.items() if action.floor_form}
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
    name = request.POST.get("do", "")
    if name in _FORMS:
        return _carry_out(request, slip_id, name)
    if request.method == "POST":
        return _page(request, slip_id, problem="Nothing was done: tap what you want to do.", status=400)
    return _page(request, slip_id)


def _carry_out(request: HttpRequest, slip_id: UUID, name: str) -> HttpResponse:
    """Carry out the action of this name; if it is refused, show the slip with what was typed."""
    slip = _slip_to_act_on(request, slip_id)
    about = {"previous": slip.average_bet, "table": slip.table} if name == "change_bet" else {}
    form = _form(slip, name, request.POST, **about)
    if form.is_valid():
        # Voiding a closed slip takes its points back. No page of the floor offers it, but the service allows it.
        page = ask_again(request) if name == VOID.name and slip.is_closed else None
        if answer := page or _act(request, slip, _ACTIONS[name], form):
            return answer
    return _page(request, slip_id, bound=form, request_id=request_id_of(request))


def _form(slip: RatingSlip, name: str, posted: QueryDict | None = None, **about: Any) -> Form:
    if issubclass(_FORMS[name], ReasonForm):
        about["slip"] = slip
    return _FORMS[name](posted, auto_id=_IDS.get(name, "id_%s"), **about)


_slips_to_act_on = KeptQuery(
    lambda slip_id, now: (
        RatingSlip.objects.filter(pk=slip_id).with_play(now=now).select_related("casino", "pit", "table", "player")
    )
)


def _slip_to_act_on(request: HttpRequest, slip_id: UUID) -> Any:
    """What an action needs to know of a slip before the service locks it, in one statement.

    :raises Http404: there is no such slip, or it is another casino's.
    :raises PermissionDenied: the member of staff may not see slips.
    """
    slip = next(iter(_slips_to_act_on(slip_id, timezone.now())), None)
    if slip is None or not sees_casino(staff_of(request), slip.casino_id):
        raise Http404
    slip.pit.casino = slip.casino
    require_view(staff_of(request), slip.pit)
    return slip


def _visible_sheet(request: HttpRequest, slip_id: UUID) -> Sheet:
    sheet = read_sheet(slip_id, now=timezone.now())
    if sheet is None or not sees_casino(staff_of(request), sheet.slip.casino_id):
        raise Http404
    return sheet


def _act(request: HttpRequest, slip: RatingSlip, action: SlipAction, form: Form) -> HttpResponse | None:
    """Carry out the action and redirect; None if it was refused, with the reason on the form."""
    expected_version = SlipVersion.from_text(request.POST.get("expected_version", ""))
    actor = staff_of(request)
    chosen = ChosenAction(
        slip=slip,
        actor=actor,
        **time_arguments(form.cleaned_data.get("when"), actor=actor, pit=slip.pit, now=timezone.now()),
        request_id=row_request_id(request_id_of(request), action=action.name, row=slip),
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
    sentence = f"{slip.slip_number} {slip.player.full_name}: {outcome.sentence}"
    messages.add_message(request, LEVELS[outcome.kind], sentence)
    after = outcome.obj
    if action is STRIKE or after is None or not after.is_live:
        return HttpResponseRedirect(request.path)
    return HttpResponseRedirect(f"{floor_url(after.pit_id)}#seat-{after.table_id}-{after.seat}")


def _show_refusal(form: Form, error: DomainError) -> None:
    """Show the refusal beside the field that it is about, or above all."""
    if isinstance(form, ReasonForm):
        form.add_refusal(error)
    else:
        field = _FIELD_OF_REFUSAL.get(type(error))
        form.add_error(field if field in form.fields else None, ValidationError(error.message, code=error.code))


def _changed_meanwhile(
    request: HttpRequest, form: Form, slip: RatingSlip, *, expected_version: SlipVersion, error: DomainError
) -> HttpResponse:
    """Show the slip as it is now, with the changes since the page was shown and with what was typed.

    A page that was used for another request says so by the error's own sentence: the slip need not have changed.
    """
    return _page(
        request,
        slip.pk,
        bound=form,
        since=expected_version,
        problem=error.message if isinstance(error, IdempotencyConflict) else "",
        status=409,
    )


def _page(
    request: HttpRequest,
    slip_id: UUID,
    *,
    bound: Form | None = None,
    since: SlipVersion | None = None,
    problem: str = "",
    request_id: UUID | None = None,
    status: int = 200,
) -> HttpResponse:
    """Show the slip; with `since`, also the changes since the page was shown that had this version."""
    sheet = _visible_sheet(request, slip_id)
    slip = sheet.slip
    pit_page = read_pit_page(request, slip.pit_id, player_id=slip.player_id)
    if isinstance(bound, TimeForm):
        bound.offer(_offered(request, pit_page, sheet, name=request.POST["do"]))

    def form(name: str, **initial: Any) -> Form:
        if isinstance(bound, _FORMS[name]):
            return bound
        made = _form(slip, name, initial=initial)
        if isinstance(made, TimeForm):
            made.offer(_offered(request, pit_page, sheet, name=name))
        return made

    context: dict[str, Any] = {
        "sheet": sheet,
        "slip": slip,
        "request_id": request_id or uuid4(),
        "changes": None if since is None else events_since(sheet.events, since),
        "problem": problem,
        "bound": bound,
        "links": linked_slips(slip) if is_linked(slip) else [],
        "may_reassign": may_reassign(request, slip, operates=pit_page.may_act),
        "may_correct": may_correct(request, slip),
        "is_before_last": bound is not None and bound.has_error(NON_FIELD_ERRORS, code=_BEFORE_LAST_EVENT),
    }
    context |= _play_forms(request, sheet, bound, form)
    if pit_page.may_act and not slip.is_void:
        offer = offer_for(slip, staff=staff_of(request), now=sheet.now)
        context["offers"] = [offer] if offer else []
    if slip.uncollected_points:
        context["kept_tier"] = kept_tier_of(slip.player)
    if pit_page.may_act and slip.is_live:
        context |= _destinations(request, pit_page)
    if may_record(slip, actor=staff_of(request), operates=pit_page.may_act):
        context |= _money(request, sheet, bound, form)
    if slip.is_live and may_void(request, slip):
        context |= {"void_form": form("void"), "is_voiding": isinstance(bound, VoidForm)}
    return show(request, "ratingslips/floor/slip.html", pit_page, context, status=status)


def _offered(request: HttpRequest, pit_page: PitPage, sheet: Sheet, *, name: str) -> list[int]:
    """How many minutes ago the action of this name is offered."""
    since, until = sheet.earliest_for(name), sheet.slip.closed_at
    return minutes_offered(request, pit_page.pit, casino=pit_page.casino, now=sheet.now, since=since, until=until)


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
    pits = [pit for pit in pit_page.pits if holds_on(staff_of(request), OPERATE_PIT, pit)]
    chosen = next((pit for pit in pits if str(pit.pk) == request.GET.get("pit")), pit_page.pit)
    return {
        "destination_pits": pits if len(pits) > 1 else [],
        "destination_pit": chosen,
        "destinations": free_seats_in(chosen),
    }
