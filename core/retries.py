"""What a database error means for whoever asked: tried again, busy, unknown, or a bug; decided here and nowhere else.

Where trying again is safe and likely to help, the whole use case is: in a new transaction, with new locks, a few times
and no more. Where a commit was sent and its answer was lost, the next attempt looks, under the same locks, for what the
one before may have left (`note_row_to_commit`, `is_own`), so what was done is told and what was not is done.
"""

import random
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar
from uuid import UUID

import psycopg
from django.db import DatabaseError, connection

from core import correlation
from core.errors import Busy, OutcomeUnknown

P = ParamSpec("P")
R = TypeVar("R")

MAX_ATTEMPTS: Final = 3
LONGEST_FIRST_PAUSE_SECONDS: Final = 0.05


class Verdict(StrEnum):
    """What is to be done about a database error."""

    AGAIN = "tried again"  # nothing was changed, and the next attempt will most likely pass
    BUSY = "busy"  # nothing was changed; the person decides when to try again, so that a jam does not grow
    UNKNOWN = "unknown"  # the commit may have happened; the next attempt looks
    BUG = "bug"  # passed on as it is, with its traceback


@dataclass(frozen=True, kw_only=True, slots=True)
class Ruling:
    """The verdict while the use case does its work, and the one from when its COMMIT was sent."""

    in_work: Verdict
    in_commit: Verdict


_UNDONE: Final = Ruling(in_work=Verdict.AGAIN, in_commit=Verdict.AGAIN)
_CUT_SHORT: Final = Ruling(in_work=Verdict.BUSY, in_commit=Verdict.UNKNOWN)
_LOST: Final = Ruling(in_work=Verdict.AGAIN, in_commit=Verdict.UNKNOWN)
_BUG: Final = Ruling(in_work=Verdict.BUG, in_commit=Verdict.BUG)

# By SQLSTATE: PostgreSQL manual, appendix A. Whatever is not here, nor of class 08, is a bug.
RULINGS: Final[dict[str, Ruling]] = {
    "40001": _UNDONE,  # serialization failure
    "40P01": _UNDONE,  # deadlock detected
    "55P03": _CUT_SHORT,  # lock timeout
    "57014": _CUT_SHORT,  # statement timeout or cancel
    "25P04": _CUT_SHORT,  # transaction timeout
    # Idle-in-transaction timeout: it only strikes while PostgreSQL waits for a statement, so no COMMIT had come.
    "25P03": Ruling(in_work=Verdict.BUSY, in_commit=Verdict.BUSY),
    "57P01": _LOST,  # the backend was terminated, or the server is shutting down
    "57P02": _LOST,  # the server crashed
    "57P03": _LOST,  # the server is starting up
    "57P05": _LOST,  # idle session timeout
}
_CONNECTION_CLASS: Final = "08"


def sqlstate_of(error: DatabaseError) -> str | None:
    """The SQLSTATE that PostgreSQL gave; none where the connection broke before it could, or the error is Django's."""
    return error.__cause__.sqlstate if isinstance(error.__cause__, psycopg.Error) else None


def ruling_on(error: DatabaseError) -> Ruling:
    """The row of the table that `error` falls under."""
    state = sqlstate_of(error)
    if state is None:
        # The client library found the connection broken, or never had one: it has no SQLSTATE to tell.
        is_broken = isinstance(error.__cause__, psycopg.OperationalError | psycopg.InterfaceError)
        return _LOST if is_broken else _BUG
    return _LOST if state.startswith(_CONNECTION_CLASS) else RULINGS.get(state, _BUG)


def is_hung_up(error: DatabaseError) -> bool:
    """Whether the connection was lost."""
    return ruling_on(error) is _LOST


def is_bug(error: DatabaseError) -> bool:
    """Whether sending the request again would not help."""
    return ruling_on(error) is _BUG


@dataclass(kw_only=True, slots=True)
class _Attempts:
    """How often the running use case has begun, whether one of its commits got no answer, and what that would leave."""

    number: int = 1
    is_outcome_unknown: bool = False
    left: Any = None


