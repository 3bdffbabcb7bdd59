"""Who owns a transaction: the operation does."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
import structlog
from django.db import DatabaseError, connection, transaction

from core.errors import Busy, DomainError, OutcomeUnknown

log = structlog.get_logger(__name__)

# SQLSTATEs with which a transaction ends although it did nothing wrong. PostgreSQL manual, appendix A.
_TIMED_OUT: Final = frozenset(
    {
        "40001",  # serialization failure
        "40P01",  # deadlock detected
        "55P03",  # lock timeout
        "57014",  # statement timeout or cancel
        "25P03",  # idle-in-transaction timeout
        "25P04",  # transaction timeout
    }
)
_HUNG_UP: Final = frozenset(
    {
        "57P01",  # the server is shutting down, or the backend was terminated
        "57P02",  # the server crashed
        "57P03",  # the server is starting up
        "57P05",  # idle session timeout
    }
)


def sqlstate_of(error: DatabaseError) -> str | None:
    """The SQLSTATE that PostgreSQL gave; none where the connection broke before it could, or the error is Django's."""
    return error.__cause__.sqlstate if isinstance(error.__cause__, psycopg.Error) else None


def is_hung_up(error: DatabaseError) -> bool:
    """Whether the connection was lost: the client library then has no SQLSTATE to tell."""
    state = sqlstate_of(error)
    if state is None:
        return isinstance(error.__cause__, psycopg.OperationalError | psycopg.InterfaceError)
    return state in _HUNG_UP or state.startswith("08")


def is_try_again(error: DatabaseError) -> bool:
    """Whether the request that met `error` may be sent again: a timeout, a deadlock or a lost connection."""
    return sqlstate_of(error) in _TIMED_OUT or is_hung_up(error)


@contextmanager
def operation(name: str, *, actor_id: int | None) -> Iterator[None]:
    """Own the one transaction of a use case: commit at the end, roll everything back on any error.

    Refusals are logged here with their code, so no caller can forget to.

    :raises Busy: the database timed out, broke a deadlock or hung up; nothing was changed.
    :raises OutcomeUnknown: the connection was lost during the commit.
    :raises DomainError: whatever the use case refused with, unchanged.
    """
    committing = False
    try:
        with transaction.atomic(durable=True):
            yield
            committing = True
    except DomainError as error:
        log.warning("core.operation_refused", operation=name, code=error.code, actor_id=actor_id)
        raise
    except DatabaseError as error:
        if not is_try_again(error):
            raise
        answer = OutcomeUnknown() if committing and is_hung_up(error) else Busy()
        log.warning(
            "core.operation_busy", operation=name, code=answer.code, sqlstate=sqlstate_of(error), actor_id=actor_id
        )
        raise answer from error


def drop_lost_connection() -> None:
    """Let go of this thread's connection where it was lost, so that the next statement opens another."""
    if connection.connection is not None and not connection.is_usable():
        connection.close()
