"""Something goes wrong at one statement after another: an error there, or the end of the connection."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from django.db import connection


@contextmanager
def interrupted_at(number: int, fault: Callable[[], object]) -> Iterator[list[str]]:
    """Let `fault` happen before the statement of this `number` (1, 2 …); gives those that were sent.

    Savepoints are not counted: what sets, keeps or undoes them is no step of a use case.
    """
    sent: list[str] = []

    def count(execute: Callable[..., Any], statement: str, params: Any, many: bool, context: Any) -> Any:
        if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            sent.append(statement)
            if len(sent) == number:
                fault()
        return execute(statement, params, many, context)

    with connection.execute_wrapper(count):
        yield sent


def lose_connection() -> None:
    """End this thread's backend, as an administrator or a failing server would."""
    with suppress(psycopg.OperationalError):  # nobody is left to answer
        connection.connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
