"""What can befall a statement on the connection of the test: the real thing, made in PostgreSQL or on the wire."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from django.db import connection

from core.models import Casino
from tests.concurrency import backend_id, wait_until_blocked
from tests.databases import as_owner, connect, require_server
from tests.waiting import wait_until

_OURS, _THEIRS = 1, 2


def execute(statement: str, *values: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def _lock(number: int) -> None:
    execute("SELECT pg_advisory_xact_lock(%s)", number)


@contextmanager
def _somebody_holding(number: int) -> Iterator[psycopg.Connection]:
    with connect() as somebody, somebody.transaction():
        somebody.execute("SELECT pg_advisory_xact_lock(%s)", [number])
        yield somebody


@contextmanager
def _meanwhile(call: Callable[[], object]) -> Iterator[None]:
    thread = threading.Thread(target=call)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def deadlock() -> None:
    """The other one waits first, and its own look for deadlocks comes too late: PostgreSQL ends ours."""
    _lock(_OURS)
    with _somebody_holding(_THEIRS) as somebody:
        somebody.execute("SET LOCAL deadlock_timeout = '1min'")
        with _meanwhile(lambda: somebody.execute("SELECT pg_advisory_xact_lock(%s)", [_OURS])):
            try:
                wait_until_blocked(somebody.info.backend_pid)
                _lock(_THEIRS)
            finally:
                connection.connection.rollback()


def deadlock_made_up() -> None:
    execute("DO $$ BEGIN RAISE EXCEPTION 'made by a test' USING ERRCODE = '40P01'; END $$")


def row_changed_since_the_snapshot() -> None:
    execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    assert Casino.objects.get().name == "First"
    with connect() as somebody:
        somebody.execute("UPDATE core_casino SET name = 'Changed'")
    Casino.objects.update(name="Ours")


def write_skew() -> None:
    """Each reads what the other writes; the second commit is refused."""
    execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
    Casino.objects.create(code=f"skewed-{Casino.objects.count()}", name="Ours", time_zone="UTC")
    with connect() as somebody, somebody.transaction():
        somebody.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        somebody.execute("UPDATE core_casino SET name = (SELECT count(*) FROM core_casino)::text")


def lock_timeout() -> None:
    execute("SET LOCAL lock_timeout = '20ms'")
    with _somebody_holding(_THEIRS):
        _lock(_THEIRS)


def statement_timeout() -> None:
    execute("SET LOCAL statement_timeout = '20ms'")
    execute("SELECT pg_sleep(20)")


def transaction_timeout() -> None:
    require_server(17, why="PostgreSQL has a timeout for transactions since 17")
    execute("SET LOCAL transaction_timeout = '20ms'")
    execute("SELECT pg_sleep(20)")


def cancel() -> None:
    ours = backend_id()

    def cancel_ours() -> None:
        with connect() as somebody:
            query = "SELECT cardinality(pg_blocking_pids(%s)) > 0 AND pg_cancel_backend(%s)"
            wait_until(lambda: somebody.execute(query, [ours, ours]).fetchone()[0])  # type: ignore[index]

    with _somebody_holding(_THEIRS), _meanwhile(cancel_ours):
        _lock(_THEIRS)


def wait_until_gone(backend: int) -> None:
    with connect() as somebody:
        query = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"
        wait_until(lambda: somebody.execute(query, [backend]).fetchone() == (0,))


def idle_too_long() -> None:
    ours = backend_id()
    execute("SET LOCAL idle_in_transaction_session_timeout = '20ms'")
    wait_until_gone(ours)
    backend_id()


def terminated_at_rest() -> None:
    ours = backend_id()
    with connect() as somebody:
        somebody.execute("SELECT pg_terminate_backend(%s)", [ours])
    wait_until_gone(ours)
    backend_id()


def terminated_at_work() -> None:
    execute("SELECT pg_terminate_backend(pg_backend_pid())")


def cable_pulled() -> None:
    wire = socket.socket(fileno=os.dup(connection.connection.fileno()))
    wire.shutdown(socket.SHUT_RDWR)
    wire.close()
    backend_id()


def name_taken() -> None:
    Casino.objects.create(code="first", name="Again", time_zone="UTC")


def division_by_zero() -> None:
    execute("SELECT 1 / 0")


def nonsense() -> None:
    execute("SELECT FROM WHERE")


def terminated_in_the_commit() -> None:
    """Let the commit's own trigger end the connection: a deferred one runs when everything else is done."""
    with as_owner():
        execute(
            """
            CREATE FUNCTION pg_temp.hang_up() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
            CREATE CONSTRAINT TRIGGER hang_up AFTER UPDATE ON core_casino DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION pg_temp.hang_up();
            """
        )
    # A deferred trigger runs as the role that queued it, and only the session's own role may end the session.
    Casino.objects.update(name="changed")
