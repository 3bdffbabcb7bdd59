"""How many slips are handled in one transaction, and how long it may wait, so that the floor is not kept waiting."""

from dataclasses import dataclass
from functools import partial
from typing import Final

from core.timeouts import short_waits

# A chunk of slips holds its locks for half a second at most: this long until it writes, and about as long to write.
CHUNK_SECONDS: Final = 0.25
MAX_CHUNK_SLIPS: Final = 100

# How long each statement of a chunk may wait for a lock, and take.
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
