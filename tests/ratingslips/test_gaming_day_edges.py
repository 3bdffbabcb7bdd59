"""The edges of a gaming day, through the services and the report: its first and last instant, both clock changes."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.models import Casino
from loyalty.models import LedgerEntry
from ratingslips.figures import report_on
from ratingslips.models import RatingSlip
from ratingslips.services import complete_rating_slip
from tests.floor import Floor
from tests.invariants import broken_invariants
from tests.loyalty.postings import award
from tests.loyalty.rows import account_of

SIX, MIDNIGHT = time(6), time(0)
MICROSECOND = timedelta(microseconds=1)
EDGES = [
    # zone, begin of the gaming day, the day, its hours
    ("America/New_York", SIX, date(2025, 6, 14), 24),
    ("America/New_York", SIX, date(2025, 3, 8), 23),
    ("America/New_York", SIX, date(2025, 11, 1), 25),
    ("America/New_York", MIDNIGHT, date(2025, 3, 9), 23),
    ("America/New_York", MIDNIGHT, date(2025, 11, 2), 25),
    ("Europe/London", SIX, date(2025, 3, 29), 23),
    ("Europe/London", SIX, date(2025, 10, 25), 25),
    ("Europe/Vienna", MIDNIGHT, date(2025, 3, 30), 23),
    ("Europe/Vienna", MIDNIGHT, date(2025, 10, 26), 25),
]
edges = pytest.mark.parametrize(("zone", "starts_at", "day", "hours"), EDGES)


@pytest.fixture
def house(floor: Floor, zone: str, starts_at: time) -> Floor:
    """The floor, in that zone and with that accounting day."""
    floor.casino.time_zone, floor.casino.gaming_day_starts_at = zone, starts_at
    floor.casino.save()
    floor.casino = Casino.objects.get(pk=floor.casino.pk)
    return floor


@edges
class TestGamingDay:
    def test_holds_its_first_and_last_instant_for_the_report(
        self, house: Floor, starts_at: time, zone: str, day: date, hours: int
    ) -> None:
        begins = datetime.combine(day, starts_at, tzinfo=ZoneInfo(zone))
        ends = datetime.combine(day + timedelta(days=1), starts_at, tzinfo=ZoneInfo(zone))
        closings = [begins - MICROSECOND, begins, ends - MICROSECOND, ends]
        for seat, at in enumerate(closings, start=1):
            slip = house.open_slip(seat=seat, at=at - timedelta(minutes=30))
            complete_rating_slip(slip=slip, actor=house.boss, at=at)

        days = list(LedgerEntry.objects.order_by("pk").values_list("gaming_day", flat=True))
        counted = [
            report_on(casino=house.casino, first_day=each, last_day=each, at=house.now).completions
            for each in (day - timedelta(days=1), day, day + timedelta(days=1))
        ]
        span = house.casino.gaming_day_span(day)
        assert days == [day - timedelta(days=1), day, day, day + timedelta(days=1)]
        assert counted == [1, 2, 1]
        assert span[1] - span[0] == timedelta(hours=hours)

    @pytest.mark.shows(19)
    def test_takes_one_award_and_a_second_after_its_end(
        self, house: Floor, starts_at: time, zone: str, day: date, hours: int
    ) -> None:
        begins, ends = house.casino.gaming_day_span(day)
        player = house.player()

        replayed = [
            award(house, player, at=at).replayed
            for at in (begins, begins + timedelta(hours=2), ends - MICROSECOND, ends)
        ]

        assert replayed == [False, True, True, False]
        assert account_of(player).balance == 200

    def test_counts_the_hours_of_a_slip_open_all_day(
        self, house: Floor, starts_at: time, zone: str, day: date, hours: int
    ) -> None:
        begins, ends = house.casino.gaming_day_span(day)
        slip = house.open_slip(at=begins)

        settlement = complete_rating_slip(slip=slip, actor=house.boss, at=ends)

        assert settlement.theoretical_win == 21 * hours
        assert RatingSlip.objects.get(pk=slip.pk).gaming_day == day
        assert broken_invariants() == {}
