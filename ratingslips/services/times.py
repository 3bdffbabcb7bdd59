"""The time of an act: chosen by a person, within their reach, and not before the slip's last event."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from django.utils import timezone

from core.clock import InvalidTime, checked_event_time, clamp_to_last_event
from core.errors import DomainError
from core.idempotency import Request
from core.local_time import exact_time_in, time_in
from core.models import Casino, User
from core.permissions import has_permission
from ratingslips.events import last_event
from ratingslips.models import MoneyRow, Pit, PlaySegment
from ratingslips.permissions import CORRECT_SLIP

# The name of a chosen time in the contents of a request.
CHOSEN_TIME: Final = "chosen_time"


class TooLongAgo(DomainError):
    """The chosen time is earlier than the actor may go back."""

    code = "TOO_LONG_AGO"


class BeforeLastEvent(InvalidTime):
    """The time of an act is before the last event of the slip's play; a correction of the slip can put it there."""


class BeforeMoney(InvalidTime):
    """The closing is before a buy-in or chips out of the slip."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChosenTime:
    """The time that a person chose for an act, to the minute: `text` of the form, and the earliest they may choose."""

    text: str
    earliest: datetime


def with_time(contents: Request, chosen_time: ChosenTime | None) -> Request:
    """The contents of a request, with the time that was chosen, if one was."""
    return contents if chosen_time is None else {**contents, CHOSEN_TIME: chosen_time.text}


def earliest_instant(*, actor: User, pit: Pit, casino: Casino, at: datetime) -> datetime:
    """The earliest time that `actor` may choose for an act on a slip in `pit` at `at`, which is now; to the minute.

    It is `Casino.backdating` ago, or the start of the running gaming day if `actor` may correct slips there and that is
    earlier.
    """
    limit = (at.astimezone(UTC) - casino.backdating).replace(second=0, microsecond=0)
    if not has_permission(actor, CORRECT_SLIP, pit):
        return limit
    return min(_start_of_day(casino, at), limit)


def _start_of_day(casino: Casino, at: datetime) -> datetime:
    begins, _ = casino.gaming_day_span(casino.gaming_day_at(at))
    return begins


def require_within_reach(at: datetime, *, chosen_time: ChosenTime | None, casino: Casino) -> None:
    """:raises TooLongAgo: `at` is before the earliest time that the actor may choose."""
    if chosen_time is None or at >= chosen_time.earliest:
        return
    begins = _start_of_day(casino, timezone.now())
    others = " Ask somebody who may correct slips." if begins <= at and begins < chosen_time.earliest else ""
    earliest = time_in(chosen_time.earliest, casino)
    raise TooLongAgo(f"{time_in(at, casino)} is too long ago: you can go back to {earliest}.{others}")


def checked_act_time(
    at: datetime,
    *,
    last: PlaySegment,
    chosen_time: ChosenTime | None = None,
    last_money_at: datetime | None = None,
) -> datetime:
    """Return the instant at which an act on a live slip is recorded; `last` is its last segment, with its table.

    A closing gives `last_money_at`, the instant of the slip's last buy-in or chips out, and is not before that either.

    :raises TooLongAgo: see `require_within_reach`.
    :raises BeforeLastEvent: naming the last event of the slip's play, its time and who recorded it.
    :raises BeforeMoney: naming the last buy-in or chips out.
    :raises InvalidTime: see `checked_event_time`.
    """
    casino, last_at = last.table.casino, last.ended_at or last.started_at
    newest = max(last_at, last_money_at) if last_money_at else last_at
    at = checked_event_time(at)
    require_within_reach(at, chosen_time=chosen_time, casino=casino)
    at = clamp_to_last_event(at, last_event=newest, to_the_minute=chosen_time is not None)
    words = time_in if chosen_time else exact_time_in
    if at < last_at:
        event = last_event(last)
        raise BeforeLastEvent(
            f"{words(at, casino)} is before the last event on record: {event.kind} at {words(event.at, casino)} by "
            f"{event.by.display_name}."
        )
    if at < newest:
        row = MoneyRow.objects.not_struck().filter(slip=last.slip_id, happened_at=newest).select_related("actor")[0]
        raise BeforeMoney(
            f"{words(at, casino)} is before {row.words} at {words(newest, casino)} by {row.actor.display_name}. "
            "If that is wrong, strike it first."
        )
    return at
