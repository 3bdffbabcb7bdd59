"""An operation owns its transaction, and says of a database error whether to try again."""

from collections.abc import Callable
from itertools import product
from typing import NoReturn
from uuid import UUID

import pytest
from django.db import (
    DatabaseError,
    IntegrityError,
    ProgrammingError,
    connection,
    transaction,
)
from structlog.testing import capture_logs

from core import correlation
from core.errors import Busy, DatabaseAway, DomainError, OutcomeUnknown
from core.models import Casino
from core.transactions import operation, transaction_required
from tests.concurrency import Elsewhere
from tests.databases import as_owner


class Refusal(DomainError):
    code = "REFUSAL"


def _fail_with(state: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION 'made by a test' USING ERRCODE = '{state}'; END $$")


def _write_in_an_operation(then: Callable[[], object]) -> None:
    with operation("test.write", actor_id=None):
        Casino.objects.create(code="written", name="Written", time_zone="UTC")
        then()


def _is_written() -> bool:
    return Casino.objects.filter(code="written").exists()


def _raise(error: Exception) -> NoReturn:
    raise error


@pytest.mark.django_db
class TestOperation:
    def test_commits_what_was_written(self) -> None:
        _write_in_an_operation(lambda: None)

        assert _is_written()

    def test_binds_a_correlation_id_where_its_caller_has_bound_none(self) -> None:
        bound: list[UUID] = []

        _write_in_an_operation(lambda: bound.append(correlation.current()))

        with pytest.raises(LookupError):
            correlation.current()
        assert len(bound) == 1

    def test_keeps_the_correlation_id_of_its_caller(self) -> None:
        bound: list[UUID] = []

        with correlation.bound() as given:
            _write_in_an_operation(lambda: bound.append(correlation.current()))

        assert bound == [given]

    @pytest.mark.parametrize(
        ("error", "state"),
        [
            *product([Busy], ["40001", "40P01", "55P03", "57014", "25P03", "25P04"]),
            *product([DatabaseAway], ["57P01", "57P02", "57P03", "57P05", "08006"]),
        ],
    )
    def test_says_so_and_leaves_nothing_where_trying_again_helps(
        self, error: type[Busy | DatabaseAway], state: str
    ) -> None:
        with capture_logs() as lines, pytest.raises(error, match="Nothing was changed") as refusal:
            _write_in_an_operation(lambda: _fail_with(state))

        assert isinstance(refusal.value.__cause__, DatabaseError)
        assert not _is_written()
        assert [(line["event"], line["code"], line["sqlstate"]) for line in lines] == [
            ("core.operation_busy", error.code, state)
        ]

    @pytest.mark.parametrize(
        ("state", "error"), [("23505", IntegrityError), ("23001", IntegrityError), ("42601", ProgrammingError)]
    )
    def test_passes_every_other_database_error_on(self, state: str, error: type[DatabaseError]) -> None:
        with pytest.raises(error):
            _write_in_an_operation(lambda: _fail_with(state))

        assert not _is_written()

    @pytest.mark.shows(32)
    def test_passes_a_refusal_on_unchanged_and_logs_its_code_alone(self) -> None:
        refusal = Refusal("José Nguyễn is barred.")

        with capture_logs() as lines, pytest.raises(Refusal) as raised:
            _write_in_an_operation(lambda: _raise(refusal))

        assert raised.value is refusal
        assert not _is_written()
        assert [(line["event"], line["code"], line["operation"]) for line in lines] == [
            ("core.operation_refused", "REFUSAL", "test.write")
        ]
        assert "José" not in str(lines)

    def test_rolls_back_and_passes_on_what_nobody_foresaw(self) -> None:
        with pytest.raises(ZeroDivisionError):
            _write_in_an_operation(lambda: _raise(ZeroDivisionError()))

        assert not _is_written()

    def test_cannot_stand_inside_another(self) -> None:
        with pytest.raises(RuntimeError, match="durable"):
            _write_in_an_operation(lambda: _write_in_an_operation(lambda: None))


@pytest.mark.django_db(transaction=True)
class TestOperationOnItsOwnConnection:
    def test_cannot_stand_inside_somebody_elses_transaction(self) -> None:
        with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
            _write_in_an_operation(lambda: None)

    def test_says_so_when_the_connection_is_lost_before_the_commit(self) -> None:
        lost = Elsewhere(lambda: _write_in_an_operation(_lose_connection))

        assert type(lost.outcome()) is DatabaseAway
        assert not _is_written()

    def test_says_that_the_outcome_is_unknown_after_a_lost_commit(self) -> None:
        lost = Elsewhere(lambda: _write_in_an_operation(_break_the_commit))

        assert isinstance(lost.outcome(), OutcomeUnknown)


def _lose_connection() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def _break_the_commit() -> None:
    """Let the commit's own trigger end the connection: a deferred one runs when everything else is done."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            """
            CREATE FUNCTION pg_temp.hang_up() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
            CREATE CONSTRAINT TRIGGER hang_up AFTER UPDATE ON core_casino DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION pg_temp.hang_up();
            """
        )
    # A deferred trigger runs as the role that queued it, and only the session's own role may end the session.
    Casino.objects.update(name="changed")


class TestTransactionRequired:
    @pytest.mark.django_db(transaction=True)
    def test_refuses_a_call_outside_a_transaction(self) -> None:
        @transaction_required
        def write() -> None:
            raise AssertionError("was called")

        with pytest.raises(transaction.TransactionManagementError, match="write needs a transaction of its caller"):
            write()

    @pytest.mark.django_db(transaction=True)
    def test_passes_arguments_and_result_inside_one(self) -> None:
        @transaction_required
        def divide(dividend: int, *, by: int) -> int:
            return dividend // by

        with transaction.atomic():
            assert divide(6, by=3) == 2
