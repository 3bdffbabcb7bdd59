"""How the console formats amounts, points, lengths of time and instants."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from core.console.display import (
    age,
    apart,
    exact_moment,
    exact_time_in,
    factor,
    hours_and_minutes,
    played,
    short_amount,
    staff_name,
    time_in,
)
from core.models import Casino, User
from core.words import signed

REPEATED_HOUR = datetime(2026, 11, 1, 8, 30, tzinfo=UTC)


class TestApart:
    @pytest.mark.parametrize("name", ["אברהם", "Noor"])
    def test_has_the_direction_of_the_page_around_an_isolated_name(self, name: str) -> None:
        person = User(first_name=name, username="avraham")

        assert ('dir="ltr"' in apart(person.name_and_login)) == (name == "אברהם")
        assert apart(name) == f"<bdi>{name}</bdi>"


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


class TestTimesOfDay:
    @pytest.mark.parametrize(
        ("instant", "shown"),
        [
            (datetime(2026, 1, 3, 7, 0, tzinfo=UTC), "23:00"),
            (datetime(2026, 1, 2, 14, 0, tzinfo=UTC), "06:00"),
            (datetime(2026, 1, 2, 13, 59, tzinfo=UTC), "2 Jan 05:59"),
            (datetime(2026, 1, 1, 7, 59, tzinfo=UTC), "31 Dec 2025 23:59"),
            (None, "–"),
        ],
    )
    def test_have_the_date_if_they_are_of_another_gaming_day(
        self, instant: datetime | None, shown: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 1, 3, 13, 0, tzinfo=UTC))
        casino = Casino(time_zone="America/Los_Angeles", gaming_day_starts_at=time(6))

        assert time_in(instant, casino) == shown
        assert exact_time_in(instant, casino) == (f"{shown}:00" if instant else shown)


class TestAmounts:
    @pytest.mark.parametrize(
        ("amount", "shown"), [(None, "–"), ("1250.00", "1,250"), ("12.50", "12.50"), ("0.00", "0"), ("-1000", "−1,000")]
    )
    def test_are_short_on_the_floor(self, amount: str | None, shown: str) -> None:
        assert short_amount(None if amount is None else Decimal(amount)) == shown

    @pytest.mark.parametrize(("points", "shown"), [(1500, "+1,500"), (-1500, "−1,500"), (0, "+0")])
    def test_have_a_sign_where_they_move_a_balance(self, points: int, shown: str) -> None:
        assert signed(points) == shown

    @pytest.mark.parametrize(("rate", "shown"), [("0.750", "0.75"), ("70.00", "70"), ("1250", "1,250")])
    def test_have_no_trailing_zeros_as_factors(self, rate: str, shown: str) -> None:
        assert factor(Decimal(rate)) == shown


class TestLengthsOfTime:
    @pytest.mark.parametrize(
        ("seconds", "shown"),
        [(0, "0:00"), (59, "0:00"), (60, "0:01"), (3_599, "0:59"), (5_400, "1:30"), (90_060, "25:01")],
    )
    def test_at_play_are_hours_and_minutes_rounded_down(self, seconds: int, shown: str) -> None:
        length = timedelta(seconds=seconds)

        assert hours_and_minutes(length) == shown
        assert played(length) == f'<span class="figure">{shown}</span>'

    @pytest.mark.parametrize(
        ("minutes", "shown"),
        [(-1, "0 min"), (0, "0 min"), (59, "59 min"), (65, "1 h 05 min"), (1_439, "23 h 59 min"), (3_060, "2 d 3 h")],
    )
    def test_are_ages_in_their_two_largest_units(self, minutes: int, shown: str) -> None:
        assert age(timedelta(minutes=minutes)) == shown

    def test_of_nothing_are_dashes(self) -> None:
        assert (hours_and_minutes(None), age(None)) == ("–", "–")


class TestStaffName:
    def test_is_the_full_name_else_the_login_else_the_system(self) -> None:
        named = User(username="dana", first_name="Dana", last_name="Whitfield")

        assert [staff_name(one) for one in (named, User(username="dana"), None)] == ["Dana Whitfield", "dana", "system"]
