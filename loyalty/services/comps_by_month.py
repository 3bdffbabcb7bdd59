"""The comps of a month, added up by type and person."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db.models import BigIntegerField, QuerySet, Sum

from core.keys import BIGGEST_KEY
from core.keyset import Key, Order
from loyalty.models import CompTotal

_FIGURES: Final = ("redemptions", "points", "value", "reversed")
_NUMBERS: Final = ("casino_id", "comp_type_id", "points", "person")


@dataclass(frozen=True, kw_only=True, slots=True)
class CompSum:
    """The redemptions of one comp type in a month, as `CompTotal` counts them."""

    redemptions: int
    points: int
    value: Decimal
    reversed: int


def order_of_month(*, month: date, by: CompTotal.By, casino_id: int | None) -> Order:
    """The order of the totals of the month of `month` in a casino, or in all of them, as an index has it.

    The totals of a comp type are together, those that took most points first.
    """
    within: dict[str, Any] = {"month": days_of(month)[0], "by": by.value}
    if casino_id is not None:
        within["casino_id"] = casino_id
    names = [name for name in _NUMBERS if name not in within]
    keys = [Key(name=name, type=BigIntegerField(), least=0, most=BIGGEST_KEY) for name in names]
    return Order(keys=keys, within=within)


def totals_of_month(*, month: date, by: CompTotal.By, casino_id: int | None) -> "QuerySet[CompTotal]":
    """All totals of the month of `month` in a casino, or in all of them, in the same order."""
    order = order_of_month(month=month, by=by, casino_id=casino_id)
    return CompTotal.objects.filter(**order.within).order_by(*order.newest_first)


def sums_of_types(*, month: date, comp_types: Collection[int]) -> Mapping[int, CompSum]:
    """What each of these comp types cost in the month of `month`."""
    by_staff = CompTotal.objects.filter(month=days_of(month)[0], by=CompTotal.By.STAFF, comp_type__in=comp_types)
    summed: Iterable[Any] = (
        by_staff.order_by().values("comp_type").annotate(**{f"all_{each}": Sum(each) for each in _FIGURES})
    )
    return {one["comp_type"]: CompSum(**{each: one[f"all_{each}"] for each in _FIGURES}) for one in summed}


def days_of(month: date) -> tuple[date, date]:
    """The first and the last day of the month of `month`."""
    first = month.replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
