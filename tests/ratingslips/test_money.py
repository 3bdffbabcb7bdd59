"""Buy-ins and chips out: rows of a slip that are added, and struck by other rows."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError
from guardian.shortcuts import remove_perm

from core.clock import InvalidTime
from core.errors import DomainError, NotFound
from core.idempotency import IdempotencyConflict
from core.permissions import NotPermitted, OwnPlay
from core.reasons.text import InvalidReason
from ratingslips.models import MoneyRow, RatingSlip
from ratingslips.services import (
    AlreadyStruck,
    BeforeMoney,
    BuyInBelowRows,
    ChosenTime,
    InvalidAmount,
    MoneyChanged,
    complete_rating_slip,
    record_buy_in,
    record_chips_out,
    strike_money_row,
    void_rating_slip,
)
from tests.concurrency import held_before_commit, in_turn, replace_locks
from tests.constraints import refused_by_trigger, run_as_replica
from tests.floor import Floor, declared
from tests.refusals import refused
from tests.statements import assert_at_most, statements_of

MOST_OF_A_ROW = 10


def buy_in(floor: Floor, on: RatingSlip, amount: str = "500", **changes: Any) -> MoneyRow:
    usual: dict[str, Any] = {"slip": on.pk, "amount": Decimal(amount), "actor": floor.boss, "at": floor.now}
    return record_buy_in(**(usual | changes))


def strike(floor: Floor, wrong: MoneyRow, **changes: Any) -> MoneyRow:
    usual: dict[str, Any] = {"row": wrong, "reason": "Typed for the wrong player", "actor": floor.boss, "at": floor.now}
    return strike_money_row(**(usual | changes))


def money_of(slip: RatingSlip) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    """The sums of the slip: buy-in, chips out and actual win."""
    read = RatingSlip.objects.with_money().get(pk=slip.pk)
    return read.buy_in, read.chips_out, read.actual_win


class TestRecording:
    def test_adds_a_row_that_says_what_when_and_who(self, floor: Floor) -> None:
        slip = floor.open_slip(at=floor.ago(hours=2), buy_in=Decimal(100), means="CHIPS")

        row = buy_in(floor, slip, means="MARKER", at=floor.ago(hours=1))

        found = MoneyRow.objects.get(pk=row.pk)
        assert (found.kind, found.means, found.amount, found.actor) == ("BUY_IN", "MARKER", Decimal(500), floor.boss)
        assert (found.happened_at, found.player) == (floor.ago(hours=1), slip.player)
        assert found.recorded_at == slip.requests.get(kind="BUY_IN").recorded_at
        assert money_of(slip) == (Decimal(600), None, None)
        assert [one.means for one in slip.money_rows.all()] == ["CHIPS", "MARKER"]

    def test_counts_on_the_gaming_day_of_its_own_instant(self, floor: Floor) -> None:
        begins, _ = floor.casino.gaming_day_span(floor.casino.gaming_day_at(floor.ago(days=1)))
        slip = floor.open_slip(at=begins - timedelta(hours=1))

        rows = [buy_in(floor, slip, at=begins - timedelta(seconds=1)), buy_in(floor, slip, at=begins)]

        assert (rows[1].gaming_day - rows[0].gaming_day).days == 1
        assert rows[0].gaming_day == slip.gaming_day

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"amount": "0"}, InvalidAmount),
            ({"amount": "0.001"}, InvalidAmount),
            ({"means": "NOT_RECORDED"}, InvalidAmount),
            ({"slip": "no-slip"}, NotFound),
        ],
    )
    def test_refuses_what_is_no_buy_in(self, floor: Floor, changes: dict[str, Any], error: type[DomainError]) -> None:
        slip = floor.open_slip()

        with refused(error):
            buy_in(floor, slip, **changes)

    def test_refuses_a_time_before_the_slip_was_opened(self, floor: Floor) -> None:
        slip = floor.open_slip()

        with refused(InvalidTime, f"before slip {slip.slip_number} was opened"):
            buy_in(floor, slip, at=floor.ago(hours=3))

    def test_refuses_a_chosen_time_after_the_slip_closed(self, floor: Floor) -> None:
        slip = floor.open_slip()
        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=9))
        chosen = ChosenTime(text="5 min ago", earliest=floor.ago(hours=1))

        with refused(InvalidTime, "is after slip"):
            buy_in(floor, slip, actor=floor.supervisor, at=floor.ago(minutes=5), chosen_time=chosen)

    def test_is_for_those_who_operate_the_pit(self, floor: Floor) -> None:
        slip = floor.open_slip()
        declared(floor.supervisor, slip.player)
        remove_perm("ratingslips.operate_pit", floor.boss, floor.pit)

        with refused(OwnPlay):
            buy_in(floor, slip, actor=floor.supervisor)
        with refused(NotPermitted):
            buy_in(floor, slip)

    def test_is_refused_where_the_page_showed_fewer_rows(self, floor: Floor) -> None:
        slip = floor.open_slip(buy_in=Decimal(100))
        buy_in(floor, slip, expected_rows=1, actor=floor.supervisor)

        with refused(MoneyChanged, "Buy-in 500.00, cash"):
            buy_in(floor, slip, expected_rows=1)

        assert money_of(slip)[0] == 600

    @pytest.mark.parametrize("service", [record_buy_in, record_chips_out])
    def test_takes_few_statements(self, floor: Floor, service: Callable[..., MoneyRow]) -> None:
        slip = floor.open_slip()
        what: dict[str, Any] = {"amount": Decimal(500), "actor": floor.boss, "at": floor.now, "expected_rows": 0}

        assert_at_most(MOST_OF_A_ROW, statements_of(lambda: service(slip=slip.pk, **what)))


class TestClosing:
    def test_adds_what_the_total_is_more_than_the_rows(self, floor: Floor) -> None:
        slip = floor.open_slip(buy_in=Decimal(100))
        buy_in(floor, slip, "200", means="CHIPS")

        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now, buy_in=Decimal(350), chips_out=Decimal(0))

        assert money_of(slip) == (Decimal(350), Decimal(0), Decimal(350))
        added = [(row.kind, f"{row.amount:.0f}") for row in slip.money_rows.all()][2:]
        assert added == [("BUY_IN", "50"), ("CHIPS_OUT", "0")]

    def test_refuses_a_total_below_the_rows(self, floor: Floor) -> None:
        slip = floor.open_slip(buy_in=Decimal(100))

        with refused(BuyInBelowRows, "buy-ins of 100.00, so 99.99 cannot be their total"):
            complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now, buy_in=Decimal("99.99"))

    def test_takes_a_further_buy_in_whatever_came_before(self, floor: Floor) -> None:
        slip = floor.open_slip(buy_in=Decimal(100))

        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now, further_buy_in=Decimal(50), means="MARKER")

        assert money_of(slip) == (Decimal(150), None, None)
        assert [row.means for row in slip.money_rows.all()] == ["CASH", "MARKER"]

    def test_refuses_a_further_buy_in_on_an_old_page(self, floor: Floor) -> None:
        slip = floor.open_slip()
        closing: dict[str, Any] = {"slip": slip, "actor": floor.boss, "at": floor.now, "expected_rows": 0}
        buy_in(floor, slip)

        with refused(MoneyChanged, "Buy-in 500.00, cash, by"):
            complete_rating_slip(**closing, further_buy_in=Decimal(500))
        complete_rating_slip(**closing)

        assert money_of(slip)[0] == 500

    def test_refuses_both_a_total_and_a_further_buy_in(self, floor: Floor) -> None:
        slip, amount = floor.open_slip(), Decimal(1)

        with refused(InvalidAmount, "not both"):
            complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now, buy_in=amount, further_buy_in=amount)

    def test_is_not_before_the_last_row_unless_that_is_struck(self, floor: Floor) -> None:
        slip = floor.open_slip()
        row = buy_in(floor, slip, at=floor.ago(minutes=10))
        closing: dict[str, Any] = {"slip": slip, "actor": floor.boss, "at": floor.ago(minutes=20)}

        with refused(BeforeMoney, r"is before Buy-in 500\.00, cash at .* by .*strike it first"):
            complete_rating_slip(**closing)
        strike(floor, row)
        complete_rating_slip(**closing)

        assert RatingSlip.objects.get().closed_at == floor.ago(minutes=20)

    def test_happens_at_the_last_row_of_the_chosen_minute(self, floor: Floor) -> None:
        slip, at = floor.open_slip(), floor.ago(minutes=10)
        record_chips_out(slip=slip, amount=Decimal(20), actor=floor.boss, at=at)
        chosen = ChosenTime(text="19:30", earliest=floor.ago(hours=1))

        complete_rating_slip(slip=slip, actor=floor.boss, at=at - timedelta(seconds=59), chosen_time=chosen)

        assert RatingSlip.objects.get().closed_at == at

    def test_leaves_rows_to_those_who_may_correct(self, floor: Floor) -> None:
        slip = floor.open_slip(buy_in=Decimal(100))
        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
        row = slip.money_rows.get()

        with refused(NotPermitted, "Can correct rating slips"):
            buy_in(floor, slip)
        with refused(NotPermitted, "Can correct rating slips"):
            strike(floor, row)
        buy_in(floor, slip, actor=floor.supervisor)
        strike(floor, row, actor=floor.supervisor)
        record_chips_out(slip=slip, amount=Decimal(20), actor=floor.supervisor, at=floor.now)

        assert money_of(slip) == (Decimal(500), Decimal(20), Decimal(480))


class TestStriking:
    def test_takes_the_amount_back_and_says_why(self, floor: Floor) -> None:
        slip = floor.open_slip(at=floor.ago(days=2), buy_in=Decimal(100))
        row = slip.money_rows.get()

        by = strike(floor, row)

        assert (by.strikes, by.amount, by.reason) == (row, Decimal(-100), "Typed for the wrong player")
        assert (by.gaming_day, by.happened_at) == (slip.gaming_day, floor.now)
        assert money_of(slip) == (None, None, None)

    def test_leaves_chips_out_unknown_where_all_are_struck(self, floor: Floor) -> None:
        slip = floor.open_slip(buy_in=Decimal(100))
        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now, chips_out=Decimal(0))

        strike(floor, slip.money_rows.get(kind="CHIPS_OUT"), actor=floor.supervisor)

        assert money_of(slip) == (Decimal(100), None, None)

    def test_is_done_once_and_never_to_a_strike(self, floor: Floor) -> None:
        row = floor.open_slip(buy_in=Decimal(100)).money_rows.get()
        by = strike(floor, row)

        for again in (row, by):
            with refused(AlreadyStruck):
                strike(floor, again)

    def test_sent_again_gives_the_first_strike(self, floor: Floor) -> None:
        slip = floor.open_slip(buy_in=Decimal(100))
        row, request_id = slip.money_rows.get(), uuid4()
        first = strike(floor, row, request_id=request_id)
        void_rating_slip(slip=slip, actor=floor.supervisor, at=floor.now, reason="Never opened")

        again = strike(floor, row, request_id=request_id)

        assert again == first
        assert slip.money_rows.count() == 2
        with refused(IdempotencyConflict, "reason"):
            strike(floor, row, request_id=request_id, reason="Paid out by mistake")

    def test_needs_a_reason_and_a_row(self, floor: Floor) -> None:
        row = floor.open_slip(buy_in=Decimal(100)).money_rows.get()

        with refused(InvalidReason):
            strike(floor, row, reason="wrong")
        with refused(NotFound):
            strike(floor, row, row=row.pk + 1)

    @pytest.mark.parametrize("act", ["UPDATE ratingslips_moneyrow SET amount = 1", "DELETE FROM ratingslips_moneyrow"])
    def test_is_the_only_way_to_take_a_row_back(self, floor: Floor, act: str) -> None:
        floor.open_slip(buy_in=Decimal(100))

        with refused_by_trigger("ratingslips_moneyrow is refused"):
            run_as_replica(act)


def _two_strikes(floor: Floor) -> list[Any]:
    row = floor.open_slip(buy_in=Decimal(100)).money_rows.get()
    first, second = in_turn(lambda: strike(floor, row), lambda: strike(floor, row, actor=floor.supervisor))
    return [first.outcome(), second.outcome()]


@pytest.mark.django_db(transaction=True)
class TestTwoTablets:
    def test_strike_a_row_once(self, committed_floor: Floor) -> None:
        _, second = _two_strikes(committed_floor)

        assert isinstance(second, AlreadyStruck)

    @pytest.mark.shows(39)
    def test_would_both_try_to_strike_without_the_lock(
        self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        replace_locks(monkeypatch, lambda rows, **_: rows)

        _, second = _two_strikes(committed_floor)

        assert isinstance(second, IntegrityError)

    def test_add_the_same_buy_in_once(self, committed_floor: Floor) -> None:
        floor, slip = committed_floor, committed_floor.open_slip()

        _, second = in_turn(
            lambda: buy_in(floor, slip, expected_rows=0),
            lambda: buy_in(floor, slip, expected_rows=0, actor=floor.supervisor),
        )

        assert isinstance(second.outcome(), MoneyChanged)
        assert money_of(slip)[0] == 500

    @pytest.mark.shows(39)
    def test_would_add_it_twice_without_the_lock(self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        floor, slip = committed_floor, committed_floor.open_slip()
        replace_locks(monkeypatch, lambda rows, **_: rows)

        with held_before_commit(lambda: buy_in(floor, slip, expected_rows=0)):
            buy_in(floor, slip, expected_rows=0, actor=floor.supervisor)

        assert money_of(slip)[0] == 1000
