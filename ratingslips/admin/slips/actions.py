"""The actions on slips: one table for the list, the slip's page and the floor."""

from functools import partial
from typing import Any, Final

from django import forms
from django.http import HttpRequest
from django.utils import timezone

from core.console.reasons import REASON_FIELDS, ReasonForm
from core.console.row_actions import Outcome, OutcomeKind, Row
from core.reasons.models import Operation
from core.text import isolated
from ratingslips.admin.slips.bets import BetForm
from ratingslips.admin.slips.forms import CompleteForm, MoveForm
from ratingslips.admin.slips.rows import describe, describe_with_codes, describe_with_tables
from ratingslips.admin.slips.sentences import (
    changed_before_closing,
    changed_while_owed,
    earned,
    first_closing,
    taken_back,
    tier_too_high,
    unsaved_amounts,
)
from ratingslips.admin.slips.slip_action import ChosenAction, SlipAction, Typed
from ratingslips.admin.slips.tablet_forms import AverageBetForm, ChosenSeatForm, VoidForm
from ratingslips.admin.slips.times import TimeForm, minutes_offered, typed_time
from ratingslips.models import GamingTable, RatingSlip
from ratingslips.services import (
    PartialCompletion,
    change_average_bet,
    complete_rating_slip,
    describe_long_play,
    move_rating_slip,
    pause_rating_slip,
    recover_slip_loyalty,
    release_withheld_points,
    resume_rating_slip,
    void_rating_slip,
)

MAX_MOVES: Final = 100  # Each row of the page offers every table of the casino.


def _about_time(request: HttpRequest, slip: RatingSlip) -> dict[str, Any]:
    """The arguments of a form with a time, about one of the slips of a page."""
    offered = minutes_offered(request, slip.pit, casino=slip.casino, now=timezone.now(), since=slip.opened_at)
    return {"prefix": str(slip.pk), "offered": offered}


def _time_form(request: HttpRequest, row: Row, posted: Typed | None) -> forms.Form:
    return TimeForm(posted, **_about_time(request, row.obj))


def _bet_form(request: HttpRequest, row: Row, posted: Typed | None) -> forms.Form:
    bet, table = row.obj.average_bet, row.obj.table
    initial = {"average_bet": bet, "when": typed_time(row.sent)}
    return BetForm(posted, **_about_time(request, row.obj), initial=initial, previous=bet, table=table)


def _move_form(request: HttpRequest, row: Row, posted: Typed | None) -> forms.Form:
    here = {"table": row.obj.table_id, "seat": row.obj.seat, "when": typed_time(row.sent)}
    return MoveForm(posted, **_about_time(request, row.obj), initial=here, tables=row.context)


def _complete_form(request: HttpRequest, row: Row, posted: Typed | None) -> forms.Form:
    long_play = "" if not row.obj.is_live else describe_long_play(row.obj, played=row.obj.played)
    initial = {"when": typed_time(row.sent)}
    return CompleteForm(posted, **_about_time(request, row.obj), initial=initial, long_play=long_play)


def _reason_form(operation: Operation, request: HttpRequest, row: Row, posted: Typed | None) -> forms.Form:
    asked: dict[str, Any] = {"casino_id": row.obj.casino_id, "operation": operation, "codes": row.context}
    return ReasonForm(posted, prefix=str(row.obj.pk), **asked)


def _pause(chosen: ChosenAction) -> Outcome:
    act = pause_rating_slip(**chosen.arguments).result_of
    return chosen.outcome(act, "paused", f"paused{chosen.when(act.happened_at)}, the seat stays taken.")


def _resume(chosen: ChosenAction) -> Outcome:
    slip = resume_rating_slip(**chosen.arguments)
    act = slip.result_of
    return chosen.outcome(act, "resumed", f"resumed{chosen.when(act.happened_at)} at {slip.place}.")


def _change_bet(chosen: ChosenAction) -> Outcome:
    bet = chosen.typed["average_bet"]
    before = chosen.slip.average_bet
    act = change_average_bet(**chosen.arguments, average_bet=bet).result_of
    done = f"average bet {bet:,.2f}"
    if bet == before:
        return chosen.outcome(act, done, f"{done} as before. Nothing was changed.", kind=OutcomeKind.REPLAYED)
    return chosen.outcome(act, done, f"{done} from {chosen.when(act.happened_at).removeprefix(' at ') or 'now'} on.")


def _move(chosen: ChosenAction) -> Outcome:
    """Move the slip; a repeated form names the seat that it asked for, where the player may not be any more."""
    to = {"table": chosen.typed["table"], "seat": chosen.typed["seat"]}
    slip = move_rating_slip(**chosen.arguments, **to)
    table = slip.table if slip.table_id == to["table"] else GamingTable.objects.get(pk=to["table"])
    act, done = slip.result_of, f"moved to {isolated(table.name)} seat {to['seat']}"
    return chosen.outcome(act, done, f"{done}{chosen.when(act.happened_at)}.")


