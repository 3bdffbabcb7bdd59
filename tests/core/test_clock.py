"""Event times that cannot be true are refused."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from structlog.testing import capture_logs

from core.clock import InvalidTime, checked_event_time, clamp_to_last_event, shown_as


class TestCheckedEventTime:
    def test_takes_the_past_and_the_last_event_itself(self) -> None:
        now = timezone.now()

        checked_event_time(now)
        checked_event_time(now, not_before=now)
        checked_event_time(now, not_before=now - timedelta(hours=1))

    def test_refuses_a_time_without_a_zone(self) -> None:
        with pytest.raises(InvalidTime, match="has no time zone"):
            checked_event_time(datetime(2026, 11, 14, 19, 30))  # noqa: DTZ001

    def test_refuses_the_future(self) -> None:
        with pytest.raises(InvalidTime, match="is in the future"):
            checked_event_time(timezone.now() + timedelta(minutes=1))

    def test_refuses_what_comes_before_the_last_event(self) -> None:
        past = timezone.now() - timedelta(hours=1)

        with pytest.raises(InvalidTime, match="is before the last event"):
            checked_event_time(past - timedelta(microseconds=1), not_before=past)

    def test_refuses_a_year_that_nobody_played_in(self) -> None:
        with pytest.raises(InvalidTime, match="is before 1970"):
            checked_event_time(datetime(1, 1, 1, tzinfo=UTC))


class TestInOrder:
    def test_is_the_time_itself_after_the_last_event(self) -> None:
        now = timezone.now()

        for last_event in (None, now - timedelta(hours=1), now):
            assert clamp_to_last_event(now, last_event=last_event) == now

    @pytest.mark.parametrize("ahead", [timedelta(microseconds=1), timedelta(seconds=3), timedelta(hours=1)])
    def test_is_the_last_event_if_that_is_ahead_of_now(self, ahead: timedelta) -> None:
        now = timezone.now()

        assert clamp_to_last_event(now, last_event=now + ahead) == now + ahead

    @pytest.mark.parametrize("last_event", [timedelta(seconds=0), timedelta(hours=1)])
    def test_is_the_time_itself_if_that_is_not_now(self, last_event: timedelta) -> None:
        at = timezone.now() - timedelta(seconds=61)

        assert clamp_to_last_event(at, last_event=timezone.now() + last_event) == at

    def test_logs_a_clock_set_back_but_no_quicker_event(self) -> None:
        now = timezone.now()

        with capture_logs() as lines:
            clamp_to_last_event(now - timedelta(seconds=1), last_event=now)
            clamp_to_last_event(now, last_event=now + timedelta(hours=1))

        assert [line["event"] for line in lines] == ["core.clock_was_set_back"]


class TestShownAs:
    @pytest.mark.parametrize(
        ("local", "hours"),
        [
            ("2025-11-02T00:59:59", ["07:59:59"]),
            ("2025-11-02T01:00:00", ["08:00:00", "09:00:00"]),
            ("2025-11-02T01:59:59", ["08:59:59", "09:59:59"]),
            ("2025-11-02T02:00:00", ["10:00:00"]),
            ("2025-03-09T01:59:59", ["09:59:59"]),
            ("2025-03-09T02:00:00", []),
            ("2025-03-09T02:59:59", []),
            ("2025-03-09T03:00:00", ["10:00:00"]),
        ],
    )
    def test_is_one_instant_but_when_the_clock_is_changed(self, local: str, hours: list[str]) -> None:
        instants = shown_as(datetime.fromisoformat(local), zone=ZoneInfo("America/Los_Angeles"))

        assert [f"{instant:%H:%M:%S}" for instant in instants] == hours
        assert all(instant.utcoffset() == timedelta() for instant in instants)
