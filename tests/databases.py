"""The roles of the test database, its address for processes of their own, and empty databases beside it.

Every test is signed in as the application, and is refused what the application is refused.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import quote

import psycopg
import pytest
from django.conf import settings as house_settings
from django.db import connection
from psycopg import sql
from psycopg.pq import TransactionStatus

from tests.processes import run_program
from tests.waiting import wait_until

REFUSED_TO_ROLE = "42501"
_MIGRATED = "migrated_for_tests_"


@contextmanager
def as_owner() -> Iterator[None]:
    """Act as the owner of the tables while the block runs, on this thread's connection and in its transaction.

    The tests' server lets the application do so, and no other server does (`config.localdb.roles`).
    """
    connection.ensure_connection()
    session: psycopg.Connection = connection.connection
    before = session.execute("SELECT current_user").fetchone()
    assert before
    _set_role(session, "SET ROLE {}", _owner()["USER"])
    try:
        yield
    finally:
        # In a transaction that failed the rollback ends the part as well; and a connection that was lost has none.
        if session.info.transaction_status not in {TransactionStatus.INERROR, TransactionStatus.UNKNOWN}:
            _set_role(session, "SET ROLE {}", *before)


def act_as_owner_from_here_on() -> None:
    """Act as the owner of the tables for the rest of the test's transaction, whose end undoes it."""
    _set_role(connection.connection, "SET LOCAL ROLE {}", _owner()["USER"])


def _owner() -> dict[str, Any]:
    """The owner of the tables; on a server of the developer with one role, that role."""
    settings: dict[str, Any] = connection.settings_dict
    return settings.get("OWNER") or settings


def _set_role(session: psycopg.Connection, statement: LiteralString, name: str) -> None:
    session.execute(sql.SQL(statement).format(sql.Identifier(name)))


def require_server(major: int, *, why: str) -> None:
    """Skip the test on an older server of the developer; the private server is never older."""
    connection.ensure_connection()
    found = connection.connection.info.server_version // 10_000
    if found < major:
        assert house_settings.HAS_OWN_DATABASE, f"the private server is PostgreSQL {found}: {why}"
        pytest.skip(why)


def database_url(name: str | None = None, **role: str) -> str:
    """The address, as DATABASE_URL takes it, of the test database or of another one on its server."""
    settings = {**connection.settings_dict, **role}
    password = f":{quote(settings['PASSWORD'])}" if settings["PASSWORD"] else ""
    host = quote(settings["HOST"], safe="")
    return f"postgres://{settings['USER']}{password}@{host}:{settings['PORT']}/{name or settings['NAME']}"


def database_environment(name: str | None = None) -> dict[str, str]:
    """What a process needs in its environment to serve on a database, and to migrate it first."""
    owner = connection.settings_dict.get("OWNER") or {}
    addresses = {"DATABASE_URL": database_url(name), "DATABASE_READER_ROLE": connection.settings_dict.get("READER", "")}
    return addresses | ({"DATABASE_OWNER_URL": database_url(name, **_address(owner))} if owner else {})


def _address(settings: dict[str, Any]) -> dict[str, str]:
    return {key: settings[key] for key in ("USER", "PASSWORD", "HOST", "PORT") if key in settings}


def connect(name: str | None = None, *, role: str | None = None) -> psycopg.Connection:
    """Connect to the test database, or to another one on its server, past Django; as its owner, unless told who."""
    settings = connection.settings_dict | _address(_owner())
    settings |= {"USER": role} if role else {}
    parameters: dict[str, Any] = {"host": settings["HOST"], "port": settings["PORT"], "user": settings["USER"]}
    if settings["PASSWORD"]:
        parameters["password"] = settings["PASSWORD"]
    return psycopg.connect(dbname=name or settings["NAME"], autocommit=True, **parameters)


def migrate(name: str) -> "subprocess.CompletedProcess[str]":
    """Migrate a database as its owner, in a process of its own."""
    settings = {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    return run_program("manage.py", "migrate", "--verbosity=0", **settings, **database_environment(name))


def migrated_database() -> str:
    """The name of a database that “manage.py migrate” made, to be copied; made again whenever the product changed."""
    name = f"{_MIGRATED}{product_digest()}"
    with made_once(_MIGRATED, name) as unfinished:
        if unfinished:
            ran = migrate(unfinished)
            assert (ran.returncode, ran.stderr) == (0, "")
            _number_rows_from_1_001(unfinished)
            with connect("postgres") as server:
                rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
                server.execute(rename.format(sql.Identifier(unfinished), sql.Identifier(name)))
    return name


@contextmanager
def made_once(prefix: str, name: str) -> Iterator[str | None]:
    """If there is no database `name`, drop those of `prefix` and give an empty one to make it of; else give None.

    Other workers wait until the block ends.
    """
    with connect("postgres") as server:
        server.execute("SET lock_timeout = 0")
        server.execute("SELECT pg_advisory_lock(hashtext(%s))", [prefix])
        made = {made for (made,) in server.execute("SELECT datname FROM pg_database WHERE datname ^@ %s", [prefix])}
        if name in made:
            yield None
            return
        for old in made:
            _drop(server, old)
        copy_database("template1", unfinished := f"{prefix}unfinished")
        yield unfinished


def _drop(server: psycopg.Connection, name: str) -> None:
    """Drop a database, if it is there, and end its sessions; autovacuum, which only a superuser ends, is waited for."""
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))

    def is_dropped() -> bool:
        try:
            server.execute(drop)
        except psycopg.errors.InsufficientPrivilege:
            return False
        return True

    wait_until(is_dropped)


def copy_database(name: str, copy: str) -> None:
    """Copy a database that nobody uses."""
    with connect("postgres") as server:
        make = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        server.execute(make.format(sql.Identifier(copy), sql.Identifier(name)))


def _number_rows_from_1_001(name: str) -> None:
    """Give every new row a key of four digits, so that a page that writes “1,001” for a key fails its test."""
    with connect(name) as database:
        database.execute("SELECT setval(sequence.oid, 1000) FROM pg_class sequence WHERE sequence.relkind = 'S'")


def product_digest() -> str:
    """A digest of all that a migration may call: the product, its settings and the versions of its libraries."""
    root = Path(house_settings.BASE_DIR)
    sources = [path for app in ("config", "core", "loyalty", "ratingslips") for path in (root / app).rglob("*.py")]
    digest = sha256()
    for path in [*sorted(sources), root / "tests/settings.py", root / "config/requirements.txt"]:
        digest.update(str(path).encode() + path.read_bytes())
    return digest.hexdigest()[:16]


@contextmanager
def empty_database(suffix: str, *, copied_from: str = "template1") -> Iterator[str]:
    """An empty database beside the test database, or a copy of one, for as long as the block lasts; gives its name."""
    name = f"{connection.settings_dict['NAME']}_{suffix}"
    with connect("postgres") as server:
        _drop(server, name)
        copy_database(copied_from, name)
        try:
            yield name
        finally:
            _drop(server, name)
