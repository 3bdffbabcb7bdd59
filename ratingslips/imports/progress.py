"""The outcome of each line of an import, and their sum so far."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from core.errors import DomainError

MAX_REJECTED_LINES: Final = 10_000


class TooManyRejectedLines(DomainError):
    """So many lines were refused that the file is unlikely to be this casino's."""

    code = "TOO_MANY_REJECTED_LINES"


class Outcome(StrEnum):
    """The outcome of a line."""

    APPLIED = "applied"
    OWED = "owed"  # applied: the slip is closed, and its points will be paid by recovery
    ALREADY_IMPORTED = "already_imported"
    REJECTED = "rejected"


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedClosing:
    """What a dry run would have credited for a slip; points that would be owed do not count."""

    points: int
    theoretical_win: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class LineOutcome:
    """The outcome of one line, with its slip or the refusal."""

    line: int
    outcome: Outcome
    slip_id: UUID | None = None
    error: DomainError | None = None
    planned: PlannedClosing | None = None
    """What the line would do, if it is a CLOSE in a dry run."""


@dataclass(kw_only=True, slots=True)
class ImportProgress:
    """The outcomes of an import so far."""

    counts: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    rejects: dict[int, DomainError] = field(default_factory=dict)
    slip_ids: set[UUID] = field(default_factory=set)
    planned: list[PlannedClosing] = field(default_factory=list)

    @property
    def refused_lines(self) -> dict[int, DomainError]:
        """The refused lines, in the order of the file."""
        return dict(sorted(self.rejects.items()))

    @property
    def lines(self) -> int:
        """The number of lines processed."""
        return sum(self.counts.values())

    @property
    def applied(self) -> int:
        """The number of lines that changed something."""
        return self.counts[Outcome.APPLIED] + self.counts[Outcome.OWED]

    def add(self, outcome: LineOutcome) -> None:
        """Count one more line.

        :raises TooManyRejectedLines: it is the last one that may be refused.
        """
        self.counts[outcome.outcome] += 1
        if outcome.slip_id:
            self.slip_ids.add(outcome.slip_id)
        if outcome.planned:
            self.planned.append(outcome.planned)
        if outcome.error:
            self.rejects[outcome.line] = outcome.error
            if len(self.rejects) >= MAX_REJECTED_LINES:
                raise TooManyRejectedLines(
                    f"{MAX_REJECTED_LINES:,} lines were refused. Is this the casino's own file of rating events?"
                )
