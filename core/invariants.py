"""Invariants: conditions that must always hold, each a query for the rows that break it. Each app declares its own.

`manage.py check_invariants` runs the queries in production; the tests run them after every race and fault.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from time import perf_counter
from typing import Final

from django.db import connection

NAMED_ROWS: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Invariant:
    """A condition: its name, a sentence that describes it, and the query for the rows that break it.

    `broken_by` selects one text column, in order: the name by which people find the row in the console. Where the
    condition needs a key that the database does not hold, it is a function that gives these names.
    """

    name: str
    sentence: str
    broken_by: str | Callable[[], Iterator[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """The number of rows that break an invariant, the first of them, and how long it took to find out."""

    invariant: Invariant
    rows: int
    first: tuple[str, ...]
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether no row breaks the invariant."""
        return self.rows == 0


def examine(invariant: Invariant, *, named_rows: int = NAMED_ROWS) -> Finding:
    """Count, in the caller's transaction, the rows that break `invariant`, and name the first of them."""
    began = perf_counter()
    if callable(invariant.broken_by):
        broken = invariant.broken_by()
        first = tuple(islice(broken, named_rows))
        rows = len(first) + sum(1 for _ in broken)
    else:
        rows, first = _examine_in_postgresql(invariant.broken_by, named_rows=named_rows)
    return Finding(invariant=invariant, rows=rows, first=first, seconds=perf_counter() - began)


def _examine_in_postgresql(broken_by: str, *, named_rows: int) -> tuple[int, tuple[str, ...]]:
    query = f"""
        WITH broken (what) AS MATERIALIZED ({broken_by})
        SELECT (SELECT count(*) FROM broken), ARRAY(SELECT what FROM broken LIMIT {named_rows:d})
    """  # noqa: S608  (a constant)
    with connection.cursor() as cursor:
        cursor.execute(query)
        rows, first = cursor.fetchone()
    return rows, tuple(first)
