"""What an error would mean in the work and in the commit, of errors made up: some come in one of the two only."""

import psycopg
import pytest
from django.db import DatabaseError, InterfaceError, OperationalError, ProgrammingError

from core.retries import ErrorAction, is_bug, rule_for


def _made(error: type[DatabaseError], cause: type[psycopg.Error] | None) -> DatabaseError:
    made = error("made by a test")
    made.__cause__ = cause("made by a test") if cause else None
    return made


class TestRulingOn:
    @pytest.mark.parametrize(
        ("error", "cause"), [(OperationalError, psycopg.OperationalError), (InterfaceError, psycopg.InterfaceError)]
    )
    def test_a_broken_connection_is_unknown_only_in_the_commit(
        self, error: type[DatabaseError], cause: type[psycopg.Error]
    ) -> None:
        rule = rule_for(_made(error, cause))

        assert (rule.before_commit, rule.during_commit) == (ErrorAction.RETRY, ErrorAction.UNKNOWN)

    @pytest.mark.parametrize("cause", [psycopg.errors.ConnectionFailure, psycopg.errors.ProtocolViolation])
    def test_so_is_all_of_class_08(self, cause: type[psycopg.Error]) -> None:
        rule = rule_for(_made(OperationalError, cause))

        assert (rule.before_commit, rule.during_commit) == (ErrorAction.RETRY, ErrorAction.UNKNOWN)

    @pytest.mark.parametrize(
        ("error", "cause"),
        [(ProgrammingError, psycopg.ProgrammingError), (DatabaseError, None), (ProgrammingError, None)],
    )
    def test_a_mistake_that_never_reached_the_server_is_a_bug(
        self, error: type[DatabaseError], cause: type[psycopg.Error] | None
    ) -> None:
        assert is_bug(_made(error, cause))

    def test_a_cancel_is_unknown_once_the_commit_was_sent(self) -> None:
        rule = rule_for(_made(OperationalError, psycopg.errors.QueryCanceled))

        assert (rule.before_commit, rule.during_commit) == (ErrorAction.BUSY, ErrorAction.UNKNOWN)

    @pytest.mark.shows(29)
    def test_an_idle_transaction_never_got_as_far_as_its_commit(self) -> None:
        rule = rule_for(_made(OperationalError, psycopg.errors.IdleInTransactionSessionTimeout))

        assert (rule.before_commit, rule.during_commit) == (ErrorAction.BUSY, ErrorAction.BUSY)
