"""How a test that commits leaves its database: as it was migrated, at the price of the rows that the test wrote.

Django would empty every table and then make permissions, roles and rights again, hundreds of times.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, LiteralString

import psycopg
from django.db import connection
from psycopg import sql

from tests.databases import as_owner, connect

_KEPT: Final = "as_migrated"
_TABLES: Final = """
    SELECT relname, pg_relation_size(oid) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname <> 'django_migrations'
    ORDER BY relname
"""
_CHANGES: Final = "(TABLE {table} EXCEPT TABLE {kept}) UNION ALL (TABLE {kept} EXCEPT TABLE {table})"
# Triggers that refuse a change to every session, also with the replica role.
_GUARDS: Final = """
    SELECT relname, tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
    WHERE relnamespace = 'public'::regnamespace AND tgenabled = 'A'
"""
# What a test may leave on its connection for the next one: settings, but for those that Django makes, and locks.
_LEFT_ON_IT: Final = """
    SELECT EXISTS (
        SELECT FROM pg_settings WHERE source = 'session' AND name <> 'TimeZone' AND name NOT LIKE 'transaction%'
    ) OR EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())
"""
# Above this a table is not worth its dead rows.
_TRUNCATED_FROM_BYTES: Final = 2**20

# Opens the database to a fixture that writes once for a whole module (`tests.conftest.module_db`).
ModuleDb = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True)
class Migrated:
    """What every table held when the database had been migrated."""

    tables: list[str]
    filled: list[str]
    guards: list[tuple[str, str]]

    @classmethod
    def keep(cls) -> "Migrated":
        """Copy what is there now, so that `restore` can bring it back."""
        with connect() as server:
            tables = [name for name, _ in server.execute(_TABLES)]
            filled = _those(server, tables, holding="TABLE {table}")
            server.execute(
                sql.SQL("DROP SCHEMA IF EXISTS {0} CASCADE; CREATE SCHEMA {0}").format(sql.Identifier(_KEPT))
            )
            for table in filled:
                server.execute(sql.SQL("CREATE TABLE {} AS TABLE {}").format(_kept(table), sql.Identifier(table)))
            guards = server.execute(_GUARDS).fetchall()
        return cls(tables=tables, filled=filled, guards=guards)

    def restore(self) -> None:
        """Bring every table back to what was kept; no trigger sees it, and no sequence is set back.

        It is done on this thread's connection, which the next test goes on with if it works and nothing is left on it.
        """
        connection.close_if_unusable_or_obsolete()
        connection.close_if_health_check_failed()
        with as_owner(), connection.connection.transaction():
            server: psycopg.Connection = connection.connection
            # Wait, with a limit, for sessions that are still writing, as a TRUNCATE would.
            server.execute("SET LOCAL lock_timeout = '20s'; SET LOCAL statement_timeout = 0")
            server.execute("SET LOCAL session_replication_role = replica")
            tables = sql.SQL(", ").join(map(sql.Identifier, self.tables))
            server.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(tables))
            if any(size > _TRUNCATED_FROM_BYTES for _, size in server.execute(_TABLES)):
                server.execute(sql.SQL("TRUNCATE {}").format(tables))
            empty = [table for table in self.tables if table not in self.filled]
            changed = _those(server, self.filled, holding=_CHANGES)
            written = _those(server, empty, holding="TABLE {table}")
            guards = [
                (sql.Identifier(table), sql.Identifier(name))
                for table, name in self.guards
                if table in {*written, *changed}
            ]
            statements = [
                *(sql.SQL("ALTER TABLE {} DISABLE TRIGGER {}").format(*guard) for guard in guards),
                *(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)) for table in (*written, *changed)),
                *(sql.SQL("INSERT INTO {} TABLE {}").format(sql.Identifier(table), _kept(table)) for table in changed),
                *(sql.SQL("ALTER TABLE {} ENABLE ALWAYS TRIGGER {}").format(*guard) for guard in guards),
            ]
            server.execute(sql.SQL("; ").join(statements))
        if connection.connection.execute(_LEFT_ON_IT).fetchone() != (False,):
            connection.close()


def _those(server: psycopg.Connection, tables: list[str], *, holding: LiteralString) -> list[str]:
    """Those of `tables` for which a query gives rows, all asked at once."""
    asked = [
        sql.SQL("SELECT {name} WHERE EXISTS (" + holding + ")").format(
            name=sql.Literal(table), table=sql.Identifier(table), kept=_kept(table)
        )
        for table in tables
    ]
    return [name for (name,) in server.execute(sql.SQL(" UNION ALL ").join(asked))]


def _kept(table: str) -> sql.Identifier:
    return sql.Identifier(_KEPT, table)
