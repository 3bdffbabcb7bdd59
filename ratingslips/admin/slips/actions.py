"""The actions on slips: one table for the list, the slip's page and the floor."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar
from uuid import UUID

import structlog
from django import forms
from django.db import DatabaseError
from django.http import HttpRequest
from django.utils import timezone

from core import correlation
from core.console import display
from core.console.confirmation import MAX_ROWS, Kind, Outcome, Row, RowAction
from core.console.links import link_to
from core.console.scope import staff_of
from core.models import User
from core.transactions import drop_lost_connection
from loyalty.models import Tier
from loyalty.services import LoyaltyPosting
from loyalty.tiers import next_tier
from ratingslips.admin.slips.forms import BetForm, CompleteForm, MoveForm, table_choices
from ratingslips.history import SlipVersion, events_of, events_since
from ratingslips.models import GamingTable, RatingSlip, SlipRequest
from ratingslips.services import (
    PartialCompletion,
    SlipChanged,
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

log = structlog.get_logger(__name__)

Typed = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """An action that a person chose on a page: the slip, its version on the page, and the values of the form.

    `request_id` is None if the page had no id, `expected_version` is None if the page did not show the slip.
    """

    slip: RatingSlip
    actor: User
    at: datetime
    request_id: UUID | None
    expected_version: SlipVersion | None
    typed: Typed

    @property
    def arguments_without_version(self) -> dict[str, Any]:
        """The arguments that all services take."""
        return {"slip": self.slip.pk, "actor": self.actor, "at": self.at, "request_id": self.request_id}

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of services that refuse a slip if it has changed since the page was shown."""
        return {**self.arguments_without_version, "expected_version": self.expected_version}

    def done(self, participle: str, sentence: str) -> Outcome:
        """The outcome of a change: `sentence`, or the time of the change if this page was sent before."""
        earlier = _earlier_request(self.request_id)
        if earlier is None:
            return Outcome(kind=Kind.DONE, sentence=sentence)
        at = _clock(earlier.happened_at, self.slip)
        return Outcome(kind=Kind.REPLAYED, sentence=f"{participle} at {at} by you. Nothing was done twice.")


@dataclass(frozen=True, kw_only=True)
class SlipAction:
    """An action on a slip. `decide` makes the one service call; its sentence follows the slip's number and a colon.

    The other fields are those of `RowAction`.
    """

    name: str
    label: str
    done: str
    decide: Callable[[Decision], Outcome]
    submit_label: str = "Confirm"
    explanation: str = ""
    make_form: Callable[[Row, Typed | None], forms.Form] | None = None
    describe: Callable[[Sequence[RatingSlip]], list[Row]]
    is_confirmed_first: bool = True
    max_rows: int = MAX_ROWS

    def perform(self, decision: Decision) -> Outcome:
        """Carry out the action and return its outcome.

        :raises DomainError: the service refused; `SlipChanged` names the changes since the page was shown.
        """
        try:
            return self.decide(decision)
        except SlipChanged as error:
            raise SlipChanged(f"{error.message} {_changes_since(decision)}".strip()) from error

    @property
    def row_action(self) -> RowAction:
        """The action as the list and the slip's page carry it out, row by row."""
        return RowAction(
            name=self.name,
            label=self.label,
            done=self.done,
            submit_label=self.submit_label,
            explanation=self.explanation,
            columns=COLUMNS,
            describe=self.describe,
            make_form=self.make_form,
            perform=self._perform_on_row,
            is_confirmed_first=self.is_confirmed_first,
            max_rows=self.max_rows,
        )

    def _perform_on_row(self, request: HttpRequest, row: Row) -> Outcome:
        decision = Decision(
            slip=row.obj,
            actor=staff_of(request),
            at=timezone.now(),
            request_id=row.request_id,
            expected_version=None if row.posted_version is None else SlipVersion.from_text(row.posted_version),
            typed=row.given,
        )
        outcome = self.perform(decision)
        return Outcome(kind=outcome.kind, sentence=row.with_name(outcome.sentence))


