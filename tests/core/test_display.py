"""What the console says of an instant."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from core.console.display import exact_moment

REPEATED_HOUR = datetime(2026, 11, 1, 8, 30, tzinfo=UTC)


class TestExactMoment:
    @pytest.mark.parametrize(
        ("instant", "said"),
        [
            (REPEATED_HOUR, "1 Nov 2026 01:30:00 PDT"),
            (REPEATED_HOUR + timedelta(hours=1), "1 Nov 2026 01:30:00 PST"),
            (datetime(2026, 3, 8, 10, 0, 1, tzinfo=UTC), "8 Mar 2026 03:00:01 PDT"),
            (datetime(2026, 7, 4, 19, 5, 9, tzinfo=UTC), "4 Jul 2026 12:05:09 PDT"),
        ],
    )
    def test_has_its_zone_in_the_hour_that_comes_twice(self, instant: datetime, said: str) -> None:
        with timezone.override(ZoneInfo("America/Los_Angeles")):
            assert exact_moment(instant) == said

    def test_of_nothing_is_a_dash(self) -> None:
        assert exact_moment(None) == "–"
