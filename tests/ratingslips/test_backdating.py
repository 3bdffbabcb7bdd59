"""The time of an act: how far back it may go, and what it must not come before."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from ratingslips.services import earliest_instant
from tests.floor import Floor

LOS_ANGELES = ZoneInfo("America/Los_Angeles")


def local(text: str) -> datetime:
    """The instant at which a clock of the casino shows `text`; the second one if there are two."""
    return datetime.fromisoformat(text).replace(tzinfo=LOS_ANGELES, fold=1)


class TestEarliestInstant:
    @pytest.mark.parametrize(
        ("now", "boss", "supervisor"),
        [
            ("2026-11-14T19:50:40", "2026-11-14T18:50", "2026-11-14T06:00"),
            ("2026-11-15T01:30", "2026-11-15T00:30", "2026-11-14T06:00"),
            ("2026-11-14T06:10", "2026-11-14T05:10", "2026-11-14T05:10"),
            ("2026-11-14T05:59", "2026-11-14T04:59", "2026-11-13T06:00"),
            ("2026-03-08T03:20", "2026-03-08T01:20", "2026-03-07T06:00"),  # 02:00 became 03:00
        ],
        ids=["evening", "after-midnight", "gaming-day-just-begun", "gaming-day-ending", "clock-forward"],
    )
    def test_is_the_casinos_limit_or_the_gaming_day(self, floor: Floor, now: str, boss: str, supervisor: str) -> None:
        earliest = {
            actor: earliest_instant(actor=actor, pit=floor.pit, casino=floor.casino, at=local(now))
            for actor in (floor.boss, floor.supervisor)
        }

        assert earliest == {floor.boss: local(boss), floor.supervisor: local(supervisor)}

    def test_follows_the_setting_of_the_casino(self, floor: Floor) -> None:
        floor.casino.backdating_minutes = 0

        now = local("2026-11-14T19:50")
        assert earliest_instant(actor=floor.boss, pit=floor.pit, casino=floor.casino, at=now) == now