def _complete(chosen: ChosenAction) -> Outcome:
    """Close the slip even if it has changed since the page was shown, and say what changed: play is over."""
    typed = {name: chosen.typed[name] for name in ("chips_out", "means", "expected_rows", "long_play_confirmed")}
    further = chosen.typed["buy_in"]
    try:
        settlement = complete_rating_slip(
            **chosen.arguments_without_version, chosen_time=chosen.chosen_time, further_buy_in=further, **typed
        )
    except PartialCompletion as error:
        if error.replayed:
            changes = changed_while_owed(chosen.slip.pk)
        else:
            changes = changed_before_closing(chosen.slip.pk, chosen.expected_version, closed_at=error.version_before)
        return Outcome(kind=OutcomeKind.OWED, sentence=f"{error.message}{changes}")
    points = earned(chosen.slip, settlement)
    if not settlement.replayed:
        changes = changed_before_closing(chosen.slip.pk, chosen.expected_version, closed_at=settlement.version_before)
        when = chosen.when(settlement.closed_at)
        return Outcome(kind=OutcomeKind.DONE, sentence=f"closed{when}, {points}.{changes}")
    closing = first_closing(chosen.slip.pk, actor=chosen.actor)
    unsaved = unsaved_amounts(chosen.slip.pk, chosen.typed)
    sentence = f"was already closed {closing}, {points}. Nothing was done twice.{unsaved}"
    return Outcome(kind=OutcomeKind.REPLAYED, sentence=sentence)


def _recover(chosen: ChosenAction) -> Outcome:
    settlement = recover_slip_loyalty(**chosen.arguments_without_version)
    points = earned(chosen.slip, settlement)
    if settlement.replayed:
        return Outcome(kind=OutcomeKind.REPLAYED, sentence=f"was already paid, {points}. Nothing was done twice.")
    return Outcome(kind=OutcomeKind.DONE, sentence=f"paid, {points}.")


def _release(chosen: ChosenAction) -> Outcome:
    given = {name: chosen.typed[name] for name in REASON_FIELDS} | {"expected_version": chosen.expected_version}
    settlement = release_withheld_points(**chosen.arguments_without_version, **given)
    points = earned(chosen.slip, settlement)
    if settlement.replayed:
        return Outcome(kind=OutcomeKind.REPLAYED, sentence=f"was already released, {points}. Nothing was done twice.")
    return Outcome(kind=OutcomeKind.DONE, sentence=f"released, {points}.")


def _void(chosen: ChosenAction) -> Outcome:
    given = {name: chosen.typed[name] for name in REASON_FIELDS} | {"expected_version": chosen.expected_version}
    result = void_rating_slip(**chosen.arguments_without_version, **given)
    points = taken_back(result)
    if result.replayed:
        return Outcome(kind=OutcomeKind.REPLAYED, sentence=f"was already voided, {points}. Nothing was done twice.")
    return Outcome(kind=OutcomeKind.DONE, sentence=f"void, {points}. {tier_too_high(chosen.slip, result)}".rstrip())


PAUSE: Final = SlipAction(
    name="pause",
    label="Pause",
    done="paused",
    submit_label="Pause",
    explanation="The player is away from the table from now on, or since when you say, and keeps the seat.",
    describe=describe,
    make_form=_time_form,
    floor_form=TimeForm,
    carry_out=_pause,
    is_asked_on_page=True,
)
RESUME: Final = SlipAction(
    name="resume",
    label="Resume",
    done="resumed",
    submit_label="Resume",
    explanation="The player plays again from now on, or since when you say, at the last average bet.",
    describe=describe,
    make_form=_time_form,
    floor_form=TimeForm,
    carry_out=_resume,
    is_asked_on_page=True,
)
CHANGE_BET: Final = SlipAction(
    name="change_bet",
    label="Change average bet",
    done="changed",
    submit_label="Change average bet",
    explanation="The new average bet counts from now on, or from when you say. What was played before keeps its own.",
    describe=describe,
    make_form=_bet_form,
    floor_form=AverageBetForm,
    carry_out=_change_bet,
)
MOVE: Final = SlipAction(
    name="move",
    label="Move",
    done="moved",
    submit_label="Move",
    explanation="To another table, another seat, or both. The average bet stays as it is.",
    describe=describe_with_tables,
    make_form=_move_form,
    floor_form=ChosenSeatForm,
    carry_out=_move,
    max_rows=MAX_MOVES,
)
COMPLETE: Final = SlipAction(
    name="complete",
    label="Close",
    done="closed",
    submit_label="Close and post points",
    explanation=(
        "Play ends now, or when you say, and its points are posted. A supervisor can correct or void the slip later. "
        "Further buy-in and chips out may stay empty."
    ),
    describe=describe,
    make_form=_complete_form,
    floor_form=CompleteForm,
    carry_out=_complete,
)
RECOVER: Final = SlipAction(
    name="recover",
    label="Pay points owed",
    done="paid",
    submit_label="Pay points",
    explanation="Posts the points that a closed slip is owed. A slip that was paid is never paid again.",
    describe=describe,
    carry_out=_recover,
)
RELEASE: Final = SlipAction(
    name="release",
    label="Release points",
    done="released",
    submit_label="Release points",
    explanation=(
        "Posts points that were withheld because the player was not active when the slip closed. The player must be "
        "active now. Released points are taken back only by a correction or a void of the slip."
    ),
    describe=describe_with_codes,
    make_form=partial(_reason_form, Operation.RELEASE),
    carry_out=_release,
)
VOID: Final = SlipAction(
    name="void",
    label="Void",
    done="voided",
    submit_label="Void",
    explanation=(
        "A void slip counts nowhere: its play is taken out of theo, visits and figures, and its points are taken back "
        "as far as the balance covers them. It keeps its place in lists, and never changes again."
    ),
    describe=describe_with_codes,
    make_form=partial(_reason_form, Operation.VOID),
    floor_form=VoidForm,
    carry_out=_void,
)
SLIP_ACTIONS: Final = {
    action.name: action for action in (PAUSE, RESUME, CHANGE_BET, MOVE, COMPLETE, RECOVER, RELEASE, VOID)
}
