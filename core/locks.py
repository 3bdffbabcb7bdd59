"""Locks on a name, for rows that do not exist yet."""

from collections.abc import Collection

from django.db import connection

from core.querysets import is_reading_only
from core.transactions import transaction_required


@transaction_required
def lock_name(kind: str, name: str) -> None:
    """Lock `name`, among the names of its `kind`, until the caller's transaction ends.

    Of two transactions that want to insert a row with the same unique name, the second one waits here, and then its
    look-up finds the first one's row. Without the lock it would wait in the INSERT, and fail with an IntegrityError.
    """
    lock_names(kind, [name])


@transaction_required
def lock_names(kind: str, names: Collection[str]) -> None:
    """Lock several names of one kind like `lock_name`, in alphabetical order, in one statement."""
    if is_reading_only():
        return
    keys = [f"{kind}:{name}" for name in sorted(names)]
    locks = ", ".join(["pg_advisory_xact_lock(hashtextextended(%s, 0))"] * len(keys))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {locks}", keys)


@transaction_required
def try_lock_name(kind: str, name: str) -> bool:
    """Lock `name` like `lock_name` if no other transaction holds it, and return whether it is locked."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"{kind}:{name}"])
        locked: bool = cursor.fetchone()[0]
    return locked
