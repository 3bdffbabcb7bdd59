"""Reading as of one instant, while the floor goes on writing."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from itertools import chain
from typing import Any, Final

from django.db import connection, transaction

# Every statement sees what was committed before the first one: an entry that took a lower number and commits meanwhile
# is in all of them or in none. It takes no lock that a writer would wait for.
ISOLATION: Final = "REPEATABLE READ READ ONLY"

Rows = Iterator[tuple[Any, ...]]
Stream = AbstractContextManager[Rows]


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


@contextmanager
def streamed(query: str, parameters: Mapping[str, int | None], *, chunk_rows: int) -> Iterator[Rows]:
    """The rows of a query, `chunk_rows` of them in memory at a time; asked in a transaction, and read within the block.

    With the block the cursor is closed, whether all was read or not. One that is left to the garbage collector is
    closed in whatever transaction is open by then, and PostgreSQL, which does not know it there, aborts that one.
    """
    assert connection.in_atomic_block, "without a transaction PostgreSQL would keep the whole answer"
    with connection.chunked_cursor() as cursor:
        cursor.execute(query, parameters)
        yield chain.from_iterable(iter(lambda: cursor.fetchmany(chunk_rows), []))
