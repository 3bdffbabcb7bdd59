"""The time that one request may spend on many rows."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from time import monotonic
from typing import Final, TypeVar

from core.errors import DatabaseAway
from core.retries import is_database_away

T = TypeVar("T")
R = TypeVar("R")

BUDGET_SECONDS: Final = 20


def each_within_budget(
    rows: Iterable[T], act: Callable[[T], R], *, say: Callable[[Sequence[R]], Iterable[str]]
) -> list[R]:
    """The results of `act` for `rows`, until `BUDGET_SECONDS` have passed; the caller says which were not reached.

    :raises DatabaseAway: the database went away; the sentences of `say` about the results so far are its `done`.
    """
    results: list[R] = []
    try:
        for row in _within_budget(rows):
            results.append(act(row))  # noqa: PERF401 - the results so far are needed after an error
    except Exception as error:
        if not is_database_away(error):
            raise
        raise DatabaseAway(done=list(say(results))) from error
    return results


def _within_budget(rows: Iterable[T]) -> Iterator[T]:
    began = monotonic()
    for row in rows:
        if monotonic() - began > BUDGET_SECONDS:
            return
        yield row
