"""What each database error means, seen with the real ones: PostgreSQL itself makes every one of them here."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError, ProgrammingError, connection
from structlog.testing import capture_logs

from core import correlation
from core.errors import Busy, DomainError, OutcomeUnknown
from core.models import Casino
from core.retries import (
    MAX_ATTEMPTS,
    Verdict,
    attempt_number,
    is_bug,
    is_own,
    may_be_done,
    retried,
    ruling_on,
    will_leave,
)
from core.transactions import operation
from tests.concurrency import backend_id, wait_until_blocked
from tests.databases import as_owner, connect, require_server
from tests.waiting import wait_until

Trouble = Callable[[], object]
_OURS, _THEIRS = 1, 2


def _execute(statement: str, *values: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def _lock(number: int) -> None:
    _execute("SELECT pg_advisory_xact_lock(%s)", number)


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


def _deadlock() -> None:
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


def _row_changed_since_the_snapshot() -> None:
    _execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    assert Casino.objects.get().name == "First"
    with connect() as somebody:
        somebody.execute("UPDATE core_casino SET name = 'Changed'")
    Casino.objects.update(name="Ours")


def _write_skew() -> None:
    """Each reads what the other writes; whoever commits second is refused in the commit."""
    _execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
    Casino.objects.create(code=f"skewed-{Casino.objects.count()}", name="Ours", time_zone="UTC")
    with connect() as somebody, somebody.transaction():
        somebody.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        somebody.execute("UPDATE core_casino SET name = (SELECT count(*) FROM core_casino)::text")


def _lock_timeout() -> None:
    _execute("SET LOCAL lock_timeout = '20ms'")
    with _somebody_holding(_THEIRS):
        _lock(_THEIRS)


def _statement_timeout() -> None:
    _execute("SET LOCAL statement_timeout = '20ms'")
    _execute("SELECT pg_sleep(20)")


def _transaction_timeout() -> None:
    require_server(17, why="PostgreSQL has a timeout for transactions since 17")
    _execute("SET LOCAL transaction_timeout = '20ms'")
    _execute("SELECT pg_sleep(20)")


def _cancel() -> None:
    ours = backend_id()

    def cancel() -> None:
        with connect() as somebody:
            query = "SELECT cardinality(pg_blocking_pids(%s)) > 0 AND pg_cancel_backend(%s)"
            wait_until(lambda: somebody.execute(query, [ours, ours]).fetchone()[0])  # type: ignore[index]

    with _somebody_holding(_THEIRS), _meanwhile(cancel):
        _lock(_THEIRS)


def _wait_until_gone(backend: int) -> None:
    with connect() as somebody:
        query = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"
        wait_until(lambda: somebody.execute(query, [backend]).fetchone() == (0,))


def _idle_too_long() -> None:
    ours = backend_id()
    _execute("SET LOCAL idle_in_transaction_session_timeout = '20ms'")
    _wait_until_gone(ours)
    backend_id()


def _terminated_at_rest() -> None:
    ours = backend_id()
    with connect() as somebody:
        somebody.execute("SELECT pg_terminate_backend(%s)", [ours])
    _wait_until_gone(ours)
    backend_id()


def _terminated_at_work() -> None:
    _execute("SELECT pg_terminate_backend(pg_backend_pid())")


def _cable_pulled() -> None:
    wire = socket.socket(fileno=os.dup(connection.connection.fileno()))
    wire.shutdown(socket.SHUT_RDWR)
    wire.close()
    backend_id()


def _name_taken() -> None:
    Casino.objects.create(code="first", name="Again", time_zone="UTC")


def _division_by_zero() -> None:
    _execute("SELECT 1 / 0")


def _nonsense() -> None:
    _execute("SELECT FROM WHERE")


def _terminated_in_the_commit() -> None:
    """Let the commit's own trigger end the connection: a deferred one runs when everything else is done."""
    with as_owner():
        _execute(
            """
            CREATE FUNCTION pg_temp.hang_up() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
            CREATE CONSTRAINT TRIGGER hang_up AFTER UPDATE ON core_casino DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION pg_temp.hang_up();
            """
        )
    # A deferred trigger runs as who made it wait, and only the session's own role may end the session.
    Casino.objects.update(name="changed")


AGAIN: list[tuple[str, str | None, Trouble]] = [
    ("deadlock", "40P01", _deadlock),
    ("serialization failure", "40001", _row_changed_since_the_snapshot),
    ("serialization failure in the commit", "40001", _write_skew),
    ("terminated at rest", "57P01", _terminated_at_rest),
    ("terminated at work", "57P01", _terminated_at_work),
    ("cable pulled", None, _cable_pulled),
    ("terminated in the commit", "57P01", _terminated_in_the_commit),
]
BUSY: list[tuple[str, str, Trouble]] = [
    ("lock timeout", "55P03", _lock_timeout),
    ("statement timeout", "57014", _statement_timeout),
    ("cancelled", "57014", _cancel),
    ("transaction timeout", "25P04", _transaction_timeout),
    ("idle in transaction", "25P03", _idle_too_long),
]
BUGS: list[tuple[str, type[DatabaseError], Trouble]] = [
    ("unique", IntegrityError, _name_taken),
    ("division", DatabaseError, _division_by_zero),
    ("syntax", ProgrammingError, _nonsense),
]


