"""Read a time of day as people type it, and find the instant that they mean."""

import re
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from core.clock import shown_as
from core.errors import DomainError
from core.text import trimmed

_WRITTEN: Final = re.compile(
    r"(?P<hour>[0-9]{1,2})"
    r"(?:[:.h\s]?(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?)?"
    r"(?:\s?(?P<half>[ap])\.?m\.?)?",
    re.IGNORECASE,
)


class NotATimeOfDay(DomainError):
    """A time of day cannot be read."""

    code = "NOT_A_TIME_OF_DAY"


def read_time_of_day(text: str) -> time:
    """Read a time of day: 19:30, 1930, 19.30, 19h30, 7.30 pm, 7 pm.

    :raises NotATimeOfDay: it is none; an hour alone needs am or pm.
    """
    found = _WRITTEN.fullmatch(trimmed(text))
    if found is None or (found["minute"] is None and found["half"] is None):
        raise NotATimeOfDay("Write a time such as 19:30, 1930 or 7.30 pm.")
    hour, half = int(found["hour"]), (found["half"] or "").lower()
    if half and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half == "p" else 0)
    elif half == "a" or (half and hour == 0):
        raise NotATimeOfDay("Before am or pm, an hour is 1 to 12.")
    try:
        return time(hour, int(found["minute"] or 0), int(found["second"] or 0))
    except ValueError:
        raise NotATimeOfDay("A time is from 00:00 to 23:59.") from None


def has_seconds(text: str) -> bool:
    """Whether a time of day is written to the second."""
    found = _WRITTEN.fullmatch(trimmed(text))
    return found is not None and found["second"] is not None


def latest_instant(of_day: time, *, zone: ZoneInfo, now: datetime) -> datetime:
    """The latest instant, not after `now`, at which a clock in `zone` shows `of_day`."""
    today = now.astimezone(zone).date()
    # Where clocks go back across midnight, they may have shown tomorrow already; they may skip the hour today.
    days = (today + timedelta(days=ahead) for ahead in (1, 0, -1, -2))
    instants = (instant for day in days for instant in reversed(shown_as(datetime.combine(day, of_day), zone=zone)))
    return next(instant for instant in instants if instant <= now)
