"""Something goes wrong at one statement after another: an error there, or the end of the connection."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import psycopg
from django.db import OperationalError, connection

from tests.concurrency import Elsewhere
from tests.waiting import wait_until

T = TypeVar("T")


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


def with_late_commit(number: int, call: Callable[[], T], *, once: Callable[[int], bool]) -> T:
    """What a call elsewhere returns whose COMMIT of this number (1, 2 …) gets no answer.

    It is done `once` that backend is waited for as told, or the call has ended.
    """
    late: list[psycopg.Connection[Any]] = []

    def lose() -> None:
        late.append(connection.connection)
        connection.connection = None
        raise OperationalError

    def lose_the_answer() -> T:
        commit = connection.commit
        commits = iter([*[commit] * (number - 1), lose])
        connection.commit = lambda: next(commits, commit)()  # type: ignore[method-assign]
        return call()

    running = Elsewhere(lose_the_answer)
    wait_until(lambda: late or running.has_ended)
    backend = late[0].info.backend_pid
    wait_until(lambda: running.has_ended or once(backend))
    late[0].commit()
    late[0].close()
    return running.result()
