"""What the owner of the tables could do, with every guard of PostgreSQL's taken off first."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from loyalty.models import PlayerLoyalty
from tests.databases import act_as_owner_from_here_on, as_owner

_TAKE_OFF = """
    SET CONSTRAINTS ALL IMMEDIATE;
    DO $$
    DECLARE guard record;
    BEGIN
        FOR guard IN
            SELECT conrelid::regclass AS tab, conname AS name FROM pg_constraint
            WHERE contype IN ('c', 'f', 'u', 'x') AND connamespace = 'public'::regnamespace
              AND conrelid::regclass::text ~ '^(core|loyalty|ratingslips)_'
        LOOP
            EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', guard.tab, guard.name);
        END LOOP;
        FOR guard IN
            SELECT indexrelid::regclass AS name FROM pg_index
            WHERE indisunique AND NOT indisprimary AND indrelid::regclass::text ~ '^(core|loyalty|ratingslips)_'
        LOOP
            EXECUTE format('DROP INDEX %s', guard.name);
        END LOOP;
        FOR guard IN SELECT DISTINCT tgrelid::regclass AS tab FROM pg_trigger WHERE NOT tgisinternal LOOP
            EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', guard.tab);
        END LOOP;
    END $$;
"""


def take_the_guards_off() -> None:
    """Let the rest of the test's transaction, whose end undoes it, write past every trigger and constraint."""
    act_as_owner_from_here_on()
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_OFF)


@contextmanager
def without_triggers(table: str, *triggers: str) -> Iterator[None]:
    """Switch off `triggers` of a table for every connection while the block runs."""
    _alter(table, "DISABLE TRIGGER", triggers)
    try:
        yield
    finally:
        _alter(table, "ENABLE ALWAYS TRIGGER", triggers)


def misstate(accounts: "QuerySet[PlayerLoyalty]", **figures: Any) -> None:
    """Give accounts figures that their entries do not have, which PostgreSQL refuses to the application."""
    with without_triggers("loyalty_playerloyalty", "loyalty_account_is_its_last_entry"):
        accounts.update(**figures)


def _alter(table: str, change: str, triggers: Sequence[str]) -> None:
    with as_owner(), connection.cursor() as cursor:
        if connection.in_atomic_block:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        for trigger in triggers:
            cursor.execute(f"ALTER TABLE {table} {change} {trigger}")
