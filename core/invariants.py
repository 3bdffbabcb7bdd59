"""Invariants: conditions that must always hold, each a query for the rows that break it. Each app declares its own.

`manage.py check_invariants` runs the queries in production; the tests run them after every race and fault.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from time import perf_counter
from typing import Final

from django.db import connection

NAMED_ROWS: Final = 5

# Some rows of some tables: for each of these tables an SQL condition.
Rows = Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Invariant:
    """A condition: its name, a sentence that describes it, and the query for the rows that break it.

    `broken_by` selects one text column, in order: the name by which people find the row in the console. Where the
    condition needs a key that the database does not hold, it is a function that gives these names.

    `broken_among` is the same where only `Rows` are examined, and is left out where `broken_by` says it too if each
    table has only these rows. The text reads a whole table as `public.…`. A condition on sums of a table cannot be
    examined so: it `needs_all`.
    """

    name: str
    sentence: str
    broken_by: str | Callable[[], Iterator[str]]
    broken_among: str | Callable[[Rows], Iterator[str]] | None = None
    needs_all: bool = False


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
    rows, first = _broken(invariant.broken_by, named_rows=named_rows)
    return Finding(invariant=invariant, rows=rows, first=first, seconds=perf_counter() - began)


def examine_among(batches: Sequence[Rows], invariant: Invariant, *, named_rows: int = NAMED_ROWS) -> Finding:
    """The same among the rows of each batch; a row in two batches counts twice. What reads none of them is examined."""
    if isinstance(invariant.broken_by, str) and not _reads(invariant.broken_by, batches):
        return examine(invariant)
    if not isinstance(invariant.broken_by, str) and invariant.broken_among is None:
        return examine(invariant)
    began = perf_counter()
    rows, first = 0, dict[str, None]()
    for batch in batches:
        more, named = _broken_among(invariant, batch, named_rows=named_rows)
        rows += more
        first |= dict.fromkeys(named)
    return Finding(invariant=invariant, rows=rows, first=(*first,)[:named_rows], seconds=perf_counter() - began)


def _reads(query: str, batches: Sequence[Rows]) -> bool:
    """Whether a query reads a table of the batches."""
    tables = {table for batch in batches for table in batch}
    return any(re.search(rf"(FROM|JOIN) {table}\b", query) for table in tables)


def _broken_among(invariant: Invariant, rows: Rows, *, named_rows: int) -> tuple[int, Sequence[str]]:
    if callable(invariant.broken_among):
        among = invariant.broken_among
        return _broken(lambda: among(rows), named_rows=named_rows)
    query = invariant.broken_among or invariant.broken_by
    assert isinstance(query, str)
    # In PostgreSQL such a name comes before the table of that name.
    tables = ", ".join(
        f"{table} AS NOT MATERIALIZED (SELECT * FROM public.{table} WHERE {condition})"  # noqa: S608  (ids)
        for table, condition in rows.items()
    )
    return _broken(query, named_rows=named_rows, tables=f"{tables}, ")


def _broken(
    broken_by: str | Callable[[], Iterator[str]], *, named_rows: int = NAMED_ROWS, tables: str = ""
) -> tuple[int, tuple[str, ...]]:
    """The number of rows that are broken, and the first of them."""
    if callable(broken_by):
        broken = broken_by()
        first = tuple(islice(broken, named_rows))
        return len(first) + sum(1 for _ in broken), first
    query = f"""
        WITH {tables}broken (what) AS MATERIALIZED ({broken_by})
        SELECT (SELECT count(*) FROM broken), ARRAY(SELECT what FROM broken LIMIT {named_rows:d})
    """  # noqa: S608  (a constant)
    with connection.cursor() as cursor:
        cursor.execute(query)
        rows, first = cursor.fetchone()
    return rows, tuple(first)
