"""Databases for processes of their own: the address of the test database, and empty ones that are gone afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import psycopg
from django.db import connection
from psycopg import sql


def database_url(name: str | None = None) -> str:
    """The address, as DATABASE_URL takes it, of the test database or of another one on its server."""
    settings = connection.settings_dict
    password = f":{quote(settings['PASSWORD'])}" if settings["PASSWORD"] else ""
    host = quote(settings["HOST"], safe="")
    return f"postgres://{settings['USER']}{password}@{host}:{settings['PORT']}/{name or settings['NAME']}"


def connect(name: str | None = None) -> psycopg.Connection:
    """Connect to the test database, or to another one on its server, past Django."""
    settings = connection.settings_dict
    parameters: dict[str, Any] = {"host": settings["HOST"], "port": settings["PORT"], "user": settings["USER"]}
    if settings["PASSWORD"]:
        parameters["password"] = settings["PASSWORD"]
    return psycopg.connect(dbname=name or settings["NAME"], autocommit=True, **parameters)


@contextmanager
def empty_database(suffix: str) -> Iterator[str]:
    """An empty database beside the test database, for as long as the block lasts; gives its name."""
    name = f"{connection.settings_dict['NAME']}_{suffix}"
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    with connect("postgres") as server:
        server.execute(drop)
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield name
        finally:
            server.execute(drop)
