"""The accounting day, across clock changes and odd beginnings."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.gaming_day import gaming_day_at, span_of, start_of
from tests.properties import property_settings

SIX = time(6)
ZONES = (
    "America/Los_Angeles",
    "Europe/London",
    "Africa/Cairo",  # the clocks change at midnight
    "America/Havana",
    "Australia/Lord_Howe",  # by half an hour
    "Asia/Macau",  # never
    "Pacific/Chatham",
    "America/St_Johns",
    "UTC",
)

zones = st.sampled_from(ZONES).map(ZoneInfo)
days = st.dates(date(2012, 1, 1), date(2040, 1, 1))
starts = st.one_of(st.sampled_from([time(0), time(0, 30), time(2, 30), SIX, time(23, 30)]), st.times())


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class TestSpanOf:
    @pytest.mark.parametrize(
        ("zone", "day", "hours"),
        [
            ("America/Los_Angeles", date(2026, 11, 14), 24),
            ("America/Los_Angeles", date(2026, 3, 7), 23),
            ("America/Los_Angeles", date(2026, 10, 31), 25),
            ("Europe/London", date(2026, 3, 28), 23),
            ("Europe/London", date(2026, 10, 24), 25),
            ("Australia/Lord_Howe", date(2026, 4, 4), 24.5),
            ("Australia/Lord_Howe", date(2026, 10, 3), 23.5),
            ("Asia/Macau", date(2026, 3, 28), 24),
        ],
    )
    def test_is_as_long_as_the_clocks_make_it(self, zone: str, day: date, hours: float) -> None:
        begins, ends = span_of(day, zone=ZoneInfo(zone), starts_at=SIX)

        assert ends - begins == timedelta(hours=hours)

    @property_settings
    @given(zone=zones, day=days, starts_at=starts)
    def test_meets_the_next_day_without_gap_or_overlap(self, zone: ZoneInfo, day: date, starts_at: time) -> None:
        begins, ends = span_of(day, zone=zone, starts_at=starts_at)

        assert begins < ends
        assert ends == span_of(day + timedelta(days=1), zone=zone, starts_at=starts_at)[0]

    @property_settings
    @given(zone=zones, day=days, starts_at=starts, part=st.fractions(0, 1))
    def test_holds_exactly_the_instants_of_its_day(
        self, zone: ZoneInfo, day: date, starts_at: time, part: float
    ) -> None:
        begins, ends = span_of(day, zone=zone, starts_at=starts_at)
        microseconds = int((ends - begins) / timedelta(microseconds=1) * float(part))
        inside = min(begins + timedelta(microseconds=microseconds), ends - timedelta(microseconds=1))

        assert gaming_day_at(inside, zone=zone, starts_at=starts_at) == day
        assert gaming_day_at(begins, zone=zone, starts_at=starts_at) == day
        assert gaming_day_at(ends, zone=zone, starts_at=starts_at) == day + timedelta(days=1)


class TestStartOf:
    @pytest.mark.parametrize(
        ("zone", "day", "starts_at", "instant"),
        [
            ("America/Los_Angeles", date(2026, 11, 14), SIX, "2026-11-14T14:00"),
            ("America/Los_Angeles", date(2026, 7, 14), SIX, "2026-07-14T13:00"),
            ("America/Los_Angeles", date(2026, 7, 14), time(0), "2026-07-14T07:00"),
            # 02:30 does not exist on this day: the clocks jump from 02:00 to 03:00.
            ("America/Los_Angeles", date(2026, 3, 8), time(2, 30), "2026-03-08T10:30"),
            # 01:30 comes twice on this day: the first one counts.
            ("America/Los_Angeles", date(2026, 11, 1), time(1, 30), "2026-11-01T08:30"),
            # Midnight does not exist on this day.
            ("Africa/Cairo", date(2026, 4, 24), time(0), "2026-04-23T22:00"),
        ],
    )
    def test_is_the_first_instant_at_which_the_clock_shows_it(
        self, zone: str, day: date, starts_at: time, instant: str
    ) -> None:
        assert start_of(day, zone=ZoneInfo(zone), starts_at=starts_at) == _utc(instant)


class TestGamingDayAt:
    @pytest.mark.parametrize(
        ("zone", "starts_at", "instant", "day"),
        [
            ("America/Los_Angeles", SIX, "2026-11-14T13:59:59.999999", date(2026, 11, 13)),
            ("America/Los_Angeles", SIX, "2026-11-14T14:00", date(2026, 11, 14)),
            ("America/Los_Angeles", time(0), "2026-11-14T07:59:59", date(2026, 11, 13)),
            ("America/Los_Angeles", time(0), "2026-11-14T08:00", date(2026, 11, 14)),
            # The second 01:15, after a day that began at the first 01:30.
            ("America/Los_Angeles", time(1, 30), "2026-11-01T09:15", date(2026, 11, 1)),
            # New Year on the other side of the date line.
            ("Pacific/Chatham", SIX, "2026-12-31T16:14", date(2026, 12, 31)),
            ("Pacific/Chatham", SIX, "2026-12-31T16:15", date(2027, 1, 1)),
            # Until 2011 these clocks went back at 00:01, so midnight came twice, and 23:30 once more after the first.
            ("America/St_Johns", time(0), "2010-11-07T03:00", date(2010, 11, 7)),
        ],
    )
    def test_belongs_to_the_day_that_has_begun_last(self, zone: str, starts_at: time, instant: str, day: date) -> None:
        assert gaming_day_at(_utc(instant), zone=ZoneInfo(zone), starts_at=starts_at) == day

    @property_settings
    @given(at=st.datetimes(datetime(2012, 1, 1), datetime(2040, 1, 1)), zone=zones)  # noqa: DTZ001
    def test_is_the_wall_clock_turned_back_by_six_hours(self, at: datetime, zone: ZoneInfo) -> None:
        instant = at.replace(tzinfo=UTC)

        wall_clock = instant.astimezone(zone).replace(tzinfo=None)

        assert gaming_day_at(instant, zone=zone, starts_at=SIX) == (wall_clock - timedelta(hours=6)).date()

    def test_does_not_depend_on_the_zone_of_the_instant(self) -> None:
        written_in_tokyo = datetime(2026, 11, 14, 22, 59, tzinfo=ZoneInfo("Asia/Tokyo"))

        day = gaming_day_at(written_in_tokyo, zone=ZoneInfo("America/Los_Angeles"), starts_at=SIX)

        assert day == date(2026, 11, 13)
