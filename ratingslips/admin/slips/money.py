"""The actions and forms of buy-ins and chips out: recording them, and striking a wrong one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django import forms

from core.console.display import short_amount
from core.console.fields import MoneyField, replaced
from core.console.reasons import ReasonForm
from core.console.row_actions import Outcome
from core.console.scope import holds_on
from core.kept_queries import KeptQuery
from core.models import User
from core.reasons.models import Operation
from ratingslips.admin.slips.forms import MeansField
from ratingslips.admin.slips.rows import describe
from ratingslips.admin.slips.slip_action import ChosenAction, SlipAction
from ratingslips.admin.slips.times import TimeForm
from ratingslips.cash import CashOfDay, cash_bought_in
from ratingslips.models import GamingTable, MoneyRow, RatingSlip, SlipRequest
from ratingslips.permissions import CORRECT_SLIP
from ratingslips.services import record_buy_in, record_chips_out, strike_money_row
from ratingslips.services.stakes import MAX_AMOUNT

USUAL_SHOWN: Final = 6
_LADDER: Final = tuple(Decimal(step) * 10**power for power in range(2, 8) for step in (1, 2, 3, 5))
_MINIMUM_BETS: Final = 4  # A buy-in is seldom less than this many minimum bets.


def usual_buy_ins(table: GamingTable) -> list[Decimal]:
    """Round amounts, from 100 on or from some minimum bets of the table."""
    least = (table.minimum_bet or Decimal(0)) * _MINIMUM_BETS
    return [amount for amount in _LADDER if amount >= least][:USUAL_SHOWN]


_rows = KeptQuery(
    lambda slip_id: (
        MoneyRow.objects.filter(slip=slip_id)
        .select_related("actor", "request", "struck_by__actor", "strikes")
        .order_by("happened_at", "pk")
    )
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Money:
    """The buy-ins and chips out of a slip, and the cash of its player on the gaming days that its page is about."""

    rows: Sequence[MoneyRow]
    cash: Sequence[CashOfDay]

    @property
    def row_count(self) -> int:
        """The number of rows, which the page sends back so that a new one is noticed."""
        return len(self.rows)

    @property
    def at_threshold(self) -> list[CashOfDay]:
        """The days on which a threshold of cash is reached."""
        return [day for day in self.cash if day.level]

    @property
    def not_struck(self) -> list[MoneyRow]:
        """The rows that are neither struck nor strike another one."""
        return [row for row in self.rows if row.strikes_id is None and not hasattr(row, "struck_by")]

    @property
    def last_at(self) -> datetime | None:
        """When the last of them happened."""
        return max((row.happened_at for row in self.not_struck), default=None)

    def row_to_strike(self, key: str) -> MoneyRow | None:
        """The row of this key, if it can be struck."""
        return next((row for row in self.not_struck if str(row.pk) == key), None)

    @classmethod
    def of(cls, slip: RatingSlip, *, now: Any) -> "Money":
        """Read the rows of a slip, in two statements."""
        rows = _rows(slip.pk)
        days = {row.gaming_day for row in rows} | ({slip.casino.gaming_day_at(now)} if slip.is_live else set())
        return cls(rows=rows, cash=cash_bought_in(casino=slip.casino, players=[slip.player_id], days=days))


def may_record(slip: RatingSlip, *, actor: User, operates: bool) -> bool:
    """Whether the page offers `actor` to record and strike money; `operates` says whether they operate the pit."""
    if slip.is_live:
        return operates
    return slip.is_closed and holds_on(actor, CORRECT_SLIP, slip.pit, player_id=slip.player_id)


class _MoneyForm(TimeForm):
    """An amount: typed, or from one of the buttons, which replaces what was typed."""

    amount = MoneyField(label="Amount", most=MAX_AMOUNT)
    expected_rows = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        if data is not None and data.get("sum"):
            data = replaced(data, {"amount": data["sum"]})
        super().__init__(data, **kwargs)


class BuyInForm(_MoneyForm):
    """A buy-in, and what the player bought in with."""

    amount = MoneyField(label="Buy-in", least=Decimal("0.01"), most=MAX_AMOUNT)
    means = MeansField(widget=forms.RadioSelect, initial=MoneyRow.Means.CASH)


class ChipsOutForm(_MoneyForm):
    """Chips that the player took away."""

    amount = MoneyField(label="Chips", most=MAX_AMOUNT)


class StrikeForm(ReasonForm):
    """Why a row is struck; `row` is its key."""

    has_buttons = True

    row = forms.IntegerField(min_value=1, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, slip: RatingSlip, **kwargs: Any) -> None:
        super().__init__(data, casino_id=slip.casino_id, operation=Operation.STRIKE, **kwargs)


def _arguments(chosen: ChosenAction) -> dict[str, Any]:
    """The arguments of a row: on a closed slip, it happened when the slip closed unless a time was chosen."""
    closed_at = chosen.slip.closed_at if chosen.chosen_time is None else None
    typed = {name: chosen.typed[name] for name in ("amount", "expected_rows")}
    when = {"at": closed_at or chosen.at, "chosen_time": chosen.chosen_time}
    return chosen.arguments_without_version | when | typed


def _act_of(row: MoneyRow) -> SlipRequest:
    assert row.request is not None, "only rows of earlier releases have none"
    return row.request


def _buy_in(chosen: ChosenAction) -> Outcome:
    row = record_buy_in(**_arguments(chosen), means=chosen.typed["means"])
    total = RatingSlip.objects.with_money().get(pk=chosen.slip.pk).buy_in
    act = _act_of(row)
    when = chosen.when(act.happened_at)
    return chosen.outcome(act, "recorded", f"{row.words}{when}, {short_amount(total)} in all.")


def _chips_out(chosen: ChosenAction) -> Outcome:
    row = record_chips_out(**_arguments(chosen))
    act = _act_of(row)
    return chosen.outcome(act, "recorded", f"{row.words}{chosen.when(act.happened_at)}.")


def _strike(chosen: ChosenAction) -> Outcome:
    typed = {name: chosen.typed[name] for name in ("row", "reason", "reason_code")}
    row = strike_money_row(**typed, slip=chosen.slip, actor=chosen.actor, at=chosen.at, request_id=chosen.request_id)
    return chosen.outcome(_act_of(row), "struck", f"{row.words} struck.")


BUY_IN: Final = SlipAction(
    name="buy_in", label="Buy-in", done="recorded", describe=describe, floor_form=BuyInForm, carry_out=_buy_in
)
CHIPS_OUT: Final = SlipAction(
    name="chips_out",
    label="Chips out",
    done="recorded",
    describe=describe,
    floor_form=ChipsOutForm,
    carry_out=_chips_out,
)
STRIKE: Final = SlipAction(
    name="strike", label="Strike", done="struck", describe=describe, floor_form=StrikeForm, carry_out=_strike
)
MONEY_ACTIONS: Final = {action.name: action for action in (BUY_IN, CHIPS_OUT, STRIKE)}
