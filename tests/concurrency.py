"""Several real connections at once: run a call on its own, start many together, and know who waits for whom."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import pytest
from django.db import connection, connections, transaction

from core import correlation
from core.kept_queries import KeptQuery
from core.querysets import LockingQuerySet
from tests.waiting import wait_until

T = TypeVar("T")
U = TypeVar("U")

_PATIENCE_SECONDS = 30


def backend_id() -> int:
    """The process in PostgreSQL that serves this thread's connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def deadlocks() -> int:
    """How many deadlocks PostgreSQL has broken in this database; what it broke a moment ago may not be counted yet."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot(), pg_stat_force_next_flush()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def replace_locks(monkeypatch: pytest.MonkeyPatch, locked: Callable[..., Any]) -> None:
    """Have services lock rows by `locked` in place of `LockingQuerySet.locked`, for the rest of the test."""
    monkeypatch.setattr(LockingQuerySet, "locked", locked)
    # The SQL of a kept query has its locks: it is built each time, so that none is kept.
    monkeypatch.setattr(KeptQuery, "__call__", lambda query, *arguments: list(query.build(*arguments)))


class Elsewhere(Generic[T]):
    """A call under way in a thread with a connection and a correlation id of its own."""

    def __init__(self, call: Callable[[], T], *, barrier: threading.Barrier | None = None) -> None:
        self._call = call
        self._barrier = barrier
        self._backend: Future[int] = Future()
        self._outcome: Future[T] = Future()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        try:
            with correlation.bound():
                self._backend.set_result(backend_id())
                if self._barrier:
                    self._barrier.wait(_PATIENCE_SECONDS)
                self._outcome.set_result(self._call())
        except BaseException as error:  # noqa: BLE001  (raised again by `result`)
            if not self._backend.done():
                self._backend.set_exception(error)
            self._outcome.set_exception(error)
        finally:
            connections.close_all()

    @property
    def backend(self) -> int:
        """The process in PostgreSQL that serves the call."""
        return self._backend.result(_PATIENCE_SECONDS)

    @property
    def has_ended(self) -> bool:
        """Whether the call has returned or raised."""
        return self._outcome.done()

    def outcome(self) -> T | BaseException:
        """What the call returned or raised, once it has ended."""
        self._thread.join(_PATIENCE_SECONDS)
        return self._outcome.exception(0) or self._outcome.result(0)

    def result(self) -> T:
        """What the call returned, once it has ended; raises what it raised."""
        self._thread.join(_PATIENCE_SECONDS)
        return self._outcome.result(0)


def wait_until_blocked(blocked: int, *, by: int | None = None) -> None:
    """Return as soon as one backend waits for a lock of another one (any other, unless told which).

    :raises AssertionError: it does not wait in time.
    """

    def is_blocked() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_blocking_pids(%s)", [blocked])
            blockers = cursor.fetchone()[0]
        return by in blockers if by else bool(blockers)

    wait_until(is_blocked)


def is_waited_for(blocker: int) -> bool:
    """Whether any backend waits for a lock of this one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid)))", [blocker])
        return bool(cursor.fetchone()[0])


def together(calls: Sequence[Callable[[], T]]) -> list[T | BaseException]:
    """Start every call at the same moment, each on its own connection; what each returned or raised, in order."""
    barrier = threading.Barrier(len(calls))
    running = [Elsewhere(call, barrier=barrier) for call in calls]
    return [each.outcome() for each in running]


@contextmanager
def held(lock: Callable[[], object]) -> Iterator[int]:
    """Another connection takes `lock` in a transaction and keeps it while the block runs; gives its backend."""
    taken, released = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            lock()
            taken.set()
            assert released.wait(_PATIENCE_SECONDS)

    holder = Elsewhere(hold)
    try:
        wait_until(lambda: taken.is_set() or holder.has_ended)
        if holder.has_ended:
            holder.result()
        yield holder.backend
    finally:
        released.set()
        holder.result()


@contextmanager
def held_before_commit(call: Callable[[], T]) -> Iterator[Elsewhere[T]]:
    """Another connection makes `call`, which owns its transaction, and commits it only when the block has ended."""
    written, released = threading.Event(), threading.Event()

    def wait_before_commit() -> T:
        commit = connection.commit

        def wait_and_commit() -> None:
            written.set()
            assert released.wait(_PATIENCE_SECONDS)
            commit()

        connection.commit = wait_and_commit  # type: ignore[method-assign]
        return call()

    holder = Elsewhere(wait_before_commit)
    try:
        wait_until(lambda: written.is_set() or holder.has_ended)
        if holder.has_ended:
            holder.result()
        yield holder
    finally:
        released.set()
        holder.outcome()


def made_to_wait(call: Callable[[], T], *, by: Callable[[], object]) -> Elsewhere[T]:
    """Start `call` while another connection holds the lock that `by` takes; see it wait, then release the lock."""
    with held(by) as holder:
        waiting = Elsewhere(call)
        wait_until_blocked(waiting.backend, by=holder)
    return waiting


def in_turn(first: Callable[[], T], second: Callable[[], U]) -> tuple[Elsewhere[T], Elsewhere[U]]:
    """Start `second` while `first` has not yet committed; see it wait, then let both go on."""
    with held_before_commit(first) as holder:
        waiting = Elsewhere(second)
        wait_until_blocked(waiting.backend, by=holder.backend)
    return holder, waiting
