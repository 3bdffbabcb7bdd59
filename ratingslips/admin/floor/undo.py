"""What can be undone with one tap for some minutes: an opening, and a closing of a player who is still playing."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID, uuid5

from django.contrib import messages
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from core.console.display import time_in
from core.console.row_actions import LEVELS, Outcome, OutcomeKind
from core.console.scope import in_casino_of, staff_of
from core.errors import DomainError
from core.kept_queries import KeptQuery
from core.models import Casino, Player, User
from core.permissions import has_permission
from core.text import isolated
from core.transactions import drop_lost_connection
from ratingslips.admin.floor.pages import floor_url, require_view
from ratingslips.admin.slips.sentences import is_new
from ratingslips.models import MoneyRow, Pit, RatingSlip, SlipRequest
from ratingslips.permissions import OPERATE_PIT
from ratingslips.services import (
    CHOSEN_TIME,
    UNDO_MINUTES,
    NoSuchSeat,
    SeatTaken,
    TableNotActive,
    continue_rating_slip,
    undo_opening,
)

Kind = SlipRequest.Kind

UNDO: Final = "undo"
STILL_PLAYING: Final = "still_playing"
OPENINGS: Final = (Kind.OPEN, Kind.CONTINUE)
UNDO_TIME: Final = timedelta(minutes=UNDO_MINUTES)
UNDONE_READ: Final = 20
OFFERS_READ: Final = 40
# A closing that was recorded later has the time that a person chose, unless it was imported.
AT_ONCE: Final = timedelta(minutes=1)
SEAT_REFUSALS: Final = (SeatTaken, NoSuchSeat, TableNotActive)


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """An opening or a closing that a person may undo; the service decides when they do."""

    act: SlipRequest

    @property
    def slip(self) -> RatingSlip:
        return self.act.slip

    @property
    def is_of_closing(self) -> bool:
        return self.act.kind == Kind.CLOSE

    @property
    def do(self) -> str:
        """What the button sends."""
        return STILL_PLAYING if self.is_of_closing else UNDO

    @property
    def until(self) -> datetime:
        return self.act.recorded_at + UNDO_TIME


def _recent(*, since: datetime) -> "QuerySet[SlipRequest]":
    recent = SlipRequest.objects.filter(recorded_at__gt=since)
    return recent.select_related("slip__player", "slip__table", "slip__casino").order_by("-recorded_at")


def _offered(*, since: datetime) -> "QuerySet[SlipRequest]":
    """Recent openings of live slips to which nothing else was done, and closings that nothing followed."""
    others = SlipRequest.objects.filter(slip=OuterRef("slip")).exclude(pk=OuterRef("pk"))
    opening = Q(kind__in=OPENINGS, slip__status__in=("OPEN", "PAUSED")) & ~Exists(others)
    closing = Q(kind=Kind.CLOSE, slip__correction_count=0, slip__continued_by=None)
    return _recent(since=since).filter(opening | closing)


def _query_recent_offers(pit_id: int, staff_id: int, since: datetime) -> "QuerySet[SlipRequest]":
    imported = Q(kind=Kind.CLOSE, happened_at__lt=F("recorded_at") - AT_ONCE) & ~Q(contents__has_key=CHOSEN_TIME)
    return _offered(since=since).filter(actor=staff_id, slip__pit=pit_id).exclude(imported)[:OFFERS_READ]


_recent_offers = KeptQuery(_query_recent_offers)
_offers_for = KeptQuery(
    lambda slip_id, staff_id, since: _offered(since=since).filter(Q(actor=staff_id) | Q(kind=Kind.CLOSE), slip=slip_id)[
        :1
    ]
)


def recent_offers(pit: Pit, *, staff: User, now: datetime) -> list[Offer]:
    """What `staff` did in the pit and may undo, the last act first; no closing that was imported later."""
    return [Offer(act=act) for act in _recent_offers(pit.pk, staff.pk, now - UNDO_TIME)]


def offer_for(slip: RatingSlip, *, staff: User, now: datetime) -> Offer | None:
    """What `staff` may undo of a slip in a pit that they operate: their own opening, or its closing."""
    acts = _offers_for(slip.pk, staff.pk, now - UNDO_TIME)
    return Offer(act=acts[0]) if acts else None


@dataclass(frozen=True, kw_only=True, slots=True)
class UndoneSlip:
    """A slip whose opening was undone, with its average bet and its buy-in, if it had one."""

    slip: RatingSlip
    average_bet: Decimal
    buy_in: MoneyRow | None

    @classmethod
    def of(cls, slip: RatingSlip) -> "UndoneSlip":
        return cls(slip=slip, average_bet=slip.segments.order_by("-seq")[0].average_bet, buy_in=slip.money_rows.first())

    @property
    def typed(self) -> dict[str, str]:
        """What the form of a seat holds to open it again."""
        stakes = {"average_bet": str(self.average_bet), "player": str(self.slip.player_id)}
        return stakes | ({"buy_in": str(self.buy_in.amount), "means": self.buy_in.means} if self.buy_in else {})


def _undone(casino_id: int, staff_id: int, since: datetime) -> "QuerySet[SlipRequest]":
    """The requests by which a person undid openings some minutes ago, the last one first."""
    return _recent(since=since).filter(kind=Kind.VOID, actor=staff_id, slip__casino=casino_id, contents__has_key="undo")


def _query_to_seat_again(casino_id: int, staff_id: int, since: datetime) -> "QuerySet[SlipRequest]":
    later = RatingSlip.objects.filter(player=OuterRef("slip__player"), opened_at__gt=OuterRef("slip__opened_at"))
    undone = _undone(casino_id, staff_id, since).filter(slip__player__status=Player.Status.ACTIVE)
    return undone.exclude(Exists(later))[:1]


_to_seat_again = KeptQuery(_query_to_seat_again)


def to_seat_again(casino: Casino, *, staff: User, now: datetime) -> UndoneSlip | None:
    """The slip whose opening `staff` undid last, if its player has not sat down since and may."""
    acts = _to_seat_again(casino.pk, staff.pk, now - UNDO_TIME)
    return UndoneSlip.of(acts[0].slip) if acts else None


def undone_slip(text: str, *, casino: Casino, staff: User, now: datetime) -> UndoneSlip | None:
    """The undone slip that the button of a seat's page names; None if it names none."""
    if not text:
        return None
    slips = (act.slip for act in _undone(casino.pk, staff.pk, now - UNDO_TIME)[:UNDONE_READ])
    return next((UndoneSlip.of(slip) for slip in slips if str(slip.pk) == text), None)


