"""The one way to lock rows.

Lock order, everywhere: rating slip, player, gaming table, slip number; and reward id, staff (rate limit), player
loyalty; several rows of a kind in key order. Read, decide and write only after the lock. Names are locked by
`core.locks`.
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

        Join nothing that the row may come to refer to differently: a row that changed while it was waited for is
        checked against the rows that were joined before the wait, and drops out of the result if they no longer fit.
        """
        return self.select_for_update(no_key=True, of=("self",), skip_locked=skip_locked).order_by("pk")
