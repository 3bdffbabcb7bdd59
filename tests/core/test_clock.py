"""Event times that cannot be true are refused."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from core.clock import InvalidTime, require_event_time


class TestRequireEventTime:
    def test_takes_the_past_and_the_last_event_itself(self) -> None:
        now = timezone.now()

        require_event_time(now)
        require_event_time(now, not_before=now)
        require_event_time(now, not_before=now - timedelta(hours=1))

    def test_refuses_a_time_without_a_zone(self) -> None:
        with pytest.raises(InvalidTime, match="has no time zone"):
            require_event_time(datetime(2026, 11, 14, 19, 30))  # noqa: DTZ001

    def test_refuses_the_future(self) -> None:
        with pytest.raises(InvalidTime, match="is in the future"):
            require_event_time(timezone.now() + timedelta(minutes=1))

    def test_refuses_what_comes_before_the_last_event(self) -> None:
        now = timezone.now()

        with pytest.raises(InvalidTime, match="is before the last event"):
            require_event_time(now - timedelta(microseconds=1), not_before=now)

    def test_refuses_a_year_that_nobody_played_in(self) -> None:
        with pytest.raises(InvalidTime, match="is before 1970"):
            require_event_time(datetime(1, 1, 1, tzinfo=UTC))
