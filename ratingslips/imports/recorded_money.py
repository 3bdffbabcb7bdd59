"""The money that a slip has, as the lines of a file say it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, Self

from django.db.models import Prefetch

from ratingslips.imports.events import EventKind
from ratingslips.models import MoneyRow, RatingSlip, SlipRequest

Kind = SlipRequest.Kind

_OF_MONEY: Final = (Kind.BUY_IN, Kind.CHIPS_OUT, Kind.STRIKE)


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedRow:
    """A buy-in or chips out that was recorded by itself, struck or not."""

    kind: EventKind
    at: datetime
    amount: Decimal
    means: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedMoney:
    """The rows of a slip, the buy-in of its opening, and the total buy-in and the chips out of its closing.

    The total is that of the closing: rows that were added or struck later are left out.
    """

    rows: Sequence[RecordedRow]
    opening_buy_in: Decimal | None
    buy_in: Decimal | None
    chips_out: Decimal | None

    @classmethod
    def of(cls, slip: RatingSlip) -> Self:
        """Read a slip that was fetched with `MONEY_OF_SLIPS`."""
        requests = {request.pk: request for request in slip.money_requests}  # type: ignore[attr-defined]
        opening, closing = (
            next((request for request in requests.values() if request.kind == kind), None)
            for kind in (Kind.OPEN, Kind.CLOSE)
        )
        later = {
            request.pk
            for request in requests.values()
            if closing and request.kind in _OF_MONEY and request.recorded_at > closing.recorded_at
        }
        by_itself = {request.pk for request in requests.values() if request.kind in _OF_MONEY}
        rows = list(slip.money_rows.all())
        buy_in = _total(MoneyRow.Kind.BUY_IN, [row for row in rows if row.request_id not in later])
        return cls(
            rows=[
                RecordedRow(kind=EventKind(row.kind), at=row.happened_at, amount=row.amount, means=row.means)
                for row in rows
                if row.strikes_id is None and row.request_id in by_itself
            ],
            opening_buy_in=_amount(opening, "buy_in") if opening else buy_in,
            buy_in=buy_in,
            chips_out=_amount(closing, "chips_out") if closing else _total(MoneyRow.Kind.CHIPS_OUT, rows),
        )


def _total(kind: MoneyRow.Kind, rows: Sequence[MoneyRow]) -> Decimal | None:
    amounts = [row.amount for row in rows if row.kind == kind]
    return sum(amounts, Decimal(0)) if amounts else None


def _amount(request: SlipRequest, name: str) -> Decimal | None:
    text = request.contents[name]
    return None if text is None else Decimal(text)


MONEY_OF_SLIPS: Final = (
    "money_rows",
    Prefetch(
        "requests", SlipRequest.objects.filter(kind__in=[Kind.OPEN, Kind.CLOSE, *_OF_MONEY]), to_attr="money_requests"
    ),
)
