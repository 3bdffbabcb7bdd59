"""Lock rows; every service locks rows with `locked()`.

Lock order, everywhere: slip request id, rating slip, player, gaming table, slip number; and reward id, staff (rate
limit), player loyalty; several rows of a kind in key order. Read, decide and write only after the lock. Names are
locked by `core.locks`.
"""

from typing import Self, TypeVar

from django.db import models

M = TypeVar("M", bound=models.Model, covariant=True)


class LockingQuerySet(models.QuerySet[M]):
    """Rows that a service may lock."""

    def locked(self, *, skip_locked: bool = False) -> Self:
        """Lock the selected rows until the transaction ends, in key order.

        The lock is FOR NO KEY UPDATE on these rows alone, so rows that refer to them can still be inserted. With
        `skip_locked`, rows that another transaction holds are left out instead of waited for.

        Do not select_related() a nullable or mutable foreign key here: after waiting, PostgreSQL re-checks against the
        old joined row, and leaves the row out if that no longer fits.
        """
        return self.select_for_update(no_key=True, of=("self",), skip_locked=skip_locked).order_by("pk")
