"""How many statements a use case sends, and which."""

from collections.abc import Callable

from django.db import connection
from django.test.utils import CaptureQueriesContext


def statements_of(call: Callable[[], object]) -> list[str]:
    """Every statement that `call` sends on this connection, transaction control included."""
    with CaptureQueriesContext(connection) as captured:
        call()
    return [query["sql"] for query in captured.captured_queries]


def assert_at_most(limit: int, statements: list[str]) -> None:
    """Refuse more than `limit` statements, printing them numbered.

    :raises AssertionError: there are more.
    """
    numbered = "\n".join(f"{number:3}. {statement}" for number, statement in enumerate(statements, start=1))
    assert len(statements) <= limit, f"{len(statements)} statements, at most {limit} allowed:\n{numbered}"
