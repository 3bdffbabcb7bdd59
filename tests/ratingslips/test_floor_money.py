"""Buy-ins and chips on the floor's page of a slip: recorded by a tap, and struck with a reason."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from core.roles import PIT_BOSS, PIT_SUPERVISOR
from ratingslips.models import MoneyRow, RatingSlip
from ratingslips.services import complete_rating_slip, record_buy_in, strike_money_row, void_rating_slip
from tests.console import address, html_of, inline_code_in, said, signed_in
from tests.floor import Floor


def page_of(slip: RatingSlip) -> str:
    return reverse("floor:slip", args=[slip.pk])


def ask(client: Client, slip: RatingSlip, do: str, **typed: Any) -> Any:
    """Send a form of the page as it shows the slip now."""
    sheet = client.get(page_of(slip)).context["sheet"]
    shown = {"expected_version": sheet.version, "expected_rows": sheet.money.row_count, "request_id": uuid4()}
    return client.post(page_of(slip), {"do": do} | shown | typed)


def closed(floor: Floor, **money: Any) -> RatingSlip:
    slip = floor.open_slip(buy_in=Decimal(500))
    complete_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=5), **money)
    return slip


class TestBuyIn:
    def test_is_one_tap_on_a_usual_amount(self, floor: Floor, slip: RatingSlip, boss: Client) -> None:
        answer = ask(boss, slip, "buy_in", sum="500", amount="", means="CASH")

        row = slip.money_rows.get()
        assert answer.url == f"{reverse('floor:pit', args=[floor.pit.pk])}#seat-{slip.table_id}-{slip.seat}"
        assert (row.words, row.actor) == ("Buy-in 500.00, cash", floor.boss)
        assert said(answer)[-1].endswith("Buy-in 500.00, cash, 500 in all.")

    def test_takes_a_typed_amount_means_and_time(self, floor: Floor, slip: RatingSlip, boss: Client) -> None:
        ask(boss, slip, "buy_in", amount="1,250.50", means="MARKER", when_ago="10")

        row = slip.money_rows.get()
        assert (row.amount, row.means) == (Decimal("1250.50"), "MARKER")
        assert 590 < (floor.now - row.happened_at).total_seconds() < 610

    def test_is_recorded_once_by_the_same_page(self, slip: RatingSlip, boss: Client) -> None:
        page = {"request_id": uuid4(), "sum": "500"}
        ask(boss, slip, "buy_in", **page)
        again = boss.post(page_of(slip), {"do": "buy_in", "expected_rows": 0, "expected_version": "1-OPEN"} | page)

        assert slip.money_rows.count() == 1
        assert said(again)[-1].endswith("by you. Nothing was done twice.")

    def test_is_not_recorded_where_another_tablet_recorded_one(
        self, floor: Floor, slip: RatingSlip, boss: Client
    ) -> None:
        record_buy_in(slip=slip, amount=Decimal(500), actor=floor.supervisor, at=floor.now)

        page = ask(boss, slip, "buy_in", sum="500", expected_rows=0)

        assert f"Buy-in 500.00, cash, by {floor.supervisor.username}" in html_of(page)
        assert 'name="expected_rows" value="1"' in html_of(page)
        assert slip.money_rows.count() == 1

    @pytest.mark.parametrize(
        ("minimum", "first"), [(None, "100"), (Decimal(25), "100"), (Decimal(100), "500"), (Decimal(10_000), "50,000")]
    )
    def test_offers_amounts_that_fit_the_table(
        self, slip: RatingSlip, boss: Client, minimum: Decimal | None, first: str
    ) -> None:
        slip.table.minimum_bet = minimum
        slip.table.save()

        offered = html_of(boss.get(page_of(slip))).split('aria-label="Record a buy-in of">')[1]

        assert f'aria-label="Buy-in of {first}"' in offered.split("</button>")[0]

    @pytest.mark.parametrize(
        "typed",
        [{"amount": "0"}, {"amount": "much"}, {"sum": "-5"}, {"amount": "5", "means": "WIRE"}, {"sum": "9" * 20}],
    )
    def test_keeps_what_was_typed_beside_the_error(self, slip: RatingSlip, boss: Client, typed: dict[str, str]) -> None:
        page = ask(boss, slip, "buy_in", **typed)

        assert page.status_code == 200
        assert "errorlist" in html_of(page)
        assert not slip.money_rows.exists()


class TestChipsOut:
    def test_are_recorded_while_the_player_plays_on(self, slip: RatingSlip, boss: Client) -> None:
        ask(boss, slip, "chips_out", amount="120")

        assert slip.money_rows.get().words == "Chips out 120.00"
        assert RatingSlip.objects.get().is_live


class TestClosing:
    def test_asks_for_a_further_buy_in_that_is_empty(self, floor: Floor, boss: Client) -> None:
        slip = floor.open_slip(buy_in=Decimal(500))

        form = boss.get(page_of(slip)).context["close_form"]
        ask(boss, slip, "complete", buy_in="200", means="CHIPS", chips_out="100")

        assert (form["buy_in"].label, form["buy_in"].value()) == ("Further buy-in", None)
        html = html_of(boss.get(page_of(slip)))
        assert "<dt>Buy-in</dt><dd>700</dd>" in html
        assert "<dt>Actual win</dt><dd>600</dd>" in html

    def test_shows_no_actual_win_where_chips_out_are_not_known(self, floor: Floor, boss: Client) -> None:
        assert "Actual win" not in html_of(boss.get(page_of(closed(floor))))


class TestStriking:
    def test_asks_why_and_shows_it_in_the_list(self, floor: Floor, boss: Client) -> None:
        slip = floor.open_slip(buy_in=Decimal(500))
        row = slip.money_rows.get()

        form = boss.get(page_of(slip), {"strike": row.pk})
        refused = ask(boss, slip, "strike", row=row.pk, reason="oops")
        answer = ask(boss, slip, "strike", row=row.pk, reason="Bought in at <b>another</b> table")

        assert "Strike Buy-in 500.00, cash" in html_of(form)
        assert "record it again as a new row" in html_of(form)
        assert "cannot be undone" not in html_of(form)
        assert "Write a reason" in html_of(refused)
        assert "Write no names here" in html_of(refused)
        assert answer.url == page_of(slip)
        html = html_of(boss.get(page_of(slip)))
        assert "<s>Buy-in 500.00, cash</s>" in html
        assert "Bought in at &lt;b&gt;another&lt;/b&gt; table" in html
        assert "Strike …" not in html
        assert inline_code_in(form) == []

    @pytest.mark.parametrize("key", ["0", "no", "9" * 30, ""])
    def test_offers_no_form_for_a_row_that_is_none(self, floor: Floor, boss: Client, key: str) -> None:
        slip = floor.open_slip(buy_in=Decimal(500))

        shown = boss.get(page_of(slip), {"strike": key})
        sent = ask(boss, slip, "strike", row=key, reason="Typed for another player")

        assert (shown.status_code, sent.status_code) == (200, 200)
        assert "Strike it" not in html_of(shown)
        assert MoneyRow.objects.count() == 1

    def test_refuses_to_strike_a_row_of_another_slip(self, floor: Floor, boss: Client) -> None:
        other = floor.open_slip(seat=2, buy_in=Decimal(500))
        slip = floor.open_slip(buy_in=Decimal(300))

        sent = ask(boss, slip, "strike", row=other.money_rows.get().pk, reason="Typed for another player")

        assert f"Slip {slip.slip_number} has no such buy-in or chips out." in html_of(sent)
        assert other.money_rows.count() == 1


class TestAfterTheClosing:
    def test_only_who_may_correct_adds_at_the_closing(self, floor: Floor, boss: Client) -> None:
        slip = closed(floor, chips_out=Decimal(100))
        supervisor = signed_in(floor.supervisor, PIT_SUPERVISOR, PIT_BOSS)

        by_boss = ask(boss, slip, "buy_in", sum="500")
        ask(supervisor, slip, "buy_in", sum="500")

        assert "Can correct rating slips" in html_of(by_boss)
        assert "Record buy-in" not in html_of(boss.get(page_of(slip)))
        assert "Record buy-in" in html_of(supervisor.get(page_of(slip)))
        added = slip.money_rows.get(actor=floor.supervisor)
        assert added.happened_at == RatingSlip.objects.get().closed_at

    def test_nobody_adds_to_a_void_slip(self, floor: Floor) -> None:
        slip = closed(floor)
        void_rating_slip(slip=slip, reason="Opened for nobody at all", actor=floor.supervisor, at=floor.now)
        supervisor = signed_in(floor.supervisor, PIT_SUPERVISOR, PIT_BOSS)

        answer = ask(supervisor, slip, "buy_in", sum="500")

        assert "Record buy-in" not in html_of(supervisor.get(page_of(slip)))
        assert answer.status_code == 409
        assert slip.money_rows.count() == 1


class TestThresholds:
    def test_are_said_on_the_page_at_the_desk(self, floor: Floor, boss: Client) -> None:
        slip = floor.open_slip(buy_in=Decimal(9_000))

        html = html_of(boss.get(address(RatingSlip, "change", slip.pk)))

        assert "Watch: 9,000 bought in by cash" in html
        assert f"{reverse('desk:cash')}?casino={floor.casino.pk}&amp;day=" in html

    def test_are_said_on_the_page_of_the_day(self, floor: Floor, boss: Client) -> None:
        slip = floor.open_slip(at=floor.now, buy_in=Decimal(9_000))
        assert "Watch: 9,000 bought in by cash" in html_of(boss.get(page_of(slip)))
        record_buy_in(slip=slip, amount=Decimal(1_000), actor=floor.boss, at=floor.now)

        html = html_of(boss.get(page_of(slip)))

        assert "Report: 10,000 bought in by cash" in html
        assert "This product files no form." in html
        assert f"{reverse('desk:cash')}?casino={floor.casino.pk}&amp;day=" in html


class TestDesk:
    def test_shows_the_rows_with_what_was_struck_and_why(self, floor: Floor) -> None:
        slip = closed(floor, chips_out=Decimal(100))
        wrong, why = slip.money_rows.get(kind="BUY_IN"), "Typed for <another> player"
        strike_money_row(row=wrong, reason=why, actor=floor.supervisor, at=floor.now)

        html = html_of(signed_in(floor.boss, PIT_BOSS).get(address(RatingSlip, "change", slip.pk)))

        assert "Struck: Buy-in 500.00, cash" in html
        assert "Typed for &lt;another&gt; player" in html
        assert "Chips out 100.00" in html
