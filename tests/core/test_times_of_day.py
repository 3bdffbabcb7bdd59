"""A time of day is read as people type it, and is the latest one that has passed."""

from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.times_of_day import NotATimeOfDay, latest_instant, read_time_of_day

LOS_ANGELES = ZoneInfo("America/Los_Angeles")


class TestReadTimeOfDay:
    @pytest.mark.parametrize(
        "text", ["19:30", "1930", "19.30", "19 30", "19h30", "7.30 pm", "7:30PM", "730 p.m.", "19:30 pm"]
    )
    def test_reads_half_past_seven_in_the_evening(self, text: str) -> None:
        assert read_time_of_day(f"\u00a0{text} ") == time(19, 30)

    @pytest.mark.parametrize(
        ("text", "read"),
        [
            ("730", time(7, 30)),
            ("0:05", time(0, 5)),
            ("12 am", time(0)),
            ("12.15 pm", time(12, 15)),
            ("7 pm", time(19)),
            ("19:42:10", time(19, 42, 10)),
        ],
    )
    def test_reads_other_times(self, text: str, read: time) -> None:
        assert read_time_of_day(text) == read

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "7",
            "19",
            "24:00",
            "19:60",
            "0 am",
            "13 am",
            "193",
            "19:3",
            "19:30:61",
            "19-30",
            "١٩:٣٠",
            "now",
            "19:30 x",
        ],
    )
    def test_refuses_the_rest(self, text: str) -> None:
        with pytest.raises(NotATimeOfDay):
            read_time_of_day(text)


class TestLatestInstant:
    @pytest.mark.parametrize(
        ("now", "shown", "instant"),
        [
            ("2026-11-14T19:30:00-08:00", time(19, 30), "2026-11-14T19:30:00-08:00"),
            ("2026-11-14T19:29:59-08:00", time(19, 30), "2026-11-13T19:30:00-08:00"),
            ("2026-11-15T01:10:00-08:00", time(23, 50), "2026-11-14T23:50:00-08:00"),
            ("2026-11-01T01:40:00-07:00", time(1, 30), "2026-11-01T01:30:00-07:00"),  # shown twice: the first
            ("2026-11-01T01:20:00-08:00", time(1, 30), "2026-11-01T01:30:00-07:00"),
            ("2026-11-01T01:40:00-08:00", time(1, 30), "2026-11-01T01:30:00-08:00"),  # and the second
            ("2026-03-08T03:10:00-07:00", time(2, 30), "2026-03-07T02:30:00-08:00"),  # not shown that day
            ("2026-03-09T01:10:00-07:00", time(2, 30), "2026-03-07T02:30:00-08:00"),  # nor on the day before
        ],
    )
    def test_is_the_last_one_that_has_passed(self, now: str, shown: time, instant: str) -> None:
        found = latest_instant(shown, zone=LOS_ANGELES, now=datetime.fromisoformat(now))

        assert found == datetime.fromisoformat(instant)

    @given(
        now=st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1), timezones=st.timezones()),  # noqa: DTZ001
        shown=st.times(),
        zone=st.sampled_from(["America/Los_Angeles", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"]),
    )
    def test_is_shown_by_the_clock_and_has_passed(self, now: datetime, shown: time, zone: str) -> None:
        found = latest_instant(shown, zone=ZoneInfo(zone), now=now)

        assert found <= now
        assert found.astimezone(ZoneInfo(zone)).time() == shown
