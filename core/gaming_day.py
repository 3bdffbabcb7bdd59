"""The gaming day: the casino's accounting day, which begins in the early morning and not at midnight.

Pure functions; see docs/money-rules.md. The gaming days of a casino have no gaps and do not overlap.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def start_of(day: date, *, zone: ZoneInfo, starts_at: time) -> datetime:
    """The instant (UTC) at which the gaming day `day` begins; the earlier one if the clock shows it twice."""
    return datetime.combine(day, starts_at, tzinfo=zone).astimezone(UTC)


def span_of(day: date, *, zone: ZoneInfo, starts_at: time) -> tuple[datetime, datetime]:
    """The instants (UTC) at which the gaming day `day` begins (inclusive) and ends (exclusive)."""
    following = day + timedelta(days=1)
    return start_of(day, zone=zone, starts_at=starts_at), start_of(following, zone=zone, starts_at=starts_at)


def gaming_day_at(at: datetime, *, zone: ZoneInfo, starts_at: time) -> date:
    """The gaming day that the instant `at` (aware) belongs to."""
    calendar_day = at.astimezone(zone).date()
    # Where clocks go back across midnight, the next gaming day may have begun while the calendar still shows this day.
    for day in (calendar_day + timedelta(days=1), calendar_day):
        if at >= start_of(day, zone=zone, starts_at=starts_at):
            return day
    return calendar_day - timedelta(days=1)