_running: ContextVar[_Attempts | None] = ContextVar("attempts", default=None)


def attempt_number() -> int:
    """Which attempt of the running use case this is: 1, 2 …"""
    attempts = _running.get()
    return attempts.number if attempts else 1


def will_retry(error: DatabaseError, *, committing: bool = False) -> bool:
    """Whether the running use case begins anew if `error` is passed on; asked inside it.

    Never on a lost connection inside somebody else's transaction: there is none to begin anew in.
    """
    attempts = _running.get()
    if attempts is None or attempts.number >= MAX_ATTEMPTS:
        return False
    ruling = ruling_on(error)
    if ruling is _LOST and connection.in_atomic_block:
        return False
    return (ruling.in_commit if committing else ruling.in_work) in {Verdict.AGAIN, Verdict.UNKNOWN}


def is_own(correlation_id: UUID | None) -> bool:
    """Whether a row with this correlation id was left by an earlier attempt of the running use case.

    Only where that attempt's commit got no answer; a row that stood before is a replay, or a refusal, as ever, unless
    an earlier call of the same request left it: then what was lost was a replay, and is told as the first. Ask under
    the lock that the use case takes: the lost attempt may still hold it, and then commit.
    """
    return outcome_is_unknown() and correlation_id == correlation.current()


def outcome_is_unknown() -> bool:
    """Whether an earlier attempt of the running use case sent its commit and got no answer."""
    attempts = _running.get()
    return attempts is not None and attempts.is_outcome_unknown


def note_row_to_commit(row: Any) -> None:
    """Say what the commit of this attempt leaves, the row as it is written; the last one said counts.

    Every service that is `retried` with a look says so before its commit.
    """
    attempts = _running.get()
    if attempts is not None:
        attempts.left = row


def retried(*, done: Callable[[Any], Any] | None = None) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a service that owns its transaction begin anew where the table above says so, `MAX_ATTEMPTS` times in all.

    Where an outcome is unknown, `done` is asked first, on a new connection, with the row that the service noted: it
    takes the lock that the service takes and gives the answer if that row was left. It looks for the row itself, for
    an earlier call of the same request may have left one like it. A service whose own look-up by key does that needs
    none. An unknown outcome stays so until there is an answer: too busy to look is no answer.
    """

    def decorate(service: Callable[P, R]) -> Callable[P, R]:
        @wraps(service)
        def serve(*args: P.args, **kwargs: P.kwargs) -> R:
            attempts = _Attempts()
            token = _running.set(attempts)
            try:
                with correlation.bound(correlation.current()):
                    while True:
                        try:
                            if done and attempts.is_outcome_unknown:
                                if answer := done(attempts.left):
                                    return answer  # type: ignore[no-any-return]
                                attempts.is_outcome_unknown = False
                            return service(*args, **kwargs)
                        except Busy as busy:
                            _make_ready_after(busy, attempts)
            finally:
                _running.reset(token)

        return serve

    return decorate


def _make_ready_after(busy: Busy, attempts: _Attempts) -> None:
    """Make ready for the next attempt, or pass `busy` on, saying what is true after all attempts together."""
    error = busy.__cause__
    is_unknown = isinstance(busy, OutcomeUnknown)
    begins_anew = isinstance(error, DatabaseError) and will_retry(error, committing=is_unknown)
    if isinstance(error, DatabaseError) and is_hung_up(error) and not connection.in_atomic_block:
        connection.close()
    attempts.is_outcome_unknown |= is_unknown
    if begins_anew:
        attempts.number += 1
        _pause(before=attempts.number)
    elif attempts.is_outcome_unknown and not is_unknown:
        raise OutcomeUnknown from error
    else:
        raise busy


def _pause(*, before: int) -> None:
    """Wait a moment before an attempt, longer each time and never equally long, so that two do not meet again."""
    longest = LONGEST_FIRST_PAUSE_SECONDS * 2 ** (before - 2)
    time.sleep(random.uniform(longest / 10, longest))  # noqa: S311 - spread, not secrecy
