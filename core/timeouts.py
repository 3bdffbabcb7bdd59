"""Time-outs of work that reads a whole ledger. Those of other requests are in `config.timeouts`."""

from typing import Final

from django.db import connection

WHOLE_LEDGER_SECONDS: Final = 30 * 60
REPORT_SECONDS: Final = 5 * 60
DRIFT_CHECK_SECONDS: Final = 20


def allow_statements(*, seconds: int) -> None:
    """Let each later statement of the caller's transaction take `seconds`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{seconds}s"])