def _earlier_request(request_id: UUID | None) -> SlipRequest | None:
    """The row of this request id if an earlier HTTP request wrote it, else None."""
    if request_id is None:
        return None
    rows = SlipRequest.objects.filter(pk=request_id).exclude(correlation_id=correlation.current())
    return _read_after_commit(rows.first)


def _read_after_commit(read: Callable[[], T]) -> T | None:
    """What an answer needs besides the result; None if it cannot be read: what was committed is still reported."""
    try:
        return read()
    except DatabaseError:
        log.exception("console.answer_incomplete")
        drop_lost_connection()
        return None


def _changes_since(decision: Decision) -> str:
    segments = list(decision.slip.segments.select_related("table", "started_by", "ended_by").order_by("seq"))
    slip = RatingSlip.objects.select_related("casino", "closed_by").get(pk=decision.slip.pk)
    assert decision.expected_version is not None
    changes = events_since(events_of(slip, segments), decision.expected_version)
    return " ".join(f"{event.words} at {_clock(event.at, slip)} by {event.by}." for event in changes)


def _clock(at: datetime, slip: RatingSlip) -> str:
    return f"{timezone.localtime(at, slip.casino.zone):%H:%M:%S}"


def _closed_by(decision: Decision) -> str:
    """When and by whom a closed slip was closed, as text."""
    first = RatingSlip.objects.select_related("casino", "closed_by").get(pk=decision.slip.pk)
    assert first.closed_at is not None
    by = "you" if first.closed_by_id == decision.actor.pk else str(first.closed_by)
    return f"at {_clock(first.closed_at, first)} by {by}"


def _left_out(decision: Decision) -> str:
    """A sentence if the typed amounts differ from those of the first closing, else empty text."""
    first = RatingSlip.objects.get(pk=decision.slip.pk)
    amounts = {name: decision.typed.get(name) for name in ("buy_in", "chips_out")}
    differ = any(amount is not None and amount != getattr(first, name) for name, amount in amounts.items())
    return " What you typed now was not saved." if differ else ""


def _earned(slip: RatingSlip, settlement: SlipSettlement) -> str:
    return f"theo {settlement.theoretical_win:,.2f}, {_points(slip, settlement.posting)}"


def _points(slip: RatingSlip, posting: LoyaltyPosting | None) -> str:
    if posting is None:
        return "0 points"
    earned = f"{posting.points:,} points, balance {posting.balance_after:,}, {posting.tier_after}"
    tiers = Tier.objects.filter(program__casino=slip.casino_id).order_by("threshold_points")
    if (all_tiers := _read_after_commit(lambda: list(tiers))) is None:
        return earned
    following = next_tier(posting.lifetime_points, all_tiers)
    progress = f"{posting.tier_progress} % of the way to {following}" if following else "the highest tier"
    return f"{earned}, {progress}"


def opening_outcome(slip: RatingSlip, *, average_bet: Decimal, request_id: UUID | None) -> Outcome:
    """The outcome of opening a slip by the page with `request_id`, now or when it was sent before."""
    number, player = slip.slip_number, slip.player
    if _earlier_request(request_id) is not None:
        at = _clock(slip.opened_at, slip)
        sentence = f"{number} was opened for {player} at {at} by you. Nothing was done twice."
        return Outcome(kind=Kind.REPLAYED, sentence=sentence)
    sentence = f"{number} opened for {player} at {slip.place}, average bet {average_bet:,.2f}."
    return Outcome(kind=Kind.DONE, sentence=sentence)


def version_of(slip: Any) -> SlipVersion:
    """The version of a slip that was fetched `with_version`."""
    return SlipVersion(seq=slip.last_seq, status=slip.status)


def status_pill(slip: RatingSlip) -> str:
    """The slip's status, for people."""
    return display.pill(slip.get_status_display(), state=slip.status)


