"""Transactions: an operation owns one; a building block works in its caller's."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from typing import Final, ParamSpec, TypeVar

import structlog
from django.db import DatabaseError, InterfaceError, connection, transaction

from core import correlation, origins
from core.changes.author import acting
from core.errors import Busy, DatabaseAway, DomainError, OutcomeUnknown
from core.metrics import OPERATIONS
from core.retries import ErrorAction, attempt_number, is_connection_lost, rule_for, sqlstate_of, will_retry

log = structlog.get_logger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

BUILDING_BLOCKS: Final[list[Callable[..., object]]] = []


@contextmanager
def operation(name: str, *, actor_id: int | None) -> Iterator[None]:
    """Own the one transaction of a use case: commit at the end, roll everything back on any error.

    Logs refusals with their code. Binds a correlation id if the caller has bound none, as outside of requests and
    commands: then the first change of a logged table leaves a row that says where it came from. `actor_id` is the
    author of the changes in the change log. `core.retries` decides what a database error means; a `retried` service
    runs again where that helps.

    :raises Busy: the database timed out or ended a deadlock; nothing was changed.
    :raises DatabaseAway: the connection was lost, or none could be opened; nothing was changed.
    :raises OutcomeUnknown: the commit was sent, and its answer was lost.
    :raises DomainError: the use case refused; passed on unchanged.
    """
    with correlation.kept_or_new():
        is_outside = correlation.is_of_service() and actor_id is not None
        record = partial(origins.record_service, name, actor_id=actor_id) if is_outside else None
        with acting(actor_id, record=record), _transaction(name, actor_id=actor_id):
            yield


@contextmanager
def _transaction(name: str, *, actor_id: int | None) -> Iterator[None]:
    committing = False
    try:
        with transaction.atomic(durable=True):
            yield
            has_written_origin = origins.write_waiting()
            committing = True
        if has_written_origin:
            origins.forget_waiting()
        _count(name, "DONE")
    except DomainError as error:
        _count(name, error.code)
        log.warning("core.operation_refused", operation=name, code=error.code, actor_id=actor_id)
        raise
    except (DatabaseError, InterfaceError) as error:
        rule = rule_for(error)
        action = rule.during_commit if committing else rule.before_commit
        if action is ErrorAction.BUG:
            _count(name, "BUG")
            raise
        if action is ErrorAction.UNKNOWN:
            answer: Busy | DatabaseAway = OutcomeUnknown()
        else:
            answer = DatabaseAway() if is_connection_lost(error) else Busy()
        _count(name, answer.code)
        retries = will_retry(error, committing=committing)
        log.warning(
            "core.operation_begins_anew" if retries else "core.operation_busy",
            operation=name,
            code=answer.code,
            sqlstate=sqlstate_of(error),
            attempt=attempt_number(),
            actor_id=actor_id,
        )
        raise answer from error


def _count(name: str, outcome: str) -> None:
    OPERATIONS.labels(name, outcome, attempt_number()).inc()


def transaction_required(function: Callable[P, R]) -> Callable[P, R]:
    """Let `function` run only in a transaction of its caller, and list it in `BUILDING_BLOCKS`.

    :raises TransactionManagementError: when it is called outside one.
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if not _is_in_transaction():
            raise transaction.TransactionManagementError(f"{function.__name__} needs a transaction of its caller.")
        return function(*args, **kwargs)

    BUILDING_BLOCKS.append(call)
    return call


def _is_in_transaction() -> bool:
    """Whether the caller has begun a transaction.

    Django's test case runs each test in a transaction, and marks it, so that `durable=True` does not take it for the
    caller's. Here it is not taken for the caller's either: else no test would see a caller that has none.
    """
    return any(
        not block._from_testcase  # type: ignore[attr-defined]
        for block in connection.atomic_blocks
    )


def drop_lost_connection() -> None:
    """Close this thread's connection if it was lost, so that the next statement opens a new one."""
    if connection.connection is not None and not connection.is_usable():
        connection.close()
