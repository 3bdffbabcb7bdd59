"""Pages of a list that only grows: each begins where another ended, so the ten-thousandth costs what the first did.

No row is counted and none is skipped: a page reads its own keys and one more, from an index in the order of the list,
and then the rows that these name. The keys are an array, so that PostgreSQL plans for them alone: beside all that is
joined to a row it would choose between that index and sorting everything by what the joins cost, and it cannot know how
few rows there will be, because it judges a comparison of several columns by the first of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Generic, TypeVar

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BigIntegerField, BooleanField, DateField, F, Field, Func, Model, QuerySet, Value

from core.keys import BIGGEST_KEY, key_of

M = TypeVar("M", bound=Model)

PAGE_ROWS: Final = 50
CURSOR_MAX_LENGTH: Final = 40
_SEPARATOR: Final = "."
_OLDER: Final = "<"
_NEWER: Final = ">"
_OPPOSITE: Final = {_OLDER: _NEWER, _NEWER: _OLDER}


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """A column of the order, newest first, and the least and the greatest value that it can have."""

    name: str
    type: "Field[Any, Any]"
    least: Any
    most: Any

    def read(self, text: str) -> Any:
        """The value that a cursor carries.

        :raises ValueError: it carries none.
        """
        if isinstance(self.type, DateField):
            return date.fromisoformat(text)
        key = key_of(text)
        if key is None:
            raise ValueError(text)
        return key


ID: Final = Key(name="id", type=BigIntegerField(), least=0, most=BIGGEST_KEY)
GAMING_DAY: Final = Key(name="gaming_day", type=DateField(), least=date.min, most=date.max)


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """The order of a list, newest first, and the columns that all its rows agree on, with their values.

    `within` and `keys` together are the columns of one index. That they stand in the order, and are not only equal,
    leaves PostgreSQL this index and no other: it would else read the list by its key from the end, however many other
    rows lie between, because it cannot know that a page is not filled sooner.
    """

    keys: Sequence[Key]
    within: Mapping[str, Any] = field(default_factory=dict)

    @property
    def newest_first(self) -> list[str]:
        """For `order_by`."""
        return [f"-{name}" for name in (*self.within, *(key.name for key in self.keys))]


BY_ID: Final = Order(keys=(ID,))


@dataclass(frozen=True, kw_only=True, slots=True)
class KeysetPage(Generic[M]):
    """A page, newest first, with the cursors of the pages beside it; empty where there is none."""

    rows: list[M]
    newer: str
    older: str


class _Columns(Func):
    """Several columns, compared as one."""

    template = "(%(expressions)s)"


class _Compared(Func):
    """Whether one tuple comes before another."""

    template = "%(expressions)s"
    output_field = BooleanField()


class _Among(Func):
    """Whether a value is one of an array's."""

    template = "%(expressions)s)"
    arg_joiner = " = ANY("
    output_field = BooleanField()


def page_of(
    rows: "QuerySet[M]",
    *,
    whole: "QuerySet[M]",
    order: Order,
    before: str = "",
    after: str = "",
    size: int | None = None,
) -> KeysetPage[M]:
    """The page of `rows` that follows the cursor `before`, or ends just before the cursor `after`; else the first.

    Each row as `whole` has it, which holds all of them, with what is joined to them. What is not a cursor of this order
    counts as none. A page has `size` rows, by default `PAGE_ROWS`.
    """
    size = PAGE_ROWS if size is None else size
    if (bound := _read(after, order)) is not None:
        found = _first(size + 1, rows, whole=whole, order=order, bound=bound, towards=_NEWER)
        has_newer, has_older = len(found) > size, after != oldest_cursor(order)
        found = found[:size][::-1]
    else:
        bound = _read(before, order)
        found = _first(size + 1, rows, whole=whole, order=order, bound=bound, towards=_OLDER)
        has_newer, has_older = bound is not None, len(found) > size
        found = found[:size]
    return KeysetPage(
        rows=found,
        newer=cursor_of(found[0], order) if found and has_newer else "",
        older=cursor_of(found[-1], order) if found and has_older else "",
    )


def cursor_of(row: Model, order: Order) -> str:
    """Where a page that ends with `row` ends."""
    return _SEPARATOR.join(str(getattr(row, key.name)) for key in order.keys)


def oldest_cursor(order: Order) -> str:
    """The cursor before every row: the page `after` it is the last one of the list."""
    return _SEPARATOR.join(str(key.least) for key in order.keys)


def rows_after(rows: "QuerySet[M]", *, whole: "QuerySet[M]", order: Order, row: M | None, most: int) -> list[M]:
    """The first of `rows`, in `order`, that come after `row` (none: from the top), each as `whole` has it."""
    bound = [getattr(row, key.name) for key in order.keys] if row is not None else None
    return _first(most, rows, whole=whole, order=order, bound=bound, towards=_OLDER)


def _read(text: str, order: Order) -> list[Any] | None:
    parts = text[:CURSOR_MAX_LENGTH].split(_SEPARATOR)
    if not text or len(parts) != len(order.keys):
        return None
    try:
        return [key.read(part) for key, part in zip(order.keys, parts, strict=True)]
    except ValueError:
        return None


def _first(
    most: int, rows: "QuerySet[M]", *, whole: "QuerySet[M]", order: Order, bound: Sequence[Any] | None, towards: str
) -> list[M]:
    """The first of `rows`, going `towards` newer or older ones from `bound` (none: from the top)."""

    def in_order(each: "QuerySet[M]") -> "QuerySet[M]":
        newest_first = each.order_by(*order.newest_first)
        return newest_first if towards == _OLDER else newest_first.reverse()

    keys = in_order(_beyond(rows, order, bound, towards=towards)).values("pk")[:most]
    return list(in_order(whole).filter(_Among(F("pk"), ArraySubquery(keys))))


def _beyond(rows: "QuerySet[M]", order: Order, bound: Sequence[Any] | None, *, towards: str) -> "QuerySet[M]":
    """Those of `rows` that lie beyond `bound` (none: the top), between it and the end of what the order is within."""
    if bound is None:
        bound = [key.most for key in order.keys]
    fixed = [(F(name), Value(value)) for name, value in order.within.items()]
    varying = [(F(key.name), Value(value, output_field=key.type)) for key, value in zip(order.keys, bound, strict=True)]
    rows = _where(rows, [*fixed, *varying], sign=towards)
    return _where(rows, fixed, sign=f"{_OPPOSITE[towards]}=")


def _where(rows: "QuerySet[M]", pairs: Sequence[tuple[F, Value]], *, sign: str) -> "QuerySet[M]":
    if not pairs:
        return rows
    columns, values = (_Columns(*each) for each in zip(*pairs, strict=True))
    return rows.filter(_Compared(columns, values, arg_joiner=f" {sign} "))
