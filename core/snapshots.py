"""Reading as of one instant, while the floor goes on writing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import connection, transaction

# Every statement sees what was committed before the first one: an entry that took a lower number and commits meanwhile
# is in all of them or in none. It takes no lock that a writer would wait for.
ISOLATION: Final = "REPEATABLE READ READ ONLY"


@contextmanager
def one_snapshot(*, statement_seconds: int | None = None, idle_seconds: int | None = None) -> Iterator[None]:
    """Own a transaction that only reads, each statement as of the same instant.

    A statement may take `statement_seconds`, and the reader may rest for `idle_seconds` between two; else what holds
    for the floor's requests holds here as well.
    """
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {ISOLATION}")
            for setting, seconds in (
                ("statement_timeout", statement_seconds),
                ("idle_in_transaction_session_timeout", idle_seconds),
            ):
                if seconds is not None:
                    cursor.execute("SELECT set_config(%s, %s, true)", [setting, f"{seconds}s"])
        yield