def describe(slips: Sequence[RatingSlip]) -> list[Row]:
    """A row for each slip, which was fetched with its play and version."""
    return [
        Row(
            obj=slip,
            name=slip.slip_number,
            version=version_of(slip).text,
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


def _bet_form(row: Row, posted: Typed | None) -> forms.Form:
    return BetForm(posted, prefix=str(row.obj.pk), initial={"average_bet": row.obj.average_bet})


def _move_form(row: Row, posted: Typed | None) -> forms.Form:
    here = {"table": row.obj.table_id, "seat": row.obj.seat}
    return MoveForm(posted, prefix=str(row.obj.pk), initial=here, tables=row.context)


def _complete_form(row: Row, posted: Typed | None) -> forms.Form:
    return CompleteForm(posted, prefix=str(row.obj.pk), initial={"buy_in": row.obj.buy_in})


def _pause(decision: Decision) -> Outcome:
    pause_rating_slip(**decision.arguments)
    return decision.done("paused", "paused, the seat stays taken.")


def _resume(decision: Decision) -> Outcome:
    slip = resume_rating_slip(**decision.arguments)
    return decision.done("resumed", f"resumed at {slip.place}.")


def _change_bet(decision: Decision) -> Outcome:
    bet = decision.typed["average_bet"]
    change_average_bet(**decision.arguments, average_bet=bet)
    return decision.done(f"average bet {bet:,.2f}", f"average bet {bet:,.2f} from now on.")


def _move(decision: Decision) -> Outcome:
    to = {"table": decision.typed["table"], "seat": decision.typed["seat"]}
    slip = move_rating_slip(**decision.arguments, **to)
    return decision.done(f"moved to {slip.place}", f"moved to {slip.place}.")


def _complete(decision: Decision) -> Outcome:
    """Close the slip even if it has changed since the page was shown, because play is over in any case."""
    amounts = {"buy_in": decision.typed["buy_in"], "chips_out": decision.typed["chips_out"]}
    try:
        settlement = complete_rating_slip(**decision.arguments_without_version, **amounts)
    except PartialCompletion as error:
        return Outcome(kind=Kind.OWED, sentence=error.message)
    earned = _earned(decision.slip, settlement)
    if not settlement.replayed:
        return Outcome(kind=Kind.DONE, sentence=f"closed, {earned}.")
    sentence = f"was already closed {_closed_by(decision)}, {earned}. Nothing was done twice.{_left_out(decision)}"
    return Outcome(kind=Kind.REPLAYED, sentence=sentence)


def _recover(decision: Decision) -> Outcome:
    settlement = recover_slip_loyalty(**decision.arguments_without_version)
    earned = _earned(decision.slip, settlement)
    if settlement.replayed:
        return Outcome(kind=Kind.REPLAYED, sentence=f"was already paid, {earned}. Nothing was done twice.")
    return Outcome(kind=Kind.DONE, sentence=f"paid, {earned}.")


PAUSE: Final = SlipAction(
    name="pause", label="Pause", done="paused", describe=describe, decide=_pause, is_confirmed_first=False
)
RESUME: Final = SlipAction(
    name="resume", label="Resume", done="resumed", describe=describe, decide=_resume, is_confirmed_first=False
)
CHANGE_BET: Final = SlipAction(
    name="change_bet",
    label="Change average bet",
    done="changed",
    submit_label="Change average bet",
    explanation="The new average bet counts from now on. What was played before keeps its own.",
    describe=describe,
    make_form=_bet_form,
    decide=_change_bet,
)
MOVE: Final = SlipAction(
    name="move",
    label="Move",
    done="moved",
    submit_label="Move",
    explanation="To another table, another seat, or both. The average bet stays as it is.",
    describe=_describe_with_tables,
    make_form=_move_form,
    decide=_move,
    max_rows=MAX_MOVES,
)
COMPLETE: Final = SlipAction(
    name="complete",
    label="Close",
    done="closed",
    submit_label="Close and post points",
    explanation="Play ends now, and its points are posted. This cannot be undone. Buy-in and chips out may stay empty.",
    describe=describe,
    make_form=_complete_form,
    decide=_complete,
)
RECOVER: Final = SlipAction(
    name="recover",
    label="Pay points owed",
    done="paid",
    submit_label="Pay points",
    explanation="Posts the points that a closed slip is owed. A slip that was paid is never paid again.",
    describe=describe,
    decide=_recover,
)
SLIP_ACTIONS: Final = {action.name: action for action in (PAUSE, RESUME, CHANGE_BET, MOVE, COMPLETE, RECOVER)}
