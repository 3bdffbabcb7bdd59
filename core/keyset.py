"""Keyset pagination: a page begins after the last row of another page, so every page takes the same time to read.

No row is counted or skipped. A page reads its rows, and one more, in the order of an index. What belongs to them is
prefetched: a join would look it up once for each row, and not once for each value.

Where conditions pass over rows of the index, a page looks at a limited number of them, and the next goes on from there.

An export reads rows by the thousand with their joins. It reads their keys first, in an array subquery, so that
PostgreSQL plans it separately and uses the index. In one query with the joins it might sort the whole table instead: it
estimates a comparison of several columns by the first column alone, and so expects too many rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Generic, TypeVar

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    BigIntegerField,
    BooleanField,
    DateField,
    DateTimeField,
    F,
    Field,
    Func,
    Model,
    QuerySet,
    Value,
)
from django.db.models.functions import Coalesce

from core.keys import BIGGEST_KEY, key_of

M = TypeVar("M", bound=Model)

PAGE_ROWS: Final = 16
CURSOR_MAX_LENGTH: Final = 40
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SEPARATOR: Final = "."
_OLDER: Final = "<"
_NEWER: Final = ">"
_OPPOSITE: Final = {_OLDER: _NEWER, _NEWER: _OLDER}


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """A column of the order, newest first, and the least and the greatest value that the list has of it."""

    name: str
    type: "Field[Any, Any]"
    least: Any
    most: Any

    def read(self, text: str) -> Any:
        """Read a value of this column from a part of a cursor.

        :raises ValueError: the text is not such a value.
        """
        if type(self.type) is DateField:
            return date.fromisoformat(text)
        key = key_of(text)
        if key is None:
            raise ValueError(text)
        return _instant(key) if isinstance(self.type, DateTimeField) else key

    def text_of(self, value: Any) -> str:
        """The part of a cursor for a value of this column; an instant is in microseconds since 1970."""
        return str((value - _EPOCH) // timedelta(microseconds=1) if isinstance(value, datetime) else value)


def _instant(microseconds: int) -> datetime:
    """The instant so long after 1970.

    :raises ValueError: it is beyond the calendar.
    """
    try:
        return _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError as error:
        raise ValueError(microseconds) from error


ID: Final = Key(name="id", type=BigIntegerField(), least=0, most=BIGGEST_KEY)
RECORDED_AT: Final = Key(name="recorded_at", type=DateTimeField(), least=_EPOCH, most=datetime.max.replace(tzinfo=UTC))
GAMING_DAY: Final = Key(name="gaming_day", type=DateField(), least=date.min, most=date.max)


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """The order of a list, newest first. `within` has the columns that are equal in all rows, with their values.

    `within` and `keys` together are the columns of one index. The columns of `within` are part of the ORDER BY, so that
    PostgreSQL uses this index. Otherwise it might read the table backwards by its key and pass over many other rows,
    because it expects to fill the page soon.

    The rows that are read in this order must have no condition of their own on a column of the index: PostgreSQL would
    begin at that condition, and not at the comparison of all columns, and read the index up to the page.
    """

    keys: Sequence[Key]
    within: Mapping[str, Any] = field(default_factory=dict)
    is_sorted: bool = False
    """Whether PostgreSQL sorts the rows, since another index than one of this order finds the few that there are."""

    @property
    def newest_first(self) -> list[Any]:
        """The arguments for `order_by`."""
        if self.is_sorted:  # No index has such expressions.
            return [Coalesce(F(key.name), F(key.name)).desc() for key in self.keys]
        return [f"-{name}" for name in (*self.within, *(key.name for key in self.keys))]

    @property
    def ends(self) -> dict[str, list[Any]]:
        """The values of the keys at which the list begins, by the direction in which it is read."""
        return {_OLDER: [key.most for key in self.keys], _NEWER: [key.least for key in self.keys]}


BY_ID: Final = Order(keys=(ID,))


@dataclass(frozen=True, kw_only=True, slots=True)
class KeysetPage(Generic[M]):
    """A page, newest first, with the cursors of the pages beside it; a cursor is empty if there is no such page.

    `looked_at` is the number of rows after which the page stopped looking for more; None if it is full, or if it came
    to the end of the list.
    """

    rows: list[M]
    newer: str
    older: str
    looked_at: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Window(Generic[M]):
    """What a page looks at: at most `most` of `rows`, which are those of the index before the other filters apply.

    With `by_keys` a page reads the keys from the index first, and then the rows: for rows that are spread over the
    table. `parts` is for keys that are in several indexes. It has the rows of each index with their order; all orders
    have the same keys. A row that is in several parts counts in each. A part has a condition on the first columns of
    its index in place of `within`, so that its rows come in the order of the keys.
    """

    rows: "QuerySet[M]"
    most: int
    by_keys: bool = False
    parts: "Sequence[tuple[QuerySet[M], Order]]" = ()


class _Columns(Func):
    """Several columns as one row value."""

    template = "(%(expressions)s)"


class _Compared(Func):
    """The comparison of two row values."""

    template = "%(expressions)s"
    output_field = BooleanField()


class _Among(Func):
    """Whether a value is in an array."""

    template = "%(expressions)s)"
    arg_joiner = " = ANY("
    output_field = BooleanField()


def page_of(
    rows: "QuerySet[M]",
    *,
    order: Order,
    before: str = "",
    after: str = "",
    size: int | None = None,
    window: Window[M] | None = None,
) -> KeysetPage[M]:
    """Return the page of rows older than the cursor `before` or newer than the cursor `after`; else the first page.

    `rows` must have no joins, only prefetches. An invalid cursor is ignored. A page has `size` rows, by default
    `PAGE_ROWS`, and fewer if these are all that `window` holds.
    """
    size = PAGE_ROWS if size is None else size
    bound = _read(after, order)
    towards = _OLDER if bound is None else _NEWER
    bound = _read(before, order) if bound is None else bound
    last = None
    if window is None:
        rows = _beyond(rows, order, bound, towards=towards)
    else:
        rows, last = _within(window, rows, order, bound, towards=towards)
    found = list(_ordered(rows, order, towards=towards)[: size + 1])
    is_full, found = len(found) > size, found[:size]
    onward, looked_at = "", None
    if is_full:
        onward = cursor_of(found[-1], order)
    elif window and last:
        texts = (key.text_of(value) for key, value in zip(order.keys, last, strict=True))
        onward, looked_at = _SEPARATOR.join(texts), window.most
    back = cursor_of(found[0], order) if found else ""
    if towards == _NEWER:
        has_older = after != oldest_cursor(order)
        return KeysetPage(rows=found[::-1], newer=onward, older=back if has_older else "", looked_at=looked_at)
    return KeysetPage(rows=found, newer=back if bound is not None else "", older=onward, looked_at=looked_at)


def _within(
    window: Window[M], rows: "QuerySet[M]", order: Order, bound: Sequence[Any] | None, *, towards: str
) -> "tuple[QuerySet[M], Sequence[Any] | None]":
    """Those of `rows` that a page looks at, and the columns of `order` of the last if there are more beyond it."""
    names = [key.name for key in order.keys]
    if window.by_keys:
        # Without a comparison: PostgreSQL would expect to find the rows in the order of the index, and read all of it.
        looked_at = _keys(window, order, bound, towards=towards)
        is_cut = len(looked_at) == window.most
        return rows.filter(pk__in=[pk for pk, *_ in looked_at]), looked_at[-1][1:] if is_cut else None
    keys = _first(window.most, window.rows, order=order, bound=bound, towards=towards).values_list(*names)
    end = _first(1, window.rows, order=order, bound=None, towards=_OPPOSITE[towards]).values_list(*names)
    ends = keys[:1].union(keys[window.most - 1 : window.most], end, all=True)
    first, *others = sorted(ends, reverse=towards == _OLDER) or [None]
    if first is None or not others:
        return rows.none(), None
    last = others[0]
    # PostgreSQL estimates a comparison of several columns by the first alone: these conditions tell it that the rows
    # are few. Otherwise it might read the table, or another index. Rows of one statement have the same instant: there
    # the next column tells it.
    rows = _beyond(rows, order, bound, towards=towards).filter(**order.within)
    for name, some, other in zip(names, first, last, strict=True):
        rows = rows.filter(**{f"{name}__gte": min(some, other), f"{name}__lte": max(some, other)})
        if some != other:
            break
    return _where(rows, order, last, sign=f"{_OPPOSITE[towards]}="), None if last == others[-1] else last


def _keys(window: Window[M], order: Order, bound: Sequence[Any] | None, *, towards: str) -> list[tuple[Any, ...]]:
    """The key, and the columns of `order`, of the rows that a page looks at, from `bound` on."""
    names = [key.name for key in order.keys]
    first, *others = (
        _first(window.most, rows, order=each, bound=bound, towards=towards).values_list("pk", *names)
        for rows, each in window.parts or [(window.rows, order)]
    )
    if not others:
        return list(first)
    # PostgreSQL merges the parts: it reads one row of each, and then one more where it took the last.
    merged = first.union(*others, all=True)  # reversed if the first part is
    return list(merged.order_by(*(f"-{name}" for name in names))[: window.most])


def cursor_of(row: Model, order: Order) -> str:
    """The cursor of `row`: its values of the columns of `order`."""
    return _SEPARATOR.join(key.text_of(getattr(row, key.name)) for key in order.keys)


def oldest_cursor(order: Order) -> str:
    """The cursor that is older than every row: the page `after` it is the last page of the list."""
    return _SEPARATOR.join(key.text_of(key.least) for key in order.keys)


def rows_after(rows: "QuerySet[M]", *, joined: "QuerySet[M]", order: Order, row: M | None, most: int) -> list[M]:
    """The next of `rows`, at most `most`, after `row` (None: from the newest).

    `rows` selects the keys. The rows are read from `joined`, a queryset that contains all of them, with its joins.
    """
    bound = [getattr(row, key.name) for key in order.keys] if row is not None else None
    keys = _first(most, rows, order=order, bound=bound, towards=_OLDER).values("pk")
    return list(with_keys(joined.order_by(*order.newest_first), keys))


def _read(text: str, order: Order) -> list[Any] | None:
    parts = text[:CURSOR_MAX_LENGTH].split(_SEPARATOR)
    if not text or len(parts) != len(order.keys):
        return None
    try:
        read = [key.read(part) for key, part in zip(order.keys, parts, strict=True)]
    except ValueError:
        return None
    return max(min(read, order.ends[_OLDER]), order.ends[_NEWER])


def _first(most: int, rows: "QuerySet[M]", *, order: Order, bound: Sequence[Any] | None, towards: str) -> "QuerySet[M]":
    """The `most` rows next to `bound` (None: the end of the list), in the direction `towards`."""
    return _ordered(_beyond(rows, order, bound, towards=towards), order, towards=towards)[:most]


def _ordered(rows: "QuerySet[M]", order: Order, *, towards: str) -> "QuerySet[M]":
    newest_first = rows.order_by(*order.newest_first)
    return newest_first if towards == _OLDER else newest_first.reverse()


def with_keys(rows: "QuerySet[M]", keys: "QuerySet[Any, Any]") -> "QuerySet[M]":
    """Those of `rows` that have one of `keys`, which PostgreSQL reads first."""
    return rows.filter(_Among(F("pk"), ArraySubquery(keys)))


def _beyond(rows: "QuerySet[M]", order: Order, bound: Sequence[Any] | None, *, towards: str) -> "QuerySet[M]":
    """The `rows` beyond `bound` (None: all) in the direction `towards`, up to the end of the list there."""
    begin = order.ends[towards] if bound is None else bound
    rows = _where(rows, order, begin, sign=towards if bound else f"{towards}=")
    return _where(rows, order, order.ends[_OPPOSITE[towards]], sign=f"{_OPPOSITE[towards]}=")


def _where(rows: "QuerySet[M]", order: Order, values: Sequence[Any], *, sign: str) -> "QuerySet[M]":
    """The `rows` whose columns of `order` compare to those of `order.within` and `values`."""
    # NULL cannot be compared.
    rows = rows.filter(**{name: None for name, value in order.within.items() if value is None})
    fixed = [(F(name), Value(value)) for name, value in order.within.items() if value is not None]
    keys = [(F(key.name), Value(value, output_field=key.type)) for key, value in zip(order.keys, values, strict=True)]
    columns, bounds = (_Columns(*each) for each in zip(*fixed, *keys, strict=True))
    return rows.filter(_Compared(columns, bounds, arg_joiner=f" {sign} "))
