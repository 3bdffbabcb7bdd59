"""Count replays, for the home page and the report."""

from datetime import datetime
from typing import Final

import structlog
from django.db import connection, transaction

from core.metrics import REPLAYS
from core.models import Casino

log = structlog.get_logger(__name__)

_COUNT_ONE: Final = """
    INSERT INTO core_replaycount AS counted (casino_id, gaming_day, operation, replays) VALUES (%s, %s, %s, 1)
    ON CONFLICT ON CONSTRAINT core_replays_one_row_a_day DO UPDATE SET replays = counted.replays + 1
"""


def count_replay(*, casino: Casino, operation: str, at: datetime) -> None:
    """Count one replay of `operation` on the gaming day of `at`, after the transaction of the replay has ended.

    It has its own transaction, so that the replay holds no lock meanwhile. An error is logged and not raised:
    the replay still gets its answer.
    """
    REPLAYS.labels(operation).inc()
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_COUNT_ONE, [casino.pk, casino.gaming_day_at(at), operation])
    except Exception:
        log.exception("core.replay_not_counted", operation=operation, casino_id=casino.pk)
