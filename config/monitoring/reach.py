"""Whether the database can be reached just now."""

from typing import Final

import psycopg
from django.db import connection

# A balancer asks again within seconds, and a frozen server accepts a connection and says nothing.
CONNECT_SECONDS: Final = 2


def takes_writes() -> bool:
    """Whether a new connection can write; an old one does not say whether there can be a new one.

    It is tried once, without the tries of a request.

    :raises DatabaseError: there is no connection.
    """
    parameters = connection.get_connection_params() | {"connect_timeout": CONNECT_SECONDS}
    with connection.wrap_database_errors, psycopg.connect(**parameters) as asked:
        return asked.execute("SHOW transaction_read_only").fetchone() == ("off",)
