"""Time-outs of work that reads a whole ledger, of work that must not keep the floor waiting, and of slow clients.

Those of other requests are in `config.timeouts`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import connection

WHOLE_LEDGER_SECONDS: Final = 30 * 60
REPORT_SECONDS: Final = 5 * 60
DRIFT_CHECK_SECONDS: Final = 20
# How long a client may take nothing of an export, at most: the setting SLOW_CLIENT_SECONDS may end it earlier.
MAX_SLOW_CLIENT_SECONDS: Final = 60 * 60

_SET_BOTH: Final = "SELECT set_config('lock_timeout', %s, true), set_config('statement_timeout', %s, true)"
_READ_BOTH: Final = "SELECT current_setting('lock_timeout'), current_setting('statement_timeout'), "


def allow_statements(*, seconds: int) -> None:
    """Let each later statement of the caller's transaction take `seconds`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{seconds}s"])


@contextmanager
def short_waits(*, lock_milliseconds: int, statement_milliseconds: int) -> Iterator[None]:
    """Let each statement of the block, in the caller's transaction, wait for a lock and take only so long."""
    with connection.cursor() as cursor:
        cursor.execute(
            _SET_BOTH.replace("SELECT ", _READ_BOTH), [f"{lock_milliseconds}ms", f"{statement_milliseconds}ms"]
        )
        before = cursor.fetchone()[:2]
        yield
        cursor.execute(_SET_BOTH, before)
