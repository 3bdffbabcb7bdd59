"""Retry services after a database error, or raise `Busy`, `DatabaseAway`, `OutcomeUnknown` or the error itself.

If a retry is safe and likely to help, the whole service runs again, with a new transaction and new locks, at most
`MAX_ATTEMPTS` times in all. If a COMMIT was sent and its answer was lost, the next attempt looks, under the same locks,
for the row that the lost attempt may have committed (`is_replay`). If the row is there, the service returns its result;
if not, the service does the work.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from functools import wraps
from typing import Final, ParamSpec, TypeVar
from uuid import UUID, uuid4

import psycopg
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from core import correlation
from core.errors import Busy, DatabaseAway, OutcomeUnknown

P = ParamSpec("P")
R = TypeVar("R")

MAX_ATTEMPTS: Final = 3
LONGEST_FIRST_PAUSE_SECONDS: Final = 0.05


class ErrorAction(StrEnum):
    """What to do about a database error."""

    RETRY = "tried again"  # nothing was changed, and the next attempt will most likely succeed
    BUSY = "busy"  # nothing was changed; the person decides when to try again, which adds no load now
    UNKNOWN = "unknown"  # the commit may have happened; the next attempt looks for its row
    BUG = "bug"  # raised unchanged, with its traceback


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorRule:
    """What to do about an error before the COMMIT was sent, and after it."""

    before_commit: ErrorAction
    during_commit: ErrorAction


_UNDONE: Final = ErrorRule(before_commit=ErrorAction.RETRY, during_commit=ErrorAction.RETRY)
_CUT_SHORT: Final = ErrorRule(before_commit=ErrorAction.BUSY, during_commit=ErrorAction.UNKNOWN)
_LOST: Final = ErrorRule(before_commit=ErrorAction.RETRY, during_commit=ErrorAction.UNKNOWN)
_BUG: Final = ErrorRule(before_commit=ErrorAction.BUG, during_commit=ErrorAction.BUG)

READ_ONLY: Final = "25006"
# The only primary key that a form gives and no lock on its name guards (`ratingslips.services.requests`).
KEY_OF_SLIP_REQUESTS: Final = "ratingslips_sliprequest_pkey"
# The function of PostgreSQL that refuses a prepared statement. Its SQLSTATE, 0A000, has other causes, which are bugs.
_CHECK_OF_PREPARED: Final = "RevalidateCachedQuery"

# By SQLSTATE: PostgreSQL manual, appendix A. A state that is neither here nor of class 08 is a bug.
ERROR_RULES: Final[dict[str, ErrorRule]] = {
    "40001": _UNDONE,  # serialization failure
    "40P01": _UNDONE,  # deadlock detected
    "55P03": _CUT_SHORT,  # lock timeout
    "57014": _CUT_SHORT,  # statement timeout or cancel
    "25P04": _CUT_SHORT,  # transaction timeout
    # Idle-in-transaction timeout: raised while PostgreSQL waits for a statement, so it has no COMMIT.
    "25P03": ErrorRule(before_commit=ErrorAction.BUSY, during_commit=ErrorAction.BUSY),
    READ_ONLY: _LOST,  # the transaction is read-only: the server is a standby now, and another one the primary
    "26000": _UNDONE,  # a prepared statement is gone, as after a change of the pool; the next attempt prepares it again
    "57P01": _LOST,  # the backend was terminated, or the server is shutting down
    "57P02": _LOST,  # the server crashed
    "57P03": _LOST,  # the server is starting up
    "57P05": _LOST,  # idle session timeout
}
_CONNECTION_CLASS: Final = "08"


def sqlstate_of(error: DatabaseError | InterfaceError) -> str | None:
    """The SQLSTATE from PostgreSQL; None if the connection broke before it was sent, or if Django raised the error."""
    return error.__cause__.sqlstate if isinstance(error.__cause__, psycopg.Error) else None


def rule_for(error: DatabaseError | InterfaceError) -> ErrorRule:
    """The row of the table that `error` falls under."""
    state = sqlstate_of(error)
    if state is None:
        # The client library found the connection broken, or had none: there is no SQLSTATE.
        return _LOST if isinstance(error, OperationalError | InterfaceError) else _BUG
    if state.startswith(_CONNECTION_CLASS):
        return _LOST
    return _UNDONE if is_key_taken(error) or is_outdated_statement(error) else ERROR_RULES.get(state, _BUG)


def is_key_taken(error: DatabaseError | InterfaceError) -> bool:
    """Whether another transaction recorded a request of the same id meanwhile."""
    cause = error.__cause__
    return isinstance(cause, psycopg.errors.UniqueViolation) and cause.diag.constraint_name == KEY_OF_SLIP_REQUESTS


def is_outdated_statement(error: DatabaseError | InterfaceError) -> bool:
    """Whether a migration has changed the columns that a prepared statement returns.

    psycopg drops the statements of a connection after a rollback, so the next attempt prepares them again.
    """
    cause = error.__cause__
    if not isinstance(cause, psycopg.errors.FeatureNotSupported):
        return False
    return cause.diag.source_function == _CHECK_OF_PREPARED


def is_connection_lost(error: DatabaseError | InterfaceError) -> bool:
    """Whether the connection was lost, or is one to a database that has become read-only."""
    return rule_for(error) is _LOST


def is_database_away(error: BaseException) -> bool:
    """Whether there is no connection to the database, or none that can write."""
    if isinstance(error, DatabaseError | InterfaceError):
        return is_connection_lost(error)
    return isinstance(error, DatabaseAway)


def is_read_only(error: DatabaseError | InterfaceError) -> bool:
    """Whether the database has become read-only."""
    return sqlstate_of(error) == READ_ONLY


def is_busy(error: DatabaseError | InterfaceError) -> bool:
    """Whether the database was too busy: a lock or a statement took too long."""
    return rule_for(error).before_commit is ErrorAction.BUSY


def is_bug(error: DatabaseError | InterfaceError) -> bool:
    """Whether sending the request again would not help."""
    return rule_for(error) is _BUG


@dataclass(kw_only=True, slots=True)
class _Attempts:
    """The attempts of one service call: how many began, and whether a COMMIT was sent and got no answer."""

    call_id: UUID = field(default_factory=uuid4)
    number: int = 1
    is_outcome_unknown: bool = False


_running: ContextVar[_Attempts | None] = ContextVar("attempts", default=None)
_retries_when_busy: ContextVar[bool] = ContextVar("retry_when_busy", default=False)


@contextmanager
def retry_when_busy() -> Iterator[None]:
    """In this block, services also run again after "busy": for work that no person repeats."""
    token = _retries_when_busy.set(True)
    try:
        yield
    finally:
        _retries_when_busy.reset(token)


def attempt_number() -> int:
    """The number of the current attempt of the running service call: 1, 2 …"""
    attempts = _running.get()
    return attempts.number if attempts else 1


def will_retry(error: DatabaseError | InterfaceError, *, committing: bool = False) -> bool:
    """Whether the running service will run again after `error`; called inside the service.

    False for a lost connection inside a caller's transaction, because that transaction is lost as well.
    """
    attempts = _running.get()
    if attempts is None or attempts.number >= MAX_ATTEMPTS:
        return False
    rule = rule_for(error)
    if rule is _LOST and connection.in_atomic_block:
        return False
    action = rule.during_commit if committing else rule.before_commit
    return action in {ErrorAction.RETRY, ErrorAction.UNKNOWN} or (
        action is ErrorAction.BUSY and _retries_when_busy.get()
    )


def call_id() -> UUID:
    """An id of the running service call, the same in all its attempts.

    :raises LookupError: no service call with `retried` is running.
    """
    attempts = _running.get()
    if attempts is None:
        raise LookupError("only a service that is retried has a call id")
    return attempts.call_id


def is_replay(correlation_id: UUID | None) -> bool:
    """Whether a row that was found under a request's key was written by an earlier call.

    False if an attempt of the running call wrote it: that attempt's COMMIT got no answer, and the row has the
    correlation id of the running call. Ask under the lock on the key: the lost attempt may still hold it and commit.
    """
    return not (outcome_is_unknown() and correlation_id == correlation.current())


def outcome_is_unknown() -> bool:
    """Whether an earlier attempt of this call sent a COMMIT without an answer, and none has looked for its row."""
    attempts = _running.get()
    return attempts is not None and attempts.is_outcome_unknown


def mark_outcome_known() -> None:
    """Record that no earlier attempt was committed: no row was found under the request's key, with the key locked."""
    attempts = _running.get()
    if attempts is not None:
        attempts.is_outcome_unknown = False


