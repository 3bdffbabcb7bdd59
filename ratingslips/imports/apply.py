"""Importing rating events: slip after slip in the order of their closing, as many in one transaction as are quick."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final

import structlog

from core.errors import Busy, DomainError, OutcomeUnknown
from core.leases import HeldLease, LeaseHeld, LeaseLost, lease
from core.models import Casino, User
from core.retries import retry_when_busy
from core.transactions import drop_lost_connection
from ratingslips import services
from ratingslips.imports.csv_files import BadRecord
from ratingslips.imports.events import RatingEvent
from ratingslips.imports.lookup import Lookup
from ratingslips.imports.progress import ImportProgress, LineOutcome, Outcome
from ratingslips.imports.slip_acts import SlipActs
from ratingslips.imports.slip_lines import SlipLines, by_slip
from ratingslips.services import BlockedBySlip, Pace, PlannedPlay, Recording

log = structlog.get_logger(__name__)

LOOKUP_SLIPS: Final = 200
MAX_LINES: Final = 200_000
# How often the slip of a line is read, if it changes between reading and recording. `core.retries` counts other tries.
MAX_READINGS: Final = 3
IMPORT_LEASE: Final = "import"


class ImportRunning(LeaseHeld):
    """Another import of this casino is under way: two would each record the same change of bet."""

    code = "IMPORT_RUNNING"
    sentence = "Another import for this casino is under way."


class TooManyLines(DomainError):
    """The file has more lines than are read at once."""

    code = "TOO_MANY_LINES"


def import_rating_events(
    *,
    casino: Casino,
    actor: User,
    lines: Iterable[RatingEvent | BadRecord],
    progress: ImportProgress,
    allow_long_play: bool = False,
    dry_run: bool = False,
) -> Iterator[ImportProgress]:
    """Read `lines` to the end, apply them slip by slip, and give `progress` after each line.

    The lines of a slip are committed together. A refused line changes nothing. An import that was interrupted can run
    again: lines that are recorded already are recognised. A CLOSE of a slip that was played for longer than the
    casino's limit is refused unless `allow_long_play` is set. With `dry_run` each slip is rolled back.

    :raises ImportRunning: another import of this casino is under way.
    :raises LeaseLost: another import was begun meanwhile, because this one was not active.
    :raises TooManyLines: the file has more than `MAX_LINES` lines; nothing was changed.
    :raises TooManyRejectedLines: the file is not this casino's, or not one of rating events.
    """
    with lease(f"{IMPORT_LEASE}:{casino.pk}", refusal=ImportRunning) as held:
        events: list[RatingEvent] = []
        for line in lines:
            if isinstance(line, BadRecord):
                progress.add(LineOutcome(line=line.line, outcome=Outcome.REJECTED, error=line.error))
                yield progress
            else:
                events.append(line)
            if len(events) > MAX_LINES:
                raise TooManyLines(f"The file has more than {MAX_LINES:,} lines. Nothing was changed: split it by day.")
        for outcome in apply_events(
            casino=casino, actor=actor, events=events, held=held, allow_long_play=allow_long_play, dry_run=dry_run
        ):
            progress.add(outcome)
            yield progress


def apply_events(
    *,
    casino: Casino,
    actor: User,
    events: Iterable[RatingEvent],
    held: HeldLease | None = None,
    allow_long_play: bool = False,
    dry_run: bool = False,
    pace: Pace | None = None,
) -> Iterator[LineOutcome]:
    """Apply `events`, the lines of each slip together, and the slips in the order of their closing.

    `held` is a lease that each transaction holds. With `dry_run` nothing is written. `pace` is what earlier calls
    learned about the number of slips in a transaction.
    """
    application = _Application(
        casino=casino,
        actor=actor,
        held=held,
        allow_long_play=allow_long_play,
        plan=PlannedPlay() if dry_run else None,
        pace=pace or Pace(),
    )
    yield from application.apply(by_slip(events))


@dataclass(kw_only=True, slots=True)
class _Application:
    """The application of the lines of a file; `to_come` are the lines of the slips that are not applied yet."""

    casino: Casino
    actor: User
    held: HeldLease | None
    allow_long_play: bool
    plan: PlannedPlay | None
    pace: Pace
    to_come: dict[str, SlipLines] = field(default_factory=dict)

    def apply(self, slips: Sequence[SlipLines]) -> Iterator[LineOutcome]:
        """Apply all slips in order; one that another slip of the file holds up follows that one."""
        self.to_come = {lines.key: lines for lines in slips}
        for start in range(0, len(slips), LOOKUP_SLIPS):
            if self.held is not None:
                self.held.renew()
            waiting = [lines for lines in slips[start : start + LOOKUP_SLIPS] if lines.key in self.to_come]
            lookup = Lookup.of(self.casino, waiting)
            while waiting := [lines for lines in waiting if lines.key in self.to_come]:
                if self.pace.slips > 1:
                    yield from self._apply_chunk(waiting[: self.pace.slips], lookup)
                else:
                    yield from self._apply_slip(waiting[0], lookup)

    def _apply_chunk(self, chunk: Sequence[SlipLines], lookup: Lookup) -> Iterator[LineOutcome]:
        """Apply slips in one transaction; if it fails, one by one.

        A slip that ends the chunk early is applied by itself, and those after it are left. If it is not known whether
        the chunk was committed, its lines are refused: to record them again could record money twice.
        """
        prepared = [SlipActs.of(lines, lookup) for lines in chunk]
        try:
            together = self._recorded_together([one for one in prepared if one.acts])
        except OutcomeUnknown as unknown:
            for one in prepared:
                del self.to_come[one.lines.key]
                yield from _refused(one.lines, unknown) if one.acts else one.outcomes(None)
            return
        recorded = iter(together or ())
        for one in prepared:
            if one.lines.key not in self.to_come:
                continue  # it held up another slip
            done = next(recorded, None) if one.acts else None
            if done is not None or not one.acts:
                del self.to_come[one.lines.key]
                yield from one.outcomes(done, is_dry_run=self.plan is not None)
                continue
            yield from self._apply_slip(one.lines, lookup)
            if together is not None:
                return

    def _recorded_together(self, prepared: Sequence[SlipActs]) -> Sequence[Recording] | None:
        """Record the acts of slips in one transaction, and return their outcomes; None if it fails.

        :raises OutcomeUnknown: the acts may have been committed, or may still be.
        """
        if len(prepared) <= 1:
            return []  # it is recorded by itself
        began = perf_counter()
        try:
            recorded = services.record_plays(
                casino=self.casino,
                plays=[one.play for one in prepared],
                actor=self.actor,
                lease=self.held,
                long_play_confirmed=self.allow_long_play,
                still_to_come=self.to_come,
                plan=self.plan,
            )
        except LeaseLost:
            raise
        except Exception as error:
            log.warning("ratingslips.chunk_failed", slips=len(prepared), exc_info=True)
            drop_lost_connection()
            self.pace.fail()
            if isinstance(error, OutcomeUnknown):
                raise
            return None
        self.pace.learn(slips=len(recorded), seconds=perf_counter() - began)
        return recorded

    def _apply_slip(self, lines: SlipLines, lookup: Lookup) -> Iterator[LineOutcome]:
        """Apply the lines of one slip; slips that must have ended before go first."""
        del self.to_come[lines.key]
        while True:
            try:
                outcomes = self._outcomes(lines, lookup)
            except BlockedBySlip as blocked:
                first = self.to_come[blocked.slip_number.upper()]
                yield from self._apply_slip(first, Lookup.of(self.casino, [first]))
            else:
                yield from outcomes
                return

    def _outcomes(self, lines: SlipLines, lookup: Lookup) -> list[LineOutcome]:
        """The outcomes of the lines of one slip. They are refused if it stays busy, or changes at each reading."""
        for _ in range(MAX_READINGS):
            prepared = SlipActs.of(lines, lookup)
            try:
                with retry_when_busy():
                    done = self._recorded(prepared) if prepared.acts else None
                    return prepared.outcomes(done, is_dry_run=self.plan is not None)
            except services.SlipChanged as changed:
                refusal: DomainError = changed
                lookup.read_again(lines.slip_number)
            except Busy as busy:
                drop_lost_connection()
                refusal = busy
                break
        return _refused(lines, refusal)

    def _recorded(self, prepared: SlipActs) -> Recording:
        play, began = prepared.play, perf_counter()
        recording = services.record_play(
            casino=self.casino,
            slip_number=play.slip_number,
            acts=play.acts,
            actor=self.actor,
            lease=self.held,
            expected_version=play.expected_version,
            long_play_confirmed=self.allow_long_play,
            still_to_come=self.to_come,
            plan=self.plan,
        )
        self.pace.learn(slips=1, seconds=perf_counter() - began)
        return recording


def _refused(lines: SlipLines, refusal: DomainError) -> list[LineOutcome]:
    return [LineOutcome(line=event.line, outcome=Outcome.REJECTED, error=refusal) for event in lines.events]
