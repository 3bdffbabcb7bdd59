"""The roles and the database of a private server, as in production: the owner, the application and the reader.

Anybody who can use the socket may sign in as any role: the roles only protect the data from mistakes of the program.
"""

from typing import Any

import psycopg
from psycopg import sql

from config import timeouts

SUPERUSER = "loyalty"
OWNER = "loyalty_owner"
APPLICATION = "loyalty_app"
READER = "loyalty_reader"
DATABASE = "loyalty"

# As in production (docs/runbook.md): for sessions that do not send the time-outs of the settings.
_TIMEOUTS = {
    "lock_timeout": f"{timeouts.LOCK_SECONDS}s",
    "idle_in_transaction_session_timeout": f"{timeouts.IDLE_IN_TRANSACTION_SECONDS}s",
}
_OF_STATEMENTS = {"statement_timeout": f"{timeouts.STATEMENT_SECONDS}s"}
_ROLE_TIMEOUTS = {OWNER: _TIMEOUTS, READER: _TIMEOUTS, APPLICATION: _TIMEOUTS | _OF_STATEMENTS}

# What libpq would otherwise read from the environment (PGHOSTADDR, PGOPTIONS, PGSSLMODE …); the settings' OPTIONS win.
NOT_FROM_ENVIRONMENT = {
    "hostaddr": "",
    "options": "",
    "sslmode": "disable",
    "gssencmode": "disable",
    "channel_binding": "disable",
    "target_session_attrs": "any",
}

_MISSING_ROLES = "SELECT wanted FROM unnest(%s::text[]) AS wanted WHERE to_regrole(wanted) IS NULL"
_OWNED_DATABASES = """
    SELECT datname FROM pg_database WHERE datdba = %s::regrole AND NOT datistemplate AND datname <> 'postgres'
"""
# What belongs to an extension, or to the column of a table, goes with it.
_OWNED_OBJECTS = """
    SELECT format('ALTER %%s %%s OWNER TO %%I', thing.kind, thing.name, %s::text)
    FROM (
        SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, oid::regclass::text, 'pg_class'::regclass, oid
        FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'S') AND relowner = %s::regrole
        UNION ALL
        SELECT 'ROUTINE', oid::regprocedure::text, 'pg_proc'::regclass, oid
        FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proowner = %s::regrole
    ) AS thing (kind, name, catalog, id)
    WHERE NOT EXISTS (
        SELECT FROM pg_depend WHERE classid = thing.catalog AND objid = thing.id AND deptype IN ('e', 'a', 'i')
        AND refclassid IN ('pg_extension'::regclass, 'pg_class'::regclass)
    )
"""


def establish(*, socket_folder: str, port: int, for_tests: bool) -> None:
    """Create the roles and the database, and give the owner what belongs to the superuser since an earlier version.

    The application's role is allowed to sign in last: if it can, everything before is done.

    :raises psycopg.Error: the server refuses, or is gone.
    """
    address: dict[str, Any] = {**NOT_FROM_ENVIRONMENT, "host": socket_folder, "port": str(port), "user": SUPERUSER}
    with psycopg.connect(**address, dbname="postgres", autocommit=True) as server:
        _make_roles(server)
        _make_database(server)
        if for_tests:
            _let_tests_act_as_owner(server)
    with psycopg.connect(**address, dbname=DATABASE) as database:
        for (statement,) in database.execute(_OWNED_OBJECTS, [OWNER, SUPERUSER, SUPERUSER]).fetchall():
            database.execute(statement)
        for name in (OWNER, READER, APPLICATION):
            database.execute(sql.SQL("ALTER ROLE {} LOGIN").format(sql.Identifier(name)))


def _make_roles(server: psycopg.Connection) -> None:
    for (name,) in server.execute(_MISSING_ROLES, [[OWNER, READER, APPLICATION]]).fetchall():
        inherits = sql.SQL("INHERIT" if name == OWNER else "NOINHERIT")
        server.execute(sql.SQL("CREATE ROLE {} {}").format(sql.Identifier(name), inherits))
        for setting, value in _ROLE_TIMEOUTS[name].items():
            server.execute(sql.SQL("ALTER ROLE {} SET {} = {}").format(*map(sql.Identifier, (name, setting)), value))


def _make_database(server: psycopg.Connection) -> None:
    """Create the main database if it is missing, and give all databases of the superuser to the owner."""
    owner = sql.Identifier(OWNER)
    if not server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
        server.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), owner))
    for (name,) in server.execute(_OWNED_DATABASES, [SUPERUSER]).fetchall():
        server.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(name), owner))


def _let_tests_act_as_owner(server: psycopg.Connection) -> None:
    """Let tests, which sign in as the application, act as the owner after SET ROLE.

    With NOINHERIT, the membership gives the application no right before SET ROLE. The owner of a test server may also
    see what other sessions do, and end them.
    """
    owner = sql.Identifier(OWNER)
    server.execute(sql.SQL("ALTER ROLE {} CREATEDB").format(owner))
    server.execute(sql.SQL("GRANT pg_read_all_stats, pg_signal_backend TO {}").format(owner))
    server.execute(sql.SQL("GRANT SET ON PARAMETER session_replication_role, deadlock_timeout TO {}").format(owner))
    server.execute(sql.SQL("GRANT {} TO {}").format(owner, sql.Identifier(APPLICATION)))
