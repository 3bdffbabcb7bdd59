"""Read and show the times of a slip's play on the page that corrects it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.utils.formats import date_format

from core.clock import shown_as
from core.errors import DomainError
from core.text import trimmed
from core.times_of_day import NotATimeOfDay, has_seconds, read_time_of_day

TIME_MAX_LENGTH: Final = 30
EARLIEST_YEAR: Final = 1971
_LONGEST_WITHOUT_DATE: Final = timedelta(days=2)
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DATED: Final = re.compile(
    r"(?:(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})"
    r"|(?P<day_first>[0-9]{1,2})\.?\s+(?P<name>[A-Za-z]{3,9})(?:\s+(?P<year_last>[0-9]{4}))?)[,\s]+(?P<clock>.+)"
)
_WRITE_A_TIME: Final = "Write a time such as 19:30 or 7.30 pm, with a date if needed: 14 Nov 19:30."
_ZONED: Final = re.compile(r"(?P<time>.*[^\s])\s+(?P<zone>[A-Za-z]{3,5}|[+-][0-9]{2,4})")


class NotATime(DomainError):
    """What was typed is not a time of the slip, or could mean several."""

    code = "NOT_A_TIME"


def read_exact(text: str) -> datetime | None:
    """Read an instant that a page carried in a hidden field; None if it is empty or cannot be read."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    is_usable = instant.tzinfo is not None and EARLIEST_YEAR <= instant.year < date.max.year
    return instant if is_usable else None


@dataclass(frozen=True, kw_only=True, slots=True)
class PlayClock:
    """Show the times of a slip, and read what was typed. `instants` are those that the page shows, `now` if none.

    A time without a date means the day on which it is nearest to the play. A time as the page shows it means the exact
    instant, in whichever field it is typed; in its own field, so does the same time to the minute.
    """

    zone: ZoneInfo
    now: datetime
    instants: Iterable[datetime]
    goes_on: bool
    begins: datetime = field(init=False)
    ends: datetime = field(init=False)
    known: dict[str, datetime | None] = field(init=False)

    def __post_init__(self) -> None:
        instants = sorted({instant for instant in self.instants if instant <= self.now}) or [self.now]
        known: dict[str, datetime | None] = {}
        for instant in instants:
            for with_date in (True, False):
                text = self._text(instant, with_date=with_date)
                # Two instants with the same text are known apart only in their own fields.
                known[text] = None if text in known else instant
        object.__setattr__(self, "begins", instants[0])
        object.__setattr__(self, "ends", self.now if self.goes_on else instants[-1])
        object.__setattr__(self, "known", known)

    def shown(self, instant: datetime | None) -> str:
        """The instant as the page shows it, with the date where the play passes midnight."""
        if instant is None:
            return ""
        begins, ends = (edge.astimezone(self.zone).date() for edge in (self.begins, self.ends))
        return self._text(instant, with_date=begins != ends)

    def dated(self, instant: datetime) -> str:
        """The instant with its date."""
        return self._text(instant, with_date=True)

    def read(self, text: str, *, was: datetime | None) -> datetime | None:
        """Read what was typed into a field that showed the instant `was`; None for an empty field.

        :raises NotATime: it cannot be read, is in the future, or a date or the name of the offset is missing.
        """
        typed = trimmed(text)
        if not typed:
            return None
        if was is not None and typed in {self._text(was, with_date=with_date) for with_date in (True, False)}:
            return was
        instant = self.known.get(typed) or self._nearest(typed)
        if was is None:
            return instant
        unzoned, _ = _without_zone(typed)
        found = _DATED.fullmatch(unzoned)
        is_exact = has_seconds(found["clock"] if found else unzoned)
        shown = was.replace(microsecond=0) if is_exact else was.replace(second=0, microsecond=0)
        return was if instant == shown else instant

    def _text(self, instant: datetime, *, with_date: bool) -> str:
        local = instant.astimezone(self.zone)
        clock = "H:i:s" if local.second else "H:i"
        is_repeated = len(shown_as(local.replace(tzinfo=None), zone=self.zone)) > 1
        text = date_format(local, f"j M {clock}" if with_date else clock)
        return f"{text} {local:%Z}" if is_repeated else text

    def _nearest(self, typed: str) -> datetime:
        unzoned, offset = _without_zone(typed)
        found = _DATED.fullmatch(unzoned)
        try:
            of_day = read_time_of_day(found["clock"] if found else unzoned)
        except NotATimeOfDay as error:
            raise NotATime(_WRITE_A_TIME) from error
        days = self._dates(found) if found else self._days()
        instants = [instant for day in days for instant in self._instants(day, of_day) if instant <= self.now]
        if offset and instants:
            instants = [at for at in instants if f"{at.astimezone(self.zone):%Z}".upper() == offset.upper()]
            if not instants:
                raise NotATime(_WRITE_A_TIME)
        if not instants:
            raise NotATime(f"“{typed}” is in the future, or no clock showed it then.")
        during = {instant.astimezone(self.zone).date() for instant in instants if not self._distance(instant)}
        if len(during) > 1:
            raise NotATime("The play passes this time on several days. Write the date too, such as 14 Nov 19:30.")
        nearest = min(instants, key=self._distance)
        self._require_once(nearest, instants)
        return nearest

    def _require_once(self, nearest: datetime, instants: Iterable[datetime]) -> None:
        """:raises NotATime: clocks showed the time twice that night, and the play does not say which is meant."""
        day = nearest.astimezone(self.zone).date()
        twice = sorted(at for at in instants if at.astimezone(self.zone).date() == day)
        if len(twice) > 1 and len({bool(self._distance(at)) for at in twice}) == 1:
            first, second = (self._text(at, with_date=False) for at in twice)
            raise NotATime(f"Clocks showed this time twice. Write which one: {first} or {second}.")

    def _instants(self, day: date, of_day: time) -> list[datetime]:
        return shown_as(datetime.combine(day, of_day), zone=self.zone)

    def _distance(self, instant: datetime) -> timedelta:
        return max(self.begins - instant, instant - self.ends, timedelta(0))

    def _days(self) -> list[date]:
        """The days of the play, and those before and after it.

        :raises NotATime: there are too many of them.
        """
        if self.ends - self.begins > _LONGEST_WITHOUT_DATE:
            raise NotATime("The play lasts for days. Write the date too, such as 14 Nov 19:30.")
        first, last = (edge.astimezone(self.zone).date() for edge in (self.begins, self.ends))
        return [first + timedelta(days=number) for number in range(-1, (last - first).days + 2)]

    def _dates(self, found: re.Match[str]) -> list[date]:
        """The day that was typed; without a year, that day of each year of the play.

        :raises NotATime: there is no such day.
        """
        years = range(self.begins.year - 1, self.ends.year + 2)
        if year := found["year"] or found["year_last"]:
            years = range(int(year), int(year) + 1)
        month = int(found["month"]) if found["month"] else _month(found["name"])
        days = [_day(each, month, int(found["day"] or found["day_first"])) for each in years]
        if not any(days):
            raise NotATime("There is no such day. Write a date such as 14 Nov, or 2026-11-14.")
        return [day for day in days if day]


def _without_zone(typed: str) -> tuple[str, str]:
    """What was typed, and apart from it the name of an offset at its end, such as PST; empty without one."""
    found = _ZONED.fullmatch(typed)
    return (found["time"], found["zone"]) if found else (typed, "")


def _month(name: str) -> int:
    short = name[:3].lower()
    return _MONTHS.index(short) + 1 if short in _MONTHS else 0


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day) if EARLIEST_YEAR <= year < date.max.year else None
    except ValueError:
        return None
