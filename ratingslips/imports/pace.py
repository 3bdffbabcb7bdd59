"""How many slips of a file are recorded in one transaction."""

from dataclasses import dataclass
from typing import Final

from ratingslips.services import CHUNK_SECONDS

MAX_CHUNK_SLIPS: Final = 100


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
