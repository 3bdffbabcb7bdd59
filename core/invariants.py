"""What must always hold, each as one query for the rows that break it; what holds of which table, its app says.

The same queries are asked of production by `manage.py check_invariants` and after every race and fault in the tests.
"""

from dataclasses import dataclass
from typing import Final

from django.db import connection

NAMED_ROWS: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Invariant:
    """A sentence that holds, by a constant name, and the query for what breaks it.

    `broken_by` gives one column of text, in order: each row named as people can look it up in the console.
    """

    name: str
    sentence: str
    broken_by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """How an invariant stands: how many rows break it, and the first of these."""

    invariant: Invariant
    rows: int
    first: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether no row breaks it."""
        return self.rows == 0


def examine(invariant: Invariant, *, named_rows: int = NAMED_ROWS) -> Finding:
    """Ask for what breaks `invariant`, in the caller's transaction; PostgreSQL counts, so memory stays flat."""
    query = f"""
        WITH broken (what) AS MATERIALIZED ({invariant.broken_by})
        SELECT (SELECT count(*) FROM broken), ARRAY(SELECT what FROM broken LIMIT {named_rows:d})
    """  # noqa: S608  (a constant of ours)
    with connection.cursor() as cursor:
        cursor.execute(query)
        rows, first = cursor.fetchone()
    return Finding(invariant=invariant, rows=rows, first=tuple(first))


def guarded_by(*triggers: str, name: str, sentence: str) -> Invariant:
    """That each of `triggers` is there and fires always, whatever a session calls itself."""
    expected = ", ".join(f"('{trigger}')" for trigger in triggers)
    query = f"""
        SELECT 'trigger ' || expected.name FROM (VALUES {expected}) AS expected (name)
        WHERE NOT EXISTS (
            SELECT FROM pg_trigger WHERE tgname = expected.name AND tgenabled = 'A' AND NOT tgisinternal
        )
        ORDER BY 1
    """  # noqa: S608  (constants of ours)
    return Invariant(name=name, sentence=sentence, broken_by=query)


INVARIANTS: Final = (
    guarded_by(
        "core_requestorigin_refuse_update",
        "core_requestorigin_refuse_delete",
        "core_requestorigin_refuse_truncate",
        name="origins_guarded",
        sentence="PostgreSQL refuses to change or remove where a request came from",
    ),
)
