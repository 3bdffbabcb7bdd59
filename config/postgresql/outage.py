"""Wait for a database that is away, for a time that all threads of a process share."""

import random
import time
from collections.abc import Callable
from threading import Lock
from typing import Any, Final

import psycopg
import structlog
from django.conf import settings
from psycopg.errors import ReadOnlySqlTransaction

log = structlog.get_logger(__name__)

LONGEST_PAUSE_SECONDS: Final = 0.5
# Answers of a server to which a second try gets the same one. libpq gives no SQLSTATE for them. In another language
# they are not recognised, and the connection is tried again.
_REFUSALS: Final = ("authentication failed", "does not exist", "no pg_hba.conf entry", "permission denied")


class _Outage:
    """The time since which this process gets no connection."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._began_at = 0.0
        self._failed_at: float | None = None

    def may_wait(self, *, seconds: int) -> bool:
        """Record a failed try, and return whether the caller may try again: within `seconds` of the first failed try.

        So requests wait at the beginning of an outage, and later ones fail at once until there is a connection again.
        After `seconds` without a try, the next failed one begins another outage.
        """
        now = time.monotonic()
        with self._lock:
            if self._failed_at is None or now - self._failed_at > seconds:
                self._began_at = now
                if seconds:
                    log.warning("config.database_lost", tried_for_seconds=seconds)
            self._failed_at = now
            return now - self._began_at < seconds

    def end(self) -> None:
        """Record that there is a connection."""
        if self._failed_at is None:
            return
        with self._lock:
            was_away, self._failed_at = self._failed_at is not None, None
        if was_away:
            log.warning("config.database_found", after_seconds=round(time.monotonic() - self._began_at, 1))


_outage: Final = _Outage()


def keep_trying(connect: Callable[[], Any]) -> Any:
    """Connect; while that fails, try again after short pauses of random length, as long as the outage lets it.

    :raises OperationalError: the last error of `connect`.
    :raises ReadOnlySqlTransaction: the last error, if a standby answered.
    """
    while True:
        try:
            session = connect()
        except (psycopg.OperationalError, ReadOnlySqlTransaction) as error:
            is_refused = any(words in str(error) for words in _REFUSALS)
            if is_refused or not _outage.may_wait(seconds=settings.DATABASE_WAIT_SECONDS):
                raise
        else:
            _outage.end()
            return session
        time.sleep(random.uniform(LONGEST_PAUSE_SECONDS / 5, LONGEST_PAUSE_SECONDS))  # noqa: S311 - spread, not secrecy
