"""The demo's evening: at whatever hour it is started, it is evening on its floor."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from config.demo import plan
from config.demo.plan import DemoPlan, evening_zone, plan_demo, shift_to
from ratingslips.imports.events import RatingEvent, read_rating_events

RECORDED = Path(plan.__file__).parent / "data" / "pit-day-2026-11-14" / "rating-events.csv"
HOURS = [datetime(2026, 11, 24, hour, 17, tzinfo=UTC) for hour in range(24)]


@pytest.fixture(scope="module")
def recorded() -> list[RatingEvent]:
    return [event for event in read_rating_events(RECORDED) if isinstance(event, RatingEvent)]


def planned(recorded: list[RatingEvent], now: datetime) -> DemoPlan:
    first = recorded[0].occurred_at
    return plan_demo(recorded, now=now, shift=shift_to(now, zone=evening_zone(now), recorded_day_at=first))


class TestEveningZone:
    @pytest.mark.parametrize("now", HOURS)
    def test_has_evening_at_every_hour_of_the_day(self, now: datetime) -> None:
        local = now.astimezone(ZoneInfo(evening_zone(now)))

        assert time(19, 30) <= local.time() < time(20, 30)


class TestShiftTo:
    def test_keeps_the_time_of_day(self) -> None:
        now = datetime(2026, 11, 24, 19, 45, tzinfo=UTC)
        recorded = datetime.fromisoformat("2026-11-14T19:45:00-08:00")

        assert recorded + shift_to(now, zone="Europe/London", recorded_day_at=recorded) == now


class TestPlanDemo:
    @pytest.mark.parametrize("now", HOURS[::6])
    def test_leaves_about_thirty_slips_live_and_hundreds_closed(
        self, recorded: list[RatingEvent], now: datetime
    ) -> None:
        events = planned(recorded, now).events

        closed = {event.slip_number for event in events if event.kind == "CLOSE"}
        opened = {event.slip_number for event in events if event.kind == "OPEN"}
        assert 25 <= len(opened - closed) <= 35
        assert len(closed) > 200

    @pytest.mark.parametrize("now", HOURS[::6])
    def test_closes_a_few_slips_while_the_programme_is_paused(self, recorded: list[RatingEvent], now: datetime) -> None:
        day = planned(recorded, now)

        closed_at = [event.occurred_at for event in day.events if event.kind == "CLOSE"]
        assert 2 <= sum(day.paused_at <= at < day.resumed_at for at in closed_at) <= 15
        assert day.paused_at < day.resumed_at < now

    @pytest.mark.parametrize("now", HOURS[::6])
    def test_has_a_slip_open_for_more_than_eight_hours(self, recorded: list[RatingEvent], now: datetime) -> None:
        events = planned(recorded, now).events

        forgotten = [event for event in events if event.slip_number == "D00001"]
        assert [event.kind for event in forgotten] == ["OPEN"]
        assert now - forgotten[0].occurred_at > timedelta(hours=8)

    @pytest.mark.parametrize("now", HOURS)
    def test_has_a_slip_paused_for_more_than_half_an_hour(self, recorded: list[RatingEvent], now: datetime) -> None:
        last_event = {event.slip_number: event for event in planned(recorded, now).events}

        pauses = [event for event in last_event.values() if event.kind == "PAUSE"]
        assert any(now - event.occurred_at > timedelta(minutes=30) for event in pauses)

    def test_replays_in_order_of_time_and_nothing_from_the_future(self, recorded: list[RatingEvent]) -> None:
        now = HOURS[7]

        times = [event.occurred_at for event in planned(recorded, now).events]

        assert times == sorted(times)
        assert times[-1] <= now
