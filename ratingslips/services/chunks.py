"""How many slips are handled in one transaction, and how long it may take, so that the floor does not wait for long."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from django.db import connection

from core.errors import Busy
from core.timeouts import short_waits

# How long a chunk of slips should take. This long after it began to lock, it stops judging and writes.
CHUNK_SECONDS: Final = 0.2
# This long after it began to lock, a chunk sends no further statement and fails. A statement takes 0.2 seconds at most,
# so that the locks of a chunk are held for half a second, and for as long as the disk takes to write the COMMIT.
LAST_STATEMENT_SECONDS: Final = 0.3
STATEMENT_MILLISECONDS: Final = 200
_LOCK_MILLISECONDS: Final = 100
MAX_CHUNK_SLIPS: Final = 100


class ChunkTooSlow(Busy):
    """The chunk took too long, and nothing of it was done."""

    code = "CHUNK_TOO_SLOW"


@contextmanager
def chunk_limits() -> Iterator[None]:
    """Limit how long the block, which does all work of a chunk in the caller's transaction, may hold its locks.

    Deferred constraints are checked at its end, so that the COMMIT has nothing left to do but to write.

    :raises ChunkTooSlow: it sent a statement too late.
    """
    ends = monotonic() + LAST_STATEMENT_SECONDS

    def in_time(execute: Callable[..., Any], *statement: Any) -> Any:
        if monotonic() > ends:
            raise ChunkTooSlow
        return execute(*statement)

    limits = short_waits(lock_milliseconds=_LOCK_MILLISECONDS, statement_milliseconds=STATEMENT_MILLISECONDS)
    with limits, connection.execute_wrapper(in_time):
        yield
        connection.check_constraints()


@dataclass(kw_only=True, slots=True)
class Pace:
    """The number of `slips` that take about `CHUNK_SECONDS`: one at first, and then by how long the last ones took."""

    slips: int = 1

    def learn(self, *, slips: int, seconds: float) -> None:
        """Take more or fewer next time, at most twice as many: `slips` took so many seconds.

        If there was time left, take one more at least: most of the time of few slips does not depend on their number.
        """
        fitting = int(slips * CHUNK_SECONDS / seconds)
        if seconds < CHUNK_SECONDS:
            fitting = max(fitting, slips + 1)
        self.slips = max(1, min(fitting, 2 * self.slips, MAX_CHUNK_SLIPS))

    def fail(self) -> None:
        """Take half as many next time: a chunk failed."""
        self.slips = max(1, self.slips // 2)
