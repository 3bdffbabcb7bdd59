"""A tampering, and what it needs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from django.db import connection

from tests.floor import Floor

NOTHING: Final = "nothing"
NOT_TRIED: Final = "–"
REFUSED: Final = "PostgreSQL refuses it"
NAMED: Final = "names the change"
NOT_SIGNED: Final = "refuses to sign"

_TRIGGERS: Final = """
    SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal AND tgenabled = 'A'
"""

# A table is not altered while constraints of it wait for the end of the transaction.
_CHECK_NOW: Final = "SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED"


class By(StrEnum):
    """Whose role in PostgreSQL tampers."""

    APPLICATION = "application"
    OWNER = "owner"


# What is honest, then one `yield`, then the tampering; the checkpoint is taken at the `yield`.
Act = Callable[[Floor], Iterator[None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tampering:
    """What is done, by whose role; `found` is what must be said of it, and `before` what was said at first.

    `found` is the name of an invariant, the kind of a break that `verify_ledger` names, NAMED or NOT_SIGNED of
    `checkpoint`, REFUSED, or NOTHING where nothing finds it, as docs/security.md says. `act` is SQL, or a function.
    """

    what: str
    act: str | Act
    found: str
    by: By = By.APPLICATION
    before: str = NOT_TRIED

    def __str__(self) -> str:
        return f"{self.by}: {self.what}"


def sql(statement: str, *parameters: Any) -> None:
    """Run one statement, which must change one row."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        assert cursor.rowcount == 1, f"{cursor.rowcount} rows were tampered with"


def again(table: str, key: Any, **values: Any) -> None:
    """Insert a row that is there once more, with other values."""
    statement = f"INSERT INTO {table} SELECT (jsonb_populate_record(one, %s)).* FROM {table} AS one WHERE one.id = %s"
    sql(statement, connection.ops.adapt_json_value(values, None), key)


@contextmanager
def unguarded(*tables: str) -> Iterator[None]:
    """Switch off the triggers of tables in a block, and on again as they were."""
    with connection.cursor() as cursor:
        triggers = []
        for table in tables:
            cursor.execute(_TRIGGERS, [table])
            triggers += [(table, name) for (name,) in cursor.fetchall()]
        cursor.execute(_CHECK_NOW)
        for table, name in triggers:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {name}")
        yield
        cursor.execute(_CHECK_NOW)
        for table, name in triggers:
            cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")
