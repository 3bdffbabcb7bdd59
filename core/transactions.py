"""Who owns a transaction: the operation does."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog
from django.db import DatabaseError, transaction

from core.errors import Busy, DomainError

log = structlog.get_logger(__name__)

# SQLSTATEs after which the same request may simply be sent again. PostgreSQL manual, appendix A.
TRY_AGAIN_STATES: Final = frozenset(
    {
        "40001",  # serialization failure
        "40P01",  # deadlock detected
        "55P03",  # lock timeout
        "57014",  # statement timeout or cancel
        "57P01",  # the server is shutting down, or the backend was terminated
        "57P02",  # the server crashed
        "57P03",  # the server is starting up
        "57P05",  # idle session timeout
        "25P03",  # idle-in-transaction timeout
        "25P04",  # transaction timeout
    }
)


def is_try_again(error: DatabaseError) -> bool:
    """Whether the request that met `error` may be sent again: a timeout, a deadlock or a lost connection.

    An error without a SQLSTATE comes from the client library when the connection broke.
    """
    state = getattr(error.__cause__, "sqlstate", None)
    return state in TRY_AGAIN_STATES or state is None or state.startswith("08")


@contextmanager
def operation(name: str, *, actor_id: int | None) -> Iterator[None]:
    """Own the one transaction of a use case: commit at the end, roll everything back on any error.

    Refusals are logged here with their code, so no caller can forget to.

    :raises Busy: the database timed out, broke a deadlock or hung up.
    :raises DomainError: whatever the use case refused with, unchanged.
    """
    try:
        with transaction.atomic(durable=True):
            yield
    except DomainError as error:
        log.warning("core.operation_refused", operation=name, code=error.code, actor_id=actor_id)
        raise
    except DatabaseError as error:
        if not is_try_again(error):
            raise
        state = getattr(error.__cause__, "sqlstate", None)
        log.warning("core.operation_busy", operation=name, sqlstate=state, actor_id=actor_id)
        raise Busy from error