@require_POST
def undo_page(request: HttpRequest, slip_id: UUID) -> HttpResponse:
    """Undo an opening or a closing, and redirect to the seat; or, with the reason why it was refused, to the slip.

    If the player cannot go on in this seat, but in another one, redirect to a page that offers free seats: see
    `_other_seats`. For other refusals no seat would help: the player sits elsewhere, has played since or is barred, or
    the old slip is void, corrected or continued already.
    """
    found = RatingSlip.objects.filter(pk=slip_id).with_money().select_related("pit", "player", "table__pit", "casino")
    slip = in_casino_of(staff_of(request), found, lookup="casino").first()
    if slip is None:
        raise Http404
    require_view(staff_of(request), slip.pit)
    do = request.POST.get("do", "")
    carry_out = {UNDO: _undo, STILL_PLAYING: _continue}.get(do)
    of_slip = HttpResponseRedirect(reverse("floor:slip", args=[slip.pk]))
    if carry_out is None:
        messages.error(request, "Nothing was done: tap what you want to do.")
        return of_slip
    try:
        request_id = _request_id(slip, do=do, staff=staff_of(request))
        outcome = carry_out(slip, actor=staff_of(request), at=timezone.now(), request_id=request_id)
    except DomainError as error:
        drop_lost_connection()
        messages.error(request, error.message)
        seats = _other_seats(slip, staff=staff_of(request)) if isinstance(error, SEAT_REFUSALS) else None
        return HttpResponseRedirect(seats) if seats else of_slip
    messages.add_message(request, LEVELS[outcome.kind], outcome.sentence)
    return HttpResponseRedirect(f"{floor_url(slip.pit_id)}#seat-{slip.table_id}-{slip.seat}")


def _request_id(slip: RatingSlip, *, do: str, staff: User) -> UUID | None:
    """The id of the request, made of what it undoes: a second tap of this person, on any page, gives the first result.

    None for a slip whose opening or closing has no request, which no page offers to undo.
    """
    kinds = OPENINGS if do == UNDO else (Kind.CLOSE,)
    act = SlipRequest.objects.filter(slip=slip, kind__in=kinds).order_by("recorded_at").first()
    return uuid5(act.pk, f"{do} {staff.pk}") if act else None


def _other_seats(slip: RatingSlip, *, staff: User) -> str | None:
    """The page of the seat of a closed slip, with what opening the slip again takes, and the free seats beside it.

    Of a table that has fewer seats now, its last seat; None if the table is in a pit that `staff` do not operate.
    """
    assert slip.closed_at is not None
    if not has_permission(staff, OPERATE_PIT, slip.table.pit, player_id=slip.player_id):
        return None
    bet = slip.segments.order_by("-seq")[0].average_bet
    closed_at = f"{timezone.localtime(slip.closed_at, slip.casino.zone):%H:%M}"
    query = urlencode({"q": slip.player.card_number, "average_bet": bet, "when_clock": closed_at})
    seat = min(slip.seat, slip.table.seats)
    return f"{reverse('floor:seat', args=[slip.table_id, seat])}?{query}"


def _undo(slip: RatingSlip, *, request_id: UUID | None, **by: Any) -> Outcome:
    is_replay = undo_opening(slip=slip.pk, request_id=request_id, **by).replayed
    name = f"{slip.slip_number} of {slip.player}"
    if is_replay:
        return Outcome(kind=OutcomeKind.REPLAYED, sentence=f"{name} was undone already. Nothing was done twice.")
    bought_in = slip.buy_in
    again = f" Its buy-in of {bought_in:,.2f} is void with it: a free seat offers it again." if bought_in else ""
    return Outcome(kind=OutcomeKind.DONE, sentence=f"{name} is undone, and {slip.place} is free.{again}")


def _continue(slip: RatingSlip, *, request_id: UUID | None, **by: Any) -> Outcome:
    new = continue_rating_slip(slip=slip.pk, request_id=request_id, **by)
    since = time_in(new.result_of.happened_at, slip.casino)
    name = f"{isolated(str(slip.player))} goes on with slip {new.slip_number} since {since}"
    if not is_new(new.result_of):
        what = f"{name} already"
        if new.is_void:
            what = f"Slip {new.slip_number}, which continued slip {slip.slip_number}, is void: open a new slip"
        return Outcome(kind=OutcomeKind.REPLAYED, sentence=f"{what}. Nothing was done twice.")
    return Outcome(kind=OutcomeKind.DONE, sentence=f"{name}, when {slip.slip_number} closed.")
