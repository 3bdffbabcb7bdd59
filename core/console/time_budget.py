"""The time that one request may spend on many rows."""

from collections.abc import Iterable, Iterator
from time import monotonic
from typing import Final, TypeVar

T = TypeVar("T")

BUDGET_SECONDS: Final = 20


def within_budget(rows: Iterable[T]) -> Iterator[T]:
    """Yield `rows` until `BUDGET_SECONDS` have passed; the caller says which were not reached."""
    began = monotonic()
    for row in rows:
        if monotonic() - began > BUDGET_SECONDS:
            return
        yield row
