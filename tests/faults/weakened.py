"""The product without one of its guards, for runs that must be found broken."""

import os
from typing import Any

from core.querysets import LockingQuerySet
from loyalty.models import LedgerEntry
from loyalty.services import posting


def take_away(guard: str) -> None:
    """Take a guard out of this process and of those that it forks; nothing for an empty name.

    :raises KeyError: there is no such guard.
    """
    if guard:
        _WITHOUT[guard]()


def _without_locks() -> None:
    def unlocked(self: Any, **_: Any) -> Any:
        return self.order_by("pk")

    LockingQuerySet.locked = unlocked  # type: ignore[method-assign]


def _without_keys() -> None:
    """Forget every key, and pay under another one where the database would notice."""
    written = LedgerEntry.save
    numbers = iter(range(10**9))

    def save(self: LedgerEntry, **options: Any) -> None:
        if LedgerEntry.objects.filter(idempotency_key=self.idempotency_key).exists():
            self.idempotency_key += f":{os.getpid()}:{next(numbers)}"
        written(self, **options)

    LedgerEntry.save = save  # type: ignore[assignment, method-assign]
    vars(posting)["entry_with_key"] = lambda *_keys: None


_WITHOUT = {"locks": _without_locks, "keys": _without_keys}
