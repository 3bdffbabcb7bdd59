"""Pages of a list that only grows: each begins where another ended, so the ten-thousandth costs what the first did.

No row is counted and none is skipped: a page reads its own rows and one more, from an index in the order of the list.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Generic, TypeVar

from django.db.models import BooleanField, DateField, F, Field, Func, IntegerField, Model, QuerySet, Value

M = TypeVar("M", bound=Model)

PAGE_ROWS: Final = 50
CURSOR_MAX_LENGTH: Final = 40
_BIGGEST_KEY: Final = 2**63 - 1
_SEPARATOR: Final = "."


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """A column of the order, newest first, and the least value that it can have."""

    name: str
    field: "Field[Any, Any]"
    least: Any

    def read(self, text: str) -> Any:
        """The value that a cursor carries.

        :raises ValueError: it carries none.
        """
        if isinstance(self.field, DateField):
            return date.fromisoformat(text)
        if not (text.isascii() and text.isdecimal()) or int(text) > _BIGGEST_KEY:
            raise ValueError(text)
        return int(text)


BY_ID: Final = (Key(name="id", field=IntegerField(), least=0),)
BY_GAMING_DAY: Final = (Key(name="gaming_day", field=DateField(), least=date.min), *BY_ID)


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


def page_of(
    rows: "QuerySet[M]", *, order: Sequence[Key], before: str = "", after: str = "", size: int = PAGE_ROWS
) -> KeysetPage[M]:
    """The page of `rows` that follows the cursor `before`, or ends just before the cursor `after`; else the first.

    What is not a cursor of this order counts as none.
    """
    newest_first = rows.order_by(*(f"-{key.name}" for key in order))
    if (bound := _read(after, order)) is not None:
        found = list(_beyond(newest_first, order, bound, sign=">").reverse()[: size + 1])
        has_newer, has_older = len(found) > size, True
        found = found[:size][::-1]
    else:
        bound = _read(before, order)
        if bound is not None:
            newest_first = _beyond(newest_first, order, bound, sign="<")
        found = list(newest_first[: size + 1])
        has_newer, has_older = bound is not None, len(found) > size
        found = found[:size]
    return KeysetPage(
        rows=found,
        newer=cursor_of(found[0], order) if found and has_newer else "",
        older=cursor_of(found[-1], order) if found and has_older and not _is_least(after, order) else "",
    )


def cursor_of(row: Model, order: Sequence[Key]) -> str:
    """Where a page that ends with `row` ends."""
    return _SEPARATOR.join(str(getattr(row, key.name)) for key in order)


def oldest_cursor(order: Sequence[Key]) -> str:
    """The cursor before every row: the page `after` it is the last one of the list."""
    return _SEPARATOR.join(str(key.least) for key in order)


def beyond_cursor(rows: "QuerySet[M]", *, order: Sequence[Key], row: M) -> "QuerySet[M]":
    """Those of `rows`, in `order`, that come after `row`."""
    return _beyond(rows, order, [getattr(row, key.name) for key in order], sign="<")


def _is_least(text: str, order: Sequence[Key]) -> bool:
    return text == oldest_cursor(order)


def _read(text: str, order: Sequence[Key]) -> list[Any] | None:
    parts = text[:CURSOR_MAX_LENGTH].split(_SEPARATOR)
    if not text or len(parts) != len(order):
        return None
    try:
        return [key.read(part) for key, part in zip(order, parts, strict=True)]
    except ValueError:
        return None


def _beyond(rows: "QuerySet[M]", order: Sequence[Key], bound: Sequence[Any], *, sign: str) -> "QuerySet[M]":
    columns = _Columns(*(F(key.name) for key in order))
    values = _Columns(*(Value(value, output_field=key.field) for key, value in zip(order, bound, strict=True)))
    return rows.filter(_Compared(columns, values, arg_joiner=f" {sign} "))
