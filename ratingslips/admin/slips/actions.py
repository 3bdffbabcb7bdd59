"""What can be done with chosen slips, and how each slip answers for itself."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django import forms
from django.http import HttpRequest
from django.utils import timezone

from core.console import display
from core.console.confirmation import Kind, Outcome, Row, RowAction
from core.console.links import link_to
from core.console.scope import staff_of
from loyalty.models import Tier
from loyalty.services import LoyaltyPosting
from loyalty.tiers import next_tier
from ratingslips.admin.slips.forms import BetForm, CompleteForm, MoveForm, table_choices
from ratingslips.models import GamingTable, RatingSlip
from ratingslips.services import (
    PartialCompletion,
    SlipSettlement,
    change_average_bet,
    complete_rating_slip,
    move_rating_slip,
    pause_rating_slip,
    recover_slip_loyalty,
    resume_rating_slip,
)

MAX_MOVES: Final = 100  # Each row of the page offers every table of the casino.
COLUMNS: Final = ("Player", "Where", "Status", "Average bet", "Played")


def status_pill(slip: RatingSlip) -> str:
    """The slip's status, for people."""
    return display.pill(slip.get_status_display(), state=slip.status)


def describe(slips: Sequence[RatingSlip]) -> list[Row]:
    """A row for each slip, which was fetched with its play."""
    return [
        Row(
            obj=slip,
            name=slip.slip_number,
            cells=(
                link_to(slip.player),
                slip.place,
                status_pill(slip),
                display.amount(slip.average_bet),  # type: ignore[attr-defined]
                display.played(slip.played),  # type: ignore[attr-defined]
            ),
        )
        for slip in slips
    ]


def _describe_with_tables(slips: Sequence[RatingSlip]) -> list[Row]:
    tables = table_choices(GamingTable.objects.filter(casino__in={slip.casino_id for slip in slips}))
    rows = describe(slips)
    for row in rows:
        row.context = tables.get(row.obj.casino_id, ())
    return rows


def _pause(request: HttpRequest, row: Row) -> Outcome:
    pause_rating_slip(slip=row.obj, actor=staff_of(request), at=timezone.now())
    return Outcome(kind=Kind.DONE, sentence=f"{row.name}: paused, the seat stays taken.")


def _resume(request: HttpRequest, row: Row) -> Outcome:
    slip = resume_rating_slip(slip=row.obj, actor=staff_of(request), at=timezone.now())
    return Outcome(kind=Kind.DONE, sentence=f"{row.name}: resumed at {slip.place}.")


def _bet_form(row: Row, posted: Mapping[str, Any] | None) -> forms.Form:
    return BetForm(posted, prefix=str(row.obj.pk), initial={"average_bet": row.obj.average_bet})


def _change_bet(request: HttpRequest, row: Row) -> Outcome:
    bet = row.given["average_bet"]
    change_average_bet(slip=row.obj, average_bet=bet, actor=staff_of(request), at=timezone.now())
    return Outcome(kind=Kind.DONE, sentence=f"{row.name}: average bet {bet:,.2f} from now on.")


def _move_form(row: Row, posted: Mapping[str, Any] | None) -> forms.Form:
    here = {"table": row.obj.table_id, "seat": row.obj.seat}
    return MoveForm(posted, prefix=str(row.obj.pk), initial=here, tables=row.context)


def _move(request: HttpRequest, row: Row) -> Outcome:
    to = {"table": row.given["table"], "seat": row.given["seat"]}
    slip = move_rating_slip(slip=row.obj, actor=staff_of(request), at=timezone.now(), **to)
    return Outcome(kind=Kind.DONE, sentence=f"{row.name}: moved to {slip.place}.")


def _complete_form(row: Row, posted: Mapping[str, Any] | None) -> forms.Form:
    return CompleteForm(posted, prefix=str(row.obj.pk), initial={"buy_in": row.obj.buy_in})


def _complete(request: HttpRequest, row: Row) -> Outcome:
    money = {"buy_in": row.given["buy_in"], "chips_out": row.given["chips_out"]}
    try:
        settlement = complete_rating_slip(slip=row.obj, actor=staff_of(request), at=timezone.now(), **money)
    except PartialCompletion as error:
        return Outcome(kind=Kind.OWED, sentence=row.says(error.message))
    return _settled(row, settlement, done="closed")


def _recover(request: HttpRequest, row: Row) -> Outcome:
    settlement = recover_slip_loyalty(slip=row.obj, actor=staff_of(request), at=timezone.now())
    return _settled(row, settlement, done="paid")


def _settled(row: Row, settlement: SlipSettlement, *, done: str) -> Outcome:
    earned = f"theo {settlement.theoretical_win:,.2f}, {_points(row.obj, settlement.posting)}"
    if settlement.replayed:
        sentence = f"{row.name}: was already {done}, {earned}. Nothing was added."
        return Outcome(kind=Kind.REPLAYED, sentence=sentence)
    return Outcome(kind=Kind.DONE, sentence=f"{row.name}: {done}, {earned}.")


def _points(slip: RatingSlip, posting: LoyaltyPosting | None) -> str:
    if posting is None:
        return "0 points"
    tiers = list(Tier.objects.filter(program__casino=slip.casino_id).order_by("threshold_points"))
    following = next_tier(posting.lifetime_points, tiers)
    progress = f"{posting.tier_progress} % of the way to {following}" if following else "the highest tier"
    return f"{posting.points:,} points, balance {posting.balance_after:,}, {posting.tier_after}, {progress}"


PAUSE: Final = RowAction(
    name="pause", label="Pause", done="paused", describe=describe, perform=_pause, is_confirmed_first=False
)
RESUME: Final = RowAction(
    name="resume", label="Resume", done="resumed", describe=describe, perform=_resume, is_confirmed_first=False
)
CHANGE_BET: Final = RowAction(
    name="change_bet",
    label="Change average bet",
    done="changed",
    submit_label="Change average bet",
    explanation="The new average bet counts from now on. What was played before keeps its own.",
    columns=COLUMNS,
    describe=describe,
    make_form=_bet_form,
    perform=_change_bet,
)
MOVE: Final = RowAction(
    name="move",
    label="Move",
    done="moved",
    submit_label="Move",
    explanation="To another table, another seat, or both. The average bet stays as it is.",
    columns=COLUMNS,
    describe=_describe_with_tables,
    make_form=_move_form,
    perform=_move,
    max_rows=MAX_MOVES,
)
COMPLETE: Final = RowAction(
    name="complete",
    label="Close",
    done="closed",
    submit_label="Close and post points",
    explanation="Play ends now, and its points are posted. This cannot be undone. Buy-in and chips out may stay empty.",
    columns=COLUMNS,
    describe=describe,
    make_form=_complete_form,
    perform=_complete,
)
RECOVER: Final = RowAction(
    name="recover",
    label="Pay points owed",
    done="paid",
    submit_label="Pay points",
    explanation="Posts the points that a closed slip is owed. A slip that was paid is never paid again.",
    columns=COLUMNS,
    describe=describe,
    perform=_recover,
)