@pytest.fixture
def _casino(transactional_db: None) -> None:
    Casino.objects.create(code="first", name="First", time_zone="UTC")


@retried()
def _write(*troubles: Trouble) -> int:
    """Write a casino; each attempt meets the next of the troubles, until there are no more."""
    with operation("test.write", actor_id=7):
        if attempt_number() <= len(troubles):
            troubles[attempt_number() - 1]()
        Casino.objects.create(code="written", name="Written", time_zone="UTC")
        return attempt_number()


def _is_written() -> bool:
    return Casino.objects.filter(code="written").exists()


def _forget_the_written() -> None:
    with as_owner():
        Casino.objects.filter(code="written").delete()


def _told(lines: list[Any]) -> list[tuple[str, str | None, int]]:
    return [(line["event"], line["sqlstate"], line["attempt"]) for line in lines if "sqlstate" in line]


@pytest.mark.usefixtures("_casino")
class TestRetried:
    @pytest.mark.parametrize(("state", "trouble"), [row[1:] for row in AGAIN], ids=[row[0] for row in AGAIN])
    def test_begins_anew_where_that_helps_and_counts_it_in_the_log(self, state: str | None, trouble: Trouble) -> None:
        with capture_logs() as lines:
            attempts = _write(trouble)

        assert attempts == 2
        assert _is_written()
        assert _told(lines) == [("core.operation_begins_anew", state, 1)]

    @pytest.mark.parametrize(("state", "trouble"), [row[1:] for row in BUSY], ids=[row[0] for row in BUSY])
    def test_leaves_it_to_the_person_where_it_would_add_to_a_jam(self, state: str, trouble: Trouble) -> None:
        with capture_logs() as lines, pytest.raises(Busy) as refusal:
            _write(trouble)

        assert type(refusal.value) is Busy
        assert not _is_written()
        assert _told(lines) == [("core.operation_busy", state, 1)]

    @pytest.mark.parametrize(("error", "trouble"), [row[1:] for row in BUGS], ids=[row[0] for row in BUGS])
    def test_passes_a_bug_on(self, error: type[DatabaseError], trouble: Trouble) -> None:
        with capture_logs() as lines, pytest.raises(error):
            _write(trouble)

        assert not _is_written()
        assert _told(lines) == []

    def test_outlives_a_session_that_ended_while_nobody_used_it(self) -> None:
        ours = backend_id()
        _execute("SET idle_session_timeout = '20ms'")
        _wait_until_gone(ours)

        with capture_logs() as lines:
            attempts = _write()

        assert attempts == 2
        assert _told(lines) == [("core.operation_begins_anew", "57P05", 1)]

    def test_gives_up_after_three_attempts(self) -> None:
        with capture_logs() as lines, pytest.raises(Busy) as refusal:
            _write(*[_terminated_at_work] * MAX_ATTEMPTS)

        assert type(refusal.value) is Busy
        assert not _is_written()
        anew = "core.operation_begins_anew"
        assert _told(lines) == [(anew, "57P01", 1), (anew, "57P01", 2), ("core.operation_busy", "57P01", 3)]

    @pytest.mark.parametrize("then", [_lock_timeout, _terminated_at_work])
    def test_keeps_saying_unknown_until_an_attempt_could_look(self, then: Trouble) -> None:
        with pytest.raises(OutcomeUnknown):
            _write(_terminated_in_the_commit, then, then)

    def test_leaves_a_usable_connection_behind(self) -> None:
        with pytest.raises(Busy):
            _write(*[_terminated_at_work] * MAX_ATTEMPTS)

        assert not _is_written()

    def test_waits_longer_and_never_equally_long_before_each_attempt(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pauses: list[float] = []
        monkeypatch.setattr("core.retries.time.sleep", pauses.append)

        for _ in range(20):
            _write(_row_changed_since_the_snapshot, _deadlock_made_up)
            _forget_the_written()
            Casino.objects.update(name="First")

        firsts, seconds = pauses[::2], pauses[1::2]
        assert len({*firsts}) == len({*seconds}) == 20
        assert all(0.005 <= pause <= 0.05 for pause in firsts)
        assert all(0.01 <= pause <= 0.1 for pause in seconds)

    def test_binds_one_correlation_id_for_all_attempts(self) -> None:
        seen: list[UUID] = []

        def deadlock() -> None:
            seen.append(correlation.current())
            _deadlock_made_up()

        with correlation.bound() as bound:
            _write(deadlock)
        _forget_the_written()
        _write(deadlock, deadlock)

        assert seen[0] == bound
        assert seen[1] == seen[2] != bound


def _deadlock_made_up() -> None:
    _execute("DO $$ BEGIN RAISE EXCEPTION 'made by a test' USING ERRCODE = '40P01'; END $$")


@pytest.mark.usefixtures("_casino")
class TestUnknownOutcome:
    def test_is_answered_by_who_knows_before_anything_is_done_again(self) -> None:
        asked: list[tuple[object, bool]] = []

        def done(left: object) -> str:
            asked.append((left, may_be_done()))
            return "it stands"

        @retried(done=done)
        def write() -> str:
            with operation("test.write", actor_id=None):
                will_leave("its first row")
                will_leave("its last row")
                _terminated_in_the_commit()
            return "written"

        assert write() == "it stands"
        assert asked == [("its last row", True)]

    def test_is_done_again_where_nobody_knows_of_it(self) -> None:
        @retried(done=lambda _: None)
        def write() -> int:
            with operation("test.write", actor_id=None):
                if attempt_number() == 1:
                    _terminated_in_the_commit()
            return attempt_number()

        assert write() == 2

    def test_is_known_again_where_the_look_found_nothing(self) -> None:
        @retried(done=lambda _: None)
        def write() -> None:
            with operation("test.write", actor_id=None):
                if attempt_number() == 1:
                    _terminated_in_the_commit()
                else:
                    _lock_timeout()

        with pytest.raises(Busy) as refusal:
            write()

        assert type(refusal.value) is Busy

    def test_makes_a_row_with_this_correlation_id_ones_own_and_no_other(self) -> None:
        seen: list[tuple[bool, bool]] = []

        @retried()
        def write() -> None:
            with operation("test.write", actor_id=None):
                seen.append((is_own(correlation.current()), is_own(None)))
                if attempt_number() == 1:
                    _terminated_in_the_commit()

        write()

        assert seen == [(False, False), (True, False)]

    def test_is_forgotten_with_the_call(self) -> None:
        _write(_terminated_in_the_commit)

        assert not may_be_done()
        assert attempt_number() == 1


@pytest.mark.django_db
class TestInsideSomebodyElsesTransaction:
    def test_a_lost_connection_is_not_tried_again(self) -> None:
        seen = []

        @retried()
        def write() -> None:
            seen.append(attempt_number())
            with operation("test.write", actor_id=None):
                raise OperationalError from psycopg.OperationalError()

        with pytest.raises(Busy):
            write()

        assert seen == [1]


class Refusal(DomainError):
    code = "REFUSAL"


@pytest.mark.django_db
class TestRefusals:
    def test_are_passed_on_at_once(self) -> None:
        seen = []

        @retried()
        def refuse() -> None:
            seen.append(attempt_number())
            with operation("test.refuse", actor_id=None):
                raise Refusal("no")

        with pytest.raises(Refusal):
            refuse()

        assert seen == [1]


def _without_state(error: type[DatabaseError], cause: type[psycopg.Error] | None) -> DatabaseError:
    made = error("made by a test")
    made.__cause__ = cause("made by a test") if cause else None
    return made


class TestRulingOn:
    @pytest.mark.parametrize(
        ("error", "cause"), [(OperationalError, psycopg.OperationalError), (InterfaceError, psycopg.InterfaceError)]
    )
    def test_a_connection_that_broke_is_again_in_work_and_unknown_in_the_commit(
        self, error: type[DatabaseError], cause: type[psycopg.Error]
    ) -> None:
        ruling = ruling_on(_without_state(error, cause))

        assert (ruling.in_work, ruling.in_commit) == (Verdict.AGAIN, Verdict.UNKNOWN)

    @pytest.mark.parametrize("cause", [psycopg.errors.ConnectionFailure, psycopg.errors.ProtocolViolation])
    def test_so_is_all_of_class_08(self, cause: type[psycopg.Error]) -> None:
        ruling = ruling_on(_without_state(OperationalError, cause))

        assert (ruling.in_work, ruling.in_commit) == (Verdict.AGAIN, Verdict.UNKNOWN)

    @pytest.mark.parametrize(
        ("error", "cause"),
        [(ProgrammingError, psycopg.ProgrammingError), (DatabaseError, None), (ProgrammingError, None)],
    )
    def test_a_mistake_that_never_reached_the_server_is_a_bug(
        self, error: type[DatabaseError], cause: type[psycopg.Error] | None
    ) -> None:
        assert is_bug(_without_state(error, cause))

    def test_a_cancel_is_not_sure_any_more_once_the_commit_was_sent(self) -> None:
        ruling = ruling_on(_without_state(OperationalError, psycopg.errors.QueryCanceled))

        assert (ruling.in_work, ruling.in_commit) == (Verdict.BUSY, Verdict.UNKNOWN)

    def test_an_idle_transaction_never_got_as_far_as_its_commit(self) -> None:
        ruling = ruling_on(_without_state(OperationalError, psycopg.errors.IdleInTransactionSessionTimeout))

        assert (ruling.in_work, ruling.in_commit) == (Verdict.BUSY, Verdict.BUSY)
