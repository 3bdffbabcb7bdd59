"""Lock rows; every service locks rows with `locked()`.

docs/architecture.md has the order of locks, which is the same everywhere. Read, decide and write only after the lock.
Names are locked by `core.locks`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Self, TypeVar

from django.db import models

M = TypeVar("M", bound=models.Model, covariant=True)

_is_reading: ContextVar[bool] = ContextVar("is_reading", default=False)


@contextmanager
def reading_only() -> Iterator[None]:
    """Let `locked()` and the locks on names lock nothing in this block, for work that is rolled back whatever it does.

    So a dry run keeps nobody waiting, and waits for nobody.
    """
    token = _is_reading.set(True)
    try:
        yield
    finally:
        _is_reading.reset(token)


def is_reading_only() -> bool:
    """Whether a block of `reading_only` is under way."""
    return _is_reading.get()


class LockingQuerySet(models.QuerySet[M]):
    """Rows that a service may lock."""

    def locked(self, *, skip_locked: bool = False, also: Sequence[str] = ()) -> Self:
        """Lock the selected rows until the transaction ends, in key order.

        The lock is FOR NO KEY UPDATE on these rows, so rows that refer to them can still be inserted. With
        `skip_locked`, rows that another transaction holds are left out instead of waited for. `also` names foreign keys
        whose rows are read and locked in the same statement, after the row itself.

        Do not otherwise select_related() a nullable or mutable foreign key here: after waiting, PostgreSQL re-checks
        against the old joined row, and leaves the row out if that no longer fits.
        """
        rows = self.order_by("pk")
        if not is_reading_only():
            rows = rows.select_for_update(no_key=True, of=("self", *also), skip_locked=skip_locked)
        return rows.select_related(*also) if also else rows
