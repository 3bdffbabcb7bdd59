"""Event times: they come in as arguments, and a service refuses those that cannot be true."""

from datetime import UTC, datetime
from typing import Final

from django.utils import timezone

from core.errors import DomainError

EARLIEST_EVENT_AT: Final = datetime(1970, 1, 1, tzinfo=UTC)


class InvalidTime(DomainError):
    """An event's time is in the future, before the last event, absurdly old, or has no time zone."""

    code = "INVALID_TIME"


def require_event_time(at: datetime, *, not_before: datetime | None = None) -> None:
    """Refuse an event time that cannot be true.

    :raises InvalidTime: `at` is naive, in the future, earlier than `not_before`, or before `EARLIEST_EVENT_AT`.
    """
    if timezone.is_naive(at):
        raise InvalidTime("The time has no time zone: give it with an offset, such as 2026-11-14T19:30:00-08:00.")
    if at > timezone.now():
        raise InvalidTime(f"{at.isoformat()} is in the future: check the clock of the machine that sent it.")
    if at < EARLIEST_EVENT_AT:
        raise InvalidTime(f"{at.isoformat()} is before {EARLIEST_EVENT_AT:%Y}: check the year.")
    if not_before is not None and at < not_before:
        raise InvalidTime(f"{at.isoformat()} is before the last event on record, {not_before.isoformat()}.")