def retried(service: Callable[P, R]) -> Callable[P, R]:
    """Let a service that owns its transaction run again where `ERROR_RULES` says so, `MAX_ATTEMPTS` times in all.

    After an unknown outcome the next attempt must find what the one before committed: the service looks its request
    up by key, under a lock, before it does anything. Until an attempt has looked for the row, the outcome is unknown.
    """

    @wraps(service)
    def serve(*args: P.args, **kwargs: P.kwargs) -> R:
        attempts = _Attempts()
        token = _running.set(attempts)
        try:
            with correlation.kept_or_new():
                while True:
                    try:
                        return service(*args, **kwargs)
                    except (Busy, DatabaseAway) as busy:
                        _prepare_next_attempt(busy, attempts)
        finally:
            _running.reset(token)

    return serve


def _prepare_next_attempt(busy: Busy | DatabaseAway, attempts: _Attempts) -> None:
    """Prepare the next attempt, or raise: `OutcomeUnknown` if the outcome of any attempt is unknown, else `busy`."""
    error = busy.__cause__
    is_unknown = isinstance(busy, OutcomeUnknown)
    retries = isinstance(error, DatabaseError) and will_retry(error, committing=is_unknown)
    if isinstance(error, DatabaseError) and is_connection_lost(error) and not connection.in_atomic_block:
        connection.close()
    attempts.is_outcome_unknown |= is_unknown
    if retries:
        attempts.number += 1
        _pause(before=attempts.number)
    elif attempts.is_outcome_unknown and not is_unknown:
        raise OutcomeUnknown from error
    else:
        raise busy


def _pause(*, before: int) -> None:
    """Wait before an attempt, longer each time and for a random time, so that two calls do not collide again."""
    longest = LONGEST_FIRST_PAUSE_SECONDS * 2 ** (before - 2)
    time.sleep(random.uniform(longest / 10, longest))  # noqa: S311 - spread, not secrecy
