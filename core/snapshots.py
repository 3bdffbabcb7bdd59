"""Read-only transactions on one snapshot, which do not block writers."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from itertools import chain
from typing import Any, Final

from django.db import connection, transaction

# Every statement sees what was committed before the first one, so an entry that is committed meanwhile is in all
# results or in none. No writer waits for it.
ISOLATION: Final = "REPEATABLE READ READ ONLY"

Rows = Iterator[tuple[Any, ...]]
Stream = AbstractContextManager[Rows]


@contextmanager
def one_snapshot(
    *, statement_seconds: int | None = None, idle_seconds: int | None = None, exported: str | None = None
) -> Iterator[None]:
    """Own a read-only transaction in which every statement sees the same snapshot.

    `statement_seconds` and `idle_seconds` replace the usual time-outs of a statement and of the time between two.
    `exported` is the snapshot of another transaction that is still open, by the name that PostgreSQL gave it.
    """
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {ISOLATION}")
            if exported is not None:
                cursor.execute(f"SET TRANSACTION SNAPSHOT '{exported}'")
            for setting, seconds in (
                ("statement_timeout", statement_seconds),
                ("idle_in_transaction_session_timeout", idle_seconds),
            ):
                if seconds is not None:
                    cursor.execute("SELECT set_config(%s, %s, true)", [setting, f"{seconds}s"])
        yield


@contextmanager
def streamed(query: str, parameters: Mapping[str, int | None], *, chunk_rows: int) -> Iterator[Rows]:
    """The rows of a query, `chunk_rows` of them in memory at a time; they must be read within the block.

    The block closes the cursor, even if not all rows were read. The garbage collector would close it in a later
    transaction, where PostgreSQL does not know the cursor and aborts the transaction.
    """
    assert connection.in_atomic_block, "without a transaction PostgreSQL would keep the whole answer"
    with connection.chunked_cursor() as cursor:
        cursor.execute(query, parameters)
        yield chain.from_iterable(iter(lambda: cursor.fetchmany(chunk_rows), []))
