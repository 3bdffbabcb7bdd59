"""The roles and the database of a private server, as a production has them: who owns, who serves, who reads.

Everyone on the socket may sign in as any of them: the roles keep the program from mistakes, not the user from himself.
"""

from typing import Any

import psycopg
from psycopg import sql

SUPERUSER = "loyalty"
OWNER = "loyalty_owner"
APPLICATION = "loyalty_app"
READER = "loyalty_reader"
DATABASE = "loyalty"

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
    """Make the roles and the database, and hand over what an earlier version left with the superuser.

    The application's role may sign in last of all: once it can, all of this is done.

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


def _make_database(server: psycopg.Connection) -> None:
    """Make the main database where there is none, and give every one of the superuser's to the owner."""
    owner = sql.Identifier(OWNER)
    if not server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
        server.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), owner))
    for (name,) in server.execute(_OWNED_DATABASES, [SUPERUSER]).fetchall():
        server.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(name), owner))


def _let_tests_act_as_owner(server: psycopg.Connection) -> None:
    """Let a test, which is signed in as the application, take the owner's part where it says so, and only there.

    NOINHERIT: until it says SET ROLE, the membership gives the application nothing. The owner may then also see what
    other sessions do, and end them.
    """
    owner = sql.Identifier(OWNER)
    server.execute(sql.SQL("ALTER ROLE {} CREATEDB").format(owner))
    server.execute(sql.SQL("GRANT pg_read_all_stats, pg_signal_backend TO {}").format(owner))
    server.execute(sql.SQL("GRANT SET ON PARAMETER session_replication_role, deadlock_timeout TO {}").format(owner))
    server.execute(sql.SQL("GRANT {} TO {}").format(owner, sql.Identifier(APPLICATION)))
