"""The cash that a player buys in with on a gaming day, against the thresholds of the casino."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from core.models import Casino, Player
from core.roles import PIT_BOSS
from ratingslips.cash import CashLevel, cash_bought_in, cash_of_day, level_of
from ratingslips.models import MoneyRow
from ratingslips.services import (
    complete_rating_slip,
    record_buy_in,
    record_chips_out,
    strike_money_row,
    void_rating_slip,
)
from tests.console import html_of, shown_in, signed_in
from tests.factories import CasinoFactory, PlayerFactory
from tests.floor import Floor

CASH = reverse("desk:cash")
IS_CASH = {"CASH": True, "CHIPS": False, "MARKER": False, "FRONT_MONEY": False, "NOT_RECORDED": True}


def total_of(floor: Floor, player: Player) -> Decimal:
    """The cash of the running gaming day."""
    day = floor.casino.gaming_day_at(floor.now)
    found = cash_bought_in(casino=floor.casino, players=[player.pk], days=[day])
    return found[0].amount if found else Decimal(0)


def bought(floor: Floor, player: Player, *amounts: int, **opened: Any) -> Any:
    """A slip of the player, opened a minute ago, with these buy-ins by cash."""
    slip = floor.open_slip(**({"player": player, "at": floor.ago(minutes=1)} | opened))
    for amount in amounts:
        record_buy_in(slip=slip, amount=Decimal(amount), actor=floor.boss, at=floor.now)
    return slip


class TestTotal:
    def test_adds_up_cash_alone_over_all_slips_of_the_day(self, floor: Floor, player: Player) -> None:
        first = bought(floor, player, 1_000)
        record_buy_in(slip=first, amount=Decimal(70), means="MARKER", actor=floor.boss, at=floor.now)
        record_chips_out(slip=first, amount=Decimal(300), actor=floor.boss, at=floor.now)
        complete_rating_slip(slip=first, actor=floor.boss, at=floor.now)
        bought(floor, player, 500, at=floor.now)

        assert total_of(floor, player) == 1_500

    @pytest.mark.parametrize("means", MoneyRow.Means)
    def test_counts_each_means_as_cash_or_not(self, floor: Floor, player: Player, means: MoneyRow.Means) -> None:
        row = bought(floor, player, 1_000).money_rows.get()
        row.pk, row.means = None, means
        row.save()

        assert total_of(floor, player) == (2_000 if IS_CASH[means] else 1_000)

    def test_leaves_out_struck_rows_and_void_slips(self, floor: Floor, player: Player) -> None:
        slip = bought(floor, player, 1_000, 200)
        wrong = slip.money_rows.first()
        strike_money_row(row=wrong, reason="Typed twice by mistake", actor=floor.boss, at=floor.now)
        assert total_of(floor, player) == 200

        void_rating_slip(slip=slip, reason="The player never sat down", actor=floor.supervisor, at=floor.now)

        assert total_of(floor, player) == 0

    def test_takes_a_strike_from_the_day_of_the_struck_row(self, floor: Floor, player: Player) -> None:
        begins, _ = floor.casino.gaming_day_span(floor.casino.gaming_day_at(floor.now))
        slip = bought(floor, player, 400, at=begins - timedelta(hours=1))
        early = record_buy_in(slip=slip, amount=Decimal(900), actor=floor.boss, at=begins - timedelta(minutes=1))

        strike_money_row(row=early, reason="Typed twice by mistake", actor=floor.boss, at=floor.now)

        assert total_of(floor, player) == 400

    @pytest.mark.parametrize(
        ("amount", "level"),
        [
            ("2999.99", CashLevel.BELOW),
            ("3000", CashLevel.WATCH),
            ("9999.99", CashLevel.WATCH),
            ("10000", CashLevel.REPORT),
        ],
    )
    def test_reaches_the_thresholds_of_the_casino(self, amount: str, level: CashLevel) -> None:
        assert level_of(Decimal(amount), Casino()) == level


class TestListOfADay:
    def test_has_who_reached_a_threshold_with_the_highest_first(self, floor: Floor) -> None:
        watched, reported, other = floor.player(), floor.player(last_name="Ueda"), floor.player()
        bought(floor, watched, 3_000)
        bought(floor, reported, 9_000, 1_500, seat=2)
        bought(floor, other, 2_000, seat=3)
        elsewhere = PlayerFactory.create(casino=CasinoFactory.create())

        page = signed_in(floor.boss, PIT_BOSS).get(CASH)

        cells = [[" ".join(cell.split()) for cell in row] for row in shown_in(page)]
        assert [row[1:] for row in cells] == [["10,500.00", "Report", "2", "1"], ["3,000.00", "Watch", "1", "1"]]
        assert "This product files no form." in html_of(page)
        assert "1 other player bought in with less cash" in html_of(page)
        assert cash_of_day(casino=elsewhere.casino, day=page.context["day"]).reached == []

    def test_shows_another_day(self, floor: Floor) -> None:
        slip = bought(floor, floor.player(), 3_000, at=floor.ago(days=3))
        record_buy_in(slip=slip, amount=Decimal(4_000), actor=floor.boss, at=floor.ago(days=2))
        day = floor.casino.gaming_day_at(floor.ago(days=2))

        page = signed_in(floor.boss, PIT_BOSS).get(CASH, {"day": f"{day:%Y-%m-%d}"})

        assert "4,000.00" in html_of(page)

    @pytest.mark.parametrize("day", ["yesterday", "0001-01-01", "9999-12-31"])
    def test_shows_the_running_day_for_a_day_that_is_none(self, floor: Floor, day: str) -> None:
        page = signed_in(floor.boss, PIT_BOSS).get(CASH, {"day": day})

        assert page.context["day"] == floor.casino.gaming_day_at(floor.now)
        assert "Write a day as 2026-11-14." in html_of(page)


class TestFloor:
    def test_marks_the_seat_of_a_player_who_reached_a_threshold(self, floor: Floor, boss: Client) -> None:
        slip = bought(floor, floor.player(), 9_500)
        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
        bought(floor, slip.player, 700, at=floor.now)

        html = html_of(boss.get(reverse("floor:pit", args=[floor.pit.pk])))

        assert "buy-in</span> 700</span>" in html
        assert (
            '<span class="cash-mark cash-report"><span class="visually-hidden">Cash today: </span>Report 10,200' in html
        )
        assert f'<a href="{CASH}" id="cash"><strong>1</strong> cash</a>' in html
