"""The database engine: that of `config.postgresql`, which also starts the server if a connection fails.

Django finds `DatabaseWrapper` by the name of this module. In the settings, LOCAL_SERVER is a purpose: "main" or "test".
"""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql import client
from django.db.utils import OperationalError

from config.postgresql import base

from .errors import LocalServerError
from .roles import APPLICATION, NOT_FROM_ENVIRONMENT, OWNER, READER
from .server import PORT, LocalServer, Purpose

CHECKOUT = Path(__file__).resolve().parents[2]


class DatabaseClient(client.DatabaseClient):
    """psql, behind `manage.py dbshell`."""

    connection: "DatabaseWrapper"

    def runshell(self, parameters: Iterable[str]) -> None:
        """Run psql on the server, which is started if it does not run."""
        self.connection.ensure_server()
        super().runshell(parameters)


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection to the private PostgreSQL of this checkout."""

    client_class = DatabaseClient

    def __init__(self, settings_dict: dict[str, Any], alias: str = "default") -> None:
        """Point the settings at the server's socket and, unless they name a role, at the application's; start nothing.

        :raises ImproperlyConfigured: when LOCAL_SERVER names no purpose.
        """
        purpose = settings_dict.get("LOCAL_SERVER", Purpose.MAIN)
        try:
            self.server = LocalServer(CHECKOUT, purpose=Purpose(purpose))
        except ValueError as error:
            raise ImproperlyConfigured(f"LOCAL_SERVER is {purpose!r}; it must be one of {list(Purpose)}.") from error
        # In place, as Django itself fills in what is missing: psql and the test runner read the same dictionary.
        settings_dict.update(HOST=str(self.server.socket_folder), PORT=str(PORT), PASSWORD="")
        settings_dict.update(USER=settings_dict.get("USER") or APPLICATION, OWNER={"USER": OWNER}, READER=READER)
        super().__init__(settings_dict, alias)

    def ensure_server(self) -> None:
        """Start the server if it does not run.

        :raises OperationalError: it cannot be started; the message says what to do.
        """
        with _as_database_error():
            self.server.ensure_running()

    def get_connection_params(self) -> dict[str, Any]:
        """Give libpq every parameter that it would look for in the environment."""
        return {**NOT_FROM_ENVIRONMENT, **super().get_connection_params()}

    def connect_once(self, conn_params: dict[str, Any]) -> Any:
        """Connect; if that fails, start the server and try once more.

        So a running server needs no check, and a killed one is started for the next connection.

        :raises OperationalError: the server cannot be started.
        """
        try:
            return super().connect_once(conn_params)
        except self.Database.OperationalError:
            self.ensure_server()
        return super().connect_once(conn_params)


@contextlib.contextmanager
def _as_database_error() -> Iterator[None]:
    """Turn the server's error into the one that Django's callers expect of a database."""
    try:
        yield
    except LocalServerError as error:
        raise OperationalError(str(error)) from error
