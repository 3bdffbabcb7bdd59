"""Where the marks of the chart of theo against actual win stand."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratingslips.admin.players.chart import BOTTOM, HEIGHT, MOST_DAY_LABELS, MOST_STEPS, TOP, draw, step_for

DAY = date(2026, 11, 14)
AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, places=2)


def days(*amounts: tuple[str, str | None]) -> list[tuple[date, Decimal, Decimal | None]]:
    """Consecutive gaming days of these amounts of theo and actual win."""
    return [
        (DAY + timedelta(days=number), Decimal(theo), None if win is None else Decimal(win))
        for number, (theo, win) in enumerate(amounts)
    ]


class TestDraw:
    def test_draws_nothing_of_nothing(self) -> None:
        assert draw([]) is None

    def test_puts_the_diamond_below_zero_where_the_casino_lost(self) -> None:
        chart = draw(days(("100.00", "-50.00")))

        assert chart is not None
        [mark], [zero] = chart.marks, [tick for tick in chart.ticks if tick.is_zero]
        assert Decimal(mark.bar_y) + Decimal(mark.bar_height) == Decimal(zero.y)
        assert Decimal(mark.diamond.split()[1].split(",")[1]) > Decimal(zero.y)
        assert [tick.label for tick in chart.ticks] == ["−50", "0", "50", "100"]

    def test_leaves_the_diamond_out_where_nothing_was_written_down(self) -> None:
        chart = draw(days(("10.00", None)))

        assert chart is not None
        assert chart.marks[0].diamond == ""

    def test_writes_thousands_apart_in_labels(self) -> None:
        chart = draw(days(("1234567.00", "2500000.00")))

        assert chart is not None
        assert chart.ticks[-1].label == "2,500,000"

    def test_draws_a_day_without_any_theo(self) -> None:
        chart = draw(days(("0.00", None)))

        assert chart is not None
        assert chart.marks[0].bar_height == "0.0"
        assert [tick.label for tick in chart.ticks] == ["0", "1"]

    @pytest.mark.parametrize("count", [1, 10, 11, 30])
    def test_labels_the_newest_day_and_not_too_many(self, count: int) -> None:
        chart = draw(days(*[("1.00", "1.00")] * count))

        assert chart is not None
        labels = [mark.label for mark in chart.marks if mark.label]
        newest = DAY + timedelta(days=count - 1)
        assert len(chart.marks) == count
        assert labels[-1] == f"{newest.day} {newest:%b}"
        assert len(labels) <= MOST_DAY_LABELS

    @given(st.lists(st.tuples(AMOUNTS.map(abs), st.none() | AMOUNTS), min_size=1, max_size=30))
    def test_keeps_every_mark_inside(self, amounts: list[Any]) -> None:
        chart = draw([(DAY + timedelta(days=number), *each) for number, each in enumerate(amounts)])

        assert chart is not None
        ys = [Decimal(mark.bar_y) for mark in chart.marks]
        ys += [Decimal(mark.diamond.split()[1].split(",")[1]) for mark in chart.marks if mark.diamond]
        assert all(TOP - 1 <= y <= HEIGHT - BOTTOM + 1 for y in ys)
        assert all(Decimal(mark.bar_height) >= 0 for mark in chart.marks)
        assert len(chart.ticks) <= MOST_STEPS + 2


class TestStepFor:
    @pytest.mark.parametrize(
        ("span", "step"),
        [("0", "1"), ("4", "1"), ("5", "1"), ("6", "2"), ("60", "20"), ("0.07", "0.02"), ("1100", "500")],
    )
    def test_is_round(self, span: str, step: str) -> None:
        assert step_for(Decimal(span)) == Decimal(step)
