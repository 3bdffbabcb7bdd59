"""Locks on what has no row yet: a name that one of two new rows may have, and the other may not."""

from django.db import connection


def lock_name(kind: str, name: str) -> None:
    """Lock `name`, among the names of its `kind`, until the caller's transaction ends.

    Two transactions that are about to write rows unique by one name come one after the other, so the second one's
    look-up sees the first one's row. Without this the unique index makes it wait as well, and then break.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{kind}:{name}"])
