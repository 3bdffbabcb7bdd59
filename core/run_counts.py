"""Counts of what operations of commands ended with, in the database: a command has ended before anybody asks for it."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog
from django.db import DatabaseError, InterfaceError, connection, transaction

from core.metrics import operations_so_far
from core.retries import is_database_away, sqlstate_of

log = structlog.get_logger(__name__)

_ADD: Final = """
    INSERT INTO core_commandoperation AS kept (command, operation, outcome, attempt, times)
    SELECT %s, * FROM unnest(%s::text[], %s::text[], %s::integer[], %s::bigint[])
    ON CONFLICT ON CONSTRAINT core_command_operation_one_row DO UPDATE SET times = kept.times + excluded.times
"""


class RunCounts:
    """What the operations of this process ended with since the run of a command began."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._kept = operations_so_far()

    @contextmanager
    def kept_at_end(self) -> Iterator[None]:
        """Keep the counts of the block, however it ends, unless the database is away: nobody waits for it again."""
        is_away = False
        try:
            yield
        except Exception as error:
            is_away = is_database_away(error)
            raise
        finally:
            if not is_away:
                self.keep()

    def keep(self) -> None:
        """Add what was counted since the last time; after an error it is added the next time."""
        counted = operations_so_far()
        new: Counter[tuple[str, ...]] = counted - self._kept
        if not new:
            return
        # Sorted, so that two commands which end at once lock the rows in one order.
        operations, outcomes, attempts = map(list, zip(*sorted(new), strict=True))
        times = [new[key] for key in sorted(new)]
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(_ADD, [self._command, operations, outcomes, [*map(int, attempts)], times])
        except (DatabaseError, InterfaceError) as error:
            log.warning("core.operations_not_counted", command=self._command, sqlstate=sqlstate_of(error))
        else:
            self._kept = counted
