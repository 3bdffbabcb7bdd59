"""Whether any row of any table is another than before, told from sums over all of them in one statement."""

from collections.abc import Collection
from typing import Any

from django.db import connection

# Written by a request or command that is refused as well: where it came from, its session, and how often it ended so.
TRACES = frozenset({"core_requestorigin", "core_session", "core_commandoperation"})
_NEVER_WRITTEN = frozenset({"auth_permission", "django_content_type", "django_migrations"})


class TableSums:
    """A count and a sum of every table, but for those of `but_for`; two readings are equal where no row changed."""

    def __init__(self, *, but_for: Collection[str] = TRACES) -> None:
        with connection.cursor() as cursor:
            tables = sorted(set(connection.introspection.table_names(cursor)) - _NEVER_WRITTEN - set(but_for))
        self._query = " UNION ALL ".join(
            f"SELECT '{table}', count(*), sum(hashtextextended(t::text, 0)) FROM {table} t" for table in tables
        )
        self._name = f"sums_{abs(hash(self._query))}"
        self._written = "SELECT sum({}) FROM unnest('{{{}}}'::regclass[]) AS t".format(
            " + ".join(f"pg_stat_get_xact_tuples_{what}(t)" for what in ("inserted", "updated", "deleted")),
            ",".join(tables),
        )

    def read(self) -> list[Any]:
        """The tables as they are now."""
        with connection.cursor() as cursor:
            self._prepare(cursor)
            cursor.execute(f"EXECUTE {self._name}")
            rows: list[Any] = cursor.fetchall()
            return rows

    def written(self) -> int:
        """How many rows this transaction has written in the tables, with those that it took back: it only grows."""
        with connection.cursor() as cursor:
            cursor.execute(self._written)
            return int(cursor.fetchone()[0])

    def _prepare(self, cursor: Any) -> None:
        """Have PostgreSQL plan the query, unless it has since the last rollback, with which psycopg drops all plans."""
        cursor.execute("SELECT FROM pg_prepared_statements WHERE name = %s", [self._name])
        if cursor.fetchone() is None:
            cursor.execute(f"PREPARE {self._name} AS {self._query}")
