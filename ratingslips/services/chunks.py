"""How many slips are handled in one transaction, and how long it may wait, so that the floor does not wait for long."""

from dataclasses import dataclass
from functools import partial
from typing import Final

from core.timeouts import short_waits

# How long a chunk of slips should take. This long after it began to lock, it stops judging and writes.
CHUNK_SECONDS: Final = 0.25
MAX_CHUNK_SLIPS: Final = 100

# How long each statement of a chunk may wait for a lock, and take. The whole chunk has no such limit.
chunk_waits: Final = partial(short_waits, lock_milliseconds=100, statement_milliseconds=500)


@dataclass(kw_only=True, slots=True)
class Pace:
    """The number of `slips` that take about `CHUNK_SECONDS`: one at first, and then by how long the last ones took."""

    slips: int = 1

    def learn(self, *, slips: int, seconds: float) -> None:
        """Take more or fewer next time, at most twice as many: `slips` took so many seconds."""
        fitting = int(slips * CHUNK_SECONDS / seconds)
        self.slips = max(1, min(fitting, 2 * self.slips, MAX_CHUNK_SLIPS))

    def fail(self) -> None:
        """Take half as many next time: a chunk failed."""
        self.slips = max(1, self.slips // 2)
