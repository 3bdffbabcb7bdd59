"""Django finds `DatabaseWrapper` by the name of this module."""

from functools import partial
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg import errors

from config.postgresql.outage import keep_trying
from core.standby import is_writing


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that is tried again for DATABASE_WAIT_SECONDS, and that can write where the work has to."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect, and try again while the database is away.

        :raises OperationalError: there is no connection in time.
        :raises ReadOnlySqlTransaction: there are connections, and none that can write.
        """
        return keep_trying(partial(self._connect_to_write, conn_params))

    def connect_once(self, conn_params: dict[str, Any]) -> Any:
        """Connect without trying again."""
        return super().get_new_connection(conn_params)

    def is_usable(self) -> bool:
        """Whether the connection is open, and can write if the work has to: its server may have become a standby."""
        return super().is_usable() and not (is_writing() and _is_read_only(self.connection))

    def _connect_to_write(self, conn_params: dict[str, Any]) -> Any:
        session = self.connect_once(conn_params)
        try:
            _require_server(session)
            if is_writing() and _is_read_only(session):
                raise errors.ReadOnlySqlTransaction("The database is read-only: it is a standby, or becomes one.")
        except psycopg.Error:
            session.close()
            raise
        return session


def _require_server(session: psycopg.Connection) -> None:
    """Send one statement: a pool accepts connections also while its server is away.

    :raises OperationalError: the server is away.
    """
    session.autocommit = True
    session.execute("SELECT 1")
    session.autocommit = False


def _is_read_only(session: psycopg.Connection) -> bool:
    """Whether the server has said so: it sends these two settings, and their changes, without being asked."""
    status = session.info.parameter_status
    return "on" in {status("in_hot_standby"), status("default_transaction_read_only")}
