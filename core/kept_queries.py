"""Queries whose SQL Django builds once, and whose plan PostgreSQL may keep for a connection.

For the queries of a completion, both take longer than the answer. The rows are those of the query set, and a kept query
is written as one. PostgreSQL plans a prepared statement five times before it keeps a plan. psycopg drops the
statements of a connection after each rollback. Behind a pool that cannot keep them, PREPARED_STATEMENTS is off.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, connection, models, transaction
from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.backends.utils import CursorWrapper
from django.db.models.sql.compiler import SQLCompiler

from core.querysets import is_reading_only
from core.retries import is_outdated_statement

M = TypeVar("M", bound=models.Model)

# For each type of argument, a value that no query has as a constant; it says where the SQL takes the argument.
_MARKERS: Final[Sequence[tuple[type, Callable[[int], Any]]]] = (
    (int, lambda position: 31_902 + position),  # fits into every column of numbers
    (str, "argument {} of a kept query".format),
    (UUID, lambda position: UUID(int=0x5E1F_CE11 + position)),
    (datetime, lambda position: datetime(1902, 3, 3, tzinfo=UTC) + timedelta(seconds=position)),
    (date, lambda position: date(1902, 3, 3) + timedelta(days=position)),
)


class KeptQuery(Generic[M]):
    """A query set of rows of a model, built by `build` from keys, texts, instants and days, none of them None.

    `build` must depend on nothing but the arguments, and put each of them into the query as it is.
    """

    def __init__(self, build: Callable[..., models.QuerySet[M]]) -> None:
        self.build = build
        self._building = threading.Lock()
        self._rows: _KeptRows[M] | None = None

    def __call__(self, *arguments: Any) -> list[M]:
        """Read the rows for these arguments, in one statement."""
        if is_reading_only():
            return list(self.build(*arguments))  # without locks: its SQL is not the one to keep
        if self._rows is None:
            with self._building:
                markers = [_marker(argument, position) for position, argument in enumerate(arguments)]
                self._rows = self._rows or _KeptRows(self.build(*markers), markers=markers)
        return self._rows.read(arguments)


class _KeptRows(Generic[M]):
    """The SQL of one query set, which is built here, and its parameters with the places of the arguments.

    All threads use it: `_running` has the arguments of the call that each of them makes.
    """

    def __init__(self, queryset: models.QuerySet[M], *, markers: Sequence[Any]) -> None:
        self._queryset = queryset
        self._running = threading.local()
        compiler: SQLCompiler = queryset.query.get_compiler(connection=connection)
        self._sql, parameters = compiler.as_sql()
        self._parameters = list(parameters)
        self._places = [
            (place, position)
            for place, parameter in enumerate(parameters)
            for position, marker in enumerate(markers)
            if isinstance(parameter, type(marker)) and parameter == marker
        ]
        if len({position for _, position in self._places}) != len(markers):
            raise TypeError("each argument of a kept query is a parameter of its SQL")
        # Django makes the rows: it asks the query for a compiler, and the compiler for the results.
        queryset.query.get_compiler = lambda *_, **__: compiler  # type: ignore[method-assign]
        compiler.execute_sql = self._results  # type: ignore[method-assign, assignment]
        compiler.connection = connection.copy()  # never opened; what it knows of PostgreSQL makes values of the results
        # Django asks for them in each execution, though they depend on the columns alone.
        converters = compiler.get_converters([column for column, *_ in compiler.select[: compiler.col_count]])
        compiler.get_converters = lambda _: converters  # type: ignore[method-assign, assignment]

    def read(self, arguments: Sequence[Any]) -> list[M]:
        self._running.arguments = arguments
        rows: Any = self._queryset._iterable_class(self._queryset)
        return list(rows)

    def _results(self, *_: Any, **__: Any) -> list[list[Any]]:
        if self._queryset.query.select_for_update and not connection.in_atomic_block:
            raise transaction.TransactionManagementError("rows are locked in a transaction")  # Django asks only once.
        parameters = list(self._parameters)
        for place, position in self._places:
            argument, kind = self._running.arguments[position], type(self._parameters[place])
            # The numbers of a small column have a type of psycopg's.
            parameters[place] = kind(argument) if issubclass(kind, int) else argument
        return [fetch_prepared(self._sql, parameters)]


def fetch_prepared(sql: str, parameters: Sequence[Any] | Mapping[str, Any]) -> list[Any]:
    """Read the rows of a statement that PostgreSQL plans once for a connection, if PREPARED_STATEMENTS is on.

    If a migration has changed its columns meanwhile, it is prepared and sent again. In a transaction, which the
    error has ended, the whole service is run again instead (`core.retries`).
    """
    try:
        return _fetch(sql, parameters)
    except DatabaseError as error:
        if connection.in_atomic_block or not is_outdated_statement(error):
            raise
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")  # psycopg forgets its statements as well
    return _fetch(sql, parameters)


def _fetch(sql: str, parameters: Sequence[Any] | Mapping[str, Any]) -> list[Any]:
    with _preparing_cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: list[Any] = cursor.fetchall()
    return rows


def _preparing_cursor() -> CursorWrapper:
    """A cursor that prepares; statements that Django logs are sent with their values, as they are logged."""
    if connection.queries_logged or not settings.PREPARED_STATEMENTS:
        return connection.cursor()
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    cursor: Any = ServerBindingCursor(connection.connection)  # type: ignore[call-arg]
    return connection.make_cursor(cursor)


def _marker(argument: Any, position: int) -> Any:
    for kind, marker in _MARKERS:
        if isinstance(argument, kind):
            return marker(position)
    raise TypeError(f"a kept query takes no {type(argument).__name__}")
