"""The comps of a month, added up by type and person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from django.db.models import Count, DecimalField, F, Q, QuerySet, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce

from loyalty.models import LedgerEntry

_MONEY: Final = DecimalField(max_digits=18, decimal_places=2)


class Person(StrEnum):
    """Whose comps are added up: those that a member of staff gave, or those of a player's account."""

    STAFF = "staff"
    ACCOUNT = "account"


@dataclass(frozen=True, kw_only=True, slots=True)
class CompSum:
    """The redemptions of one comp type by one person in a month; `person_id` is a member of staff or an account.

    `redemptions`, `points` and `value` are those that were not reversed; `reversed` counts the others.
    """

    comp_type_id: int
    person_id: int | None
    redemptions: int
    points: int
    value: Decimal
    reversed: int


def comps_of_month(*, entries: "QuerySet[LedgerEntry]", month: date, by: Person, most: int) -> Sequence[CompSum]:
    """Add up the redemptions among `entries` on the gaming days of the month of `month`: at most `most` sums.

    A redemption counts in its own month. One that was reversed counts in none, whenever it was reversed.
    """
    redeemed = entries.filter(kind=LedgerEntry.Kind.REDEMPTION, gaming_day__range=days_of(month)).order_by()
    # Reversals are few: PostgreSQL reads them once, and not once for each redemption. A clock may have been set back.
    since = days_of(month)[0] - timedelta(days=1)
    reversals = entries.filter(kind=LedgerEntry.Kind.REVERSAL, gaming_day__gte=since).order_by()
    is_reversed = Q(pk__in=reversals.values("reverses"))
    worth = Cast(KT("inputs__calculation__value"), _MONEY)
    sums = (
        redeemed.values("comp_type_id", person_id=F(by.value))
        .annotate(
            redemptions=Count("pk", filter=~is_reversed),
            taken=Coalesce(Sum("points", filter=~is_reversed), 0),
            value=Coalesce(Sum(worth, filter=~is_reversed), Decimal(0), output_field=_MONEY),
            reversed=Count("pk", filter=is_reversed),
        )
        .order_by("comp_type_id", "taken", "person_id")
    )
    return [_sum(**line) for line in sums[:most]]


def _sum(*, taken: int, **counted: Any) -> CompSum:
    return CompSum(points=-taken, **counted)


def days_of(month: date) -> tuple[date, date]:
    """The first and the last day of the month of `month`."""
    first = month.replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
