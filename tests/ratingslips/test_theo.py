"""Theoretical win, against integers by hand."""

from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratingslips.services.stakes import MAX_AVERAGE_BET
from ratingslips.theo import Play, decisions, theoretical_win
from tests.properties import property_settings

MONTH = timedelta(days=31)


def _play(bet: str, played: timedelta, *, edge: str = "0.75", per_hour: str = "70") -> Play:
    return Play(
        average_bet=Decimal(bet),
        house_edge_percent=Decimal(edge),
        decisions_per_hour=Decimal(per_hour),
        played=played,
    )


# Bet in cents, edge in thousandths of a percent, decisions in hundredths an hour, time in microseconds.
stretches = st.tuples(
    st.integers(1, int(MAX_AVERAGE_BET * 100)),
    st.integers(0, 100_000),
    st.integers(1, 100_000),
    st.integers(0, 31 * 24 * 3600 * 10**6),
)


def _play_of(stretch: tuple[int, int, int, int]) -> Play:
    cents, edge, per_hour, microseconds = stretch
    return Play(
        average_bet=Decimal(cents).scaleb(-2),
        house_edge_percent=Decimal(edge).scaleb(-3),
        decisions_per_hour=Decimal(per_hour).scaleb(-2),
        played=timedelta(microseconds=microseconds),
    )


def _cents_by_hand(stretches: list[tuple[int, int, int, int]]) -> int:
    """Cents = Σ bet × edge × decisions/h × time over one common denominator, a half upwards."""
    denominator = 1000 * 100 * 100 * 3600 * 10**6
    numerator = 0
    for cents, edge, per_hour, microseconds in stretches:
        numerator += cents * edge * per_hour * microseconds
    whole, rest = divmod(numerator, denominator)
    return whole + (1 if rest * 2 >= denominator else 0)


class TestTheoreticalWin:
    def test_gives_the_worked_example(self) -> None:
        first = _play("40.00", timedelta(minutes=90))
        second = _play("100.00", timedelta(minutes=30))

        assert theoretical_win([first]) == Decimal("31.50")
        assert theoretical_win([second]) == Decimal("26.25")
        assert theoretical_win([first, second]) == Decimal("57.75")

    def test_is_nothing_without_play(self) -> None:
        assert str(theoretical_win([])) == "0.00"

    @pytest.mark.parametrize(
        ("bet", "edge", "per_hour", "played", "theo"),
        [
            ("1.00", "0.500", "1", timedelta(hours=1), "0.01"),  # 0.005
            ("1.00", "0.499", "1", timedelta(hours=1), "0.00"),  # 0.00499
            ("3.00", "0.500", "1", timedelta(hours=1), "0.02"),  # 0.015
            ("1.00", "0.500", "1", timedelta(hours=1) - timedelta(microseconds=1), "0.00"),  # a hair below the half
        ],
    )
    def test_rounds_half_a_cent_upwards(self, bet: str, edge: str, per_hour: str, played: timedelta, theo: str) -> None:
        assert theoretical_win([_play(bet, played, edge=edge, per_hour=per_hour)]) == Decimal(theo)

    def test_is_rounded_once_for_the_whole_slip(self) -> None:
        third_of_a_cent = _play("1.00", timedelta(minutes=20), edge="1", per_hour="1")

        assert theoretical_win([third_of_a_cent]) == Decimal("0.00")
        assert theoretical_win([third_of_a_cent] * 3) == Decimal("0.01")

    @pytest.mark.parametrize(
        ("begins", "ends", "theo"),
        [
            ("2026-03-08T01:00", "2026-03-08T04:00", "42.00"),  # two hours: 02:00 to 03:00 does not exist
            ("2026-11-01T00:00", "2026-11-01T03:00", "84.00"),  # four hours: 01:00 to 02:00 comes twice
        ],
    )
    def test_counts_hours_that_passed_and_not_what_the_clock_shows(self, begins: str, ends: str, theo: str) -> None:
        zone = ZoneInfo("America/Los_Angeles")
        start, end = (datetime.fromisoformat(text).replace(tzinfo=zone) for text in (begins, ends))
        played = timedelta(seconds=end.timestamp() - start.timestamp())

        assert theoretical_win([_play("40.00", played)]) == Decimal(theo)

    def test_holds_at_the_largest_values_for_a_month(self) -> None:
        largest = _play(str(MAX_AVERAGE_BET), MONTH, edge="100", per_hour="1000")

        theo = theoretical_win([largest])

        assert theo == Decimal("744000000000.00")
        assert len(theo.as_tuple().digits) <= 18

    def test_is_exact_whatever_precision_the_decimal_context_has(self) -> None:
        with localcontext(prec=2):
            assert str(theoretical_win([_play("123456.78", timedelta(hours=1))])) == "64814.81"

    @property_settings
    @given(st.lists(stretches, max_size=8))
    def test_agrees_with_integers_by_hand(self, played: list[tuple[int, int, int, int]]) -> None:
        theo = theoretical_win([_play_of(stretch) for stretch in played])

        assert theo == Decimal(_cents_by_hand(played)).scaleb(-2)

    @property_settings
    @given(stretches, st.integers(1, 10**6), st.integers(1, 10**12))
    @pytest.mark.shows(14)
    def test_never_falls_when_bet_or_time_rises(
        self, stretch: tuple[int, int, int, int], more_cents: int, longer: int
    ) -> None:
        cents, edge, per_hour, microseconds = stretch

        theo = theoretical_win([_play_of(stretch)])

        assert theo <= theoretical_win([_play_of((cents + more_cents, edge, per_hour, microseconds))])
        assert theo <= theoretical_win([_play_of((cents, edge, per_hour, microseconds + longer))])


class TestDecisions:
    def test_are_never_rounded(self) -> None:
        made = decisions(played=timedelta(seconds=1), decisions_per_hour=Decimal("71.5"))

        assert made * 3600 * 2 == 143
