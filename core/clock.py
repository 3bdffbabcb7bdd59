"""Check the times of events, and find the instants of a local time."""

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import structlog
from django.db.models import DateTimeField, Func
from django.utils import timezone

from core.errors import DomainError

log = structlog.get_logger(__name__)

JUST_READ_SECONDS: Final = 60
EARLIEST_EVENT_AT: Final = datetime(1970, 1, 1, tzinfo=UTC)


class DatabaseClock(Func):
    """PostgreSQL's clock when the row is written; `Now()` would be the start of the transaction."""

    function = "clock_timestamp"
    template = "%(function)s()"
    output_field = DateTimeField()


class InvalidTime(DomainError):
    """An event's time is in the future, before the last event, absurdly old, or has no time zone."""

    code = "INVALID_TIME"


def clamp_to_last_event(at: datetime, *, last_event: datetime | None, to_the_minute: bool = False) -> datetime:
    """Return `at`, or `last_event` if `at` was just read from the clock and is earlier than `last_event`.

    A time that was just read from the clock can be too early although the actor made no mistake: another event was
    recorded while this one waited for a lock, the clock of another machine is ahead, or the clock was set back. The
    event is then recorded at the instant of the last one, which keeps the order and refuses nobody. A time that was not
    read from the clock just now is returned unchanged.

    A person chooses a time `to_the_minute`: then `last_event` is also returned if it is in the minute after `at`.
    """
    now = timezone.now()
    if last_event is None or last_event <= at:
        return at
    is_same_minute = to_the_minute and last_event - at < timedelta(minutes=1)
    if now - at > timedelta(seconds=JUST_READ_SECONDS) and not is_same_minute:
        return at
    if last_event > now:
        log.warning("core.clock_was_set_back", by_at_least_seconds=(last_event - now).total_seconds())
    return last_event


def checked_event_time(at: datetime, *, not_before: datetime | None = None) -> datetime:
    """Return the instant at which an event is recorded, and refuse a time that cannot be true.

    :raises InvalidTime: `at` is naive, in the future, earlier than `not_before`, or before `EARLIEST_EVENT_AT`.
    """
    if timezone.is_naive(at):
        raise InvalidTime("The time has no time zone: give it with an offset, such as 2026-11-14T19:30:00-08:00.")
    if at > timezone.now():
        raise InvalidTime(f"{at.isoformat()} is in the future: check the clock of the machine that sent it.")
    if at < EARLIEST_EVENT_AT:
        raise InvalidTime(f"{at.isoformat()} is before {EARLIEST_EVENT_AT:%Y}: check the year.")
    at = clamp_to_last_event(at, last_event=not_before)
    if not_before is not None and at < not_before:
        last = not_before.astimezone(at.tzinfo)
        raise InvalidTime(f"{at.isoformat()} is before the last event on record, {last.isoformat()}.")
    return at


def shown_as(local: datetime, *, zone: ZoneInfo) -> list[datetime]:
    """Return the instants (UTC), in order, at which a clock in `zone` shows `local` (naive).

    There is usually one. There are two in the hour that a clock change repeats, and none in the hour that it skips.
    """
    instants = {local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return sorted(instant for instant in instants if instant.astimezone(zone).replace(tzinfo=None) == local)
