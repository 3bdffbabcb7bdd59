"""What can be asked for on a slip's page: the form, the one service call, and how its event looks in the history."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django import forms
from django.utils import timezone

from core.errors import DomainError
from core.models import User
from ratingslips.admin.floor.forms import AverageBetForm, ChosenSeatForm, CompleteForm, NothingForm
from ratingslips.history import Event, Kind, SlipVersion
from ratingslips.models import RatingSlip
from ratingslips.services import (
    InvalidAverageBet,
    change_average_bet,
    complete_rating_slip,
    move_rating_slip,
    pause_rating_slip,
    resume_rating_slip,
)

Given = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """Who decided, when, and on which version of which slip."""

    slip: RatingSlip
    actor: User
    at: datetime
    expected_version: SlipVersion

    @property
    def arguments(self) -> dict[str, Any]:
        """What every service takes."""
        return {"slip": self.slip.pk, "actor": self.actor, "at": self.at, "expected_version": self.expected_version}


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """`perform` makes the one service call and says what was done; `is_it` knows the event that it leaves behind."""

    form: Callable[..., forms.Form]
    perform: Callable[[Decision, Given], str]
    is_it: Callable[[Event, Given], bool]


def _change_bet(decision: Decision, given: Given) -> str:
    change_average_bet(**decision.arguments, average_bet=given["average_bet"])
    return f"average bet {given['average_bet']:,.2f} from now on."


def _pause(decision: Decision, _given: Given) -> str:
    pause_rating_slip(**decision.arguments)
    return "paused, the seat stays taken."


def _resume(decision: Decision, _given: Given) -> str:
    return f"resumed at {resume_rating_slip(**decision.arguments).place}."


def _move(decision: Decision, given: Given) -> str:
    table, seat = given["to"]
    return f"moved to {move_rating_slip(**decision.arguments, table=table, seat=seat).place}."


def _close(decision: Decision, given: Given) -> str:
    """Close whatever the slip has become since: that play is over holds either way, and closing twice is a replay."""
    settlement = complete_rating_slip(
        slip=decision.slip.pk,
        actor=decision.actor,
        at=decision.at,
        buy_in=given["buy_in"],
        chips_out=given["chips_out"],
    )
    if not settlement.replayed:
        return "closed."
    first = RatingSlip.objects.select_related("casino", "closed_by").get(pk=decision.slip.pk)
    assert first.closed_at is not None
    at = timezone.localtime(first.closed_at, first.casino.zone)
    unsaved = [
        name for name in ("buy_in", "chips_out") if given[name] is not None and given[name] != getattr(first, name)
    ]
    lost = " What you typed now was not saved." if unsaved else ""
    by = "you" if first.closed_by_id == decision.actor.pk else str(first.closed_by)
    return f"was closed at {at:%H:%M:%S} by {by}: {settlement.points:,} points. Nothing was done twice.{lost}"


ASKS: Final[dict[str, Ask]] = {
    "bet": Ask(
        form=AverageBetForm,
        perform=_change_bet,
        is_it=lambda event, given: event.kind == Kind.BET_CHANGED and event.average_bet == given["average_bet"],
    ),
    "pause": Ask(form=NothingForm, perform=_pause, is_it=lambda event, _: event.kind == Kind.PAUSED),
    "resume": Ask(form=NothingForm, perform=_resume, is_it=lambda event, _: event.kind == Kind.RESUMED),
    "move": Ask(
        form=ChosenSeatForm,
        perform=_move,
        is_it=lambda event, given: event.kind == Kind.MOVED and (event.table_id, event.seat) == given["to"],
    ),
    "close": Ask(form=CompleteForm, perform=_close, is_it=lambda event, _: event.kind == Kind.CLOSED),
}

FIELD_OF_REFUSAL: Final[dict[type[DomainError], str]] = {InvalidAverageBet: "average_bet"}
