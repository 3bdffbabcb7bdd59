"""Importing rating events: all lines of a slip in one transaction, slip after slip in the order of their closing."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

from core.errors import Busy, DomainError
from core.leases import HeldLease, LeaseHeld, lease
from core.models import Casino, User
from core.retries import retry_when_busy
from core.transactions import drop_lost_connection
from ratingslips import services
from ratingslips.imports.csv_files import BadRecord
from ratingslips.imports.events import EventKind, RatingEvent
from ratingslips.imports.lookup import Lookup
from ratingslips.imports.reconcile import LineState
from ratingslips.imports.slip_lines import SlipLines, by_slip, with_pauses_in_order
from ratingslips.services import Act, BlockedBySlip, PlannedPlay, Recording, RequestKind, SlipSettlement

CHUNK_SLIPS: Final = 200
MAX_LINES: Final = 200_000
MAX_REJECTED_LINES: Final = 10_000
MAX_ATTEMPTS: Final = 3
IMPORT_LEASE: Final = "import"


class OtherPlayersSlip(DomainError):
    """The line names another player than the slip does."""

    code = "OTHER_PLAYERS_SLIP"


class LongPlay(DomainError):
    """The line closes a slip that was played for longer than the casino's limit."""

    code = "LONG_PLAY"


class ImportRunning(LeaseHeld):
    """Another import of this casino is under way: two would each record the same change of bet."""

    code = "IMPORT_RUNNING"
    sentence = "Another import for this casino is under way."


class TooManyLines(DomainError):
    """The file has more lines than are read at once."""

    code = "TOO_MANY_LINES"


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
class LineOutcome:
    """The outcome of one line, with its slip or the refusal."""

    line: int
    outcome: Outcome
    slip_id: UUID | None = None
    error: DomainError | None = None
    planned: SlipSettlement | None = None
    """What the line would credit, in a dry run."""


@dataclass(kw_only=True, slots=True)
class ImportProgress:
    """The outcomes of an import so far."""

    counts: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    rejects: dict[int, DomainError] = field(default_factory=dict)
    slip_ids: set[UUID] = field(default_factory=set)
    planned: list[SlipSettlement] = field(default_factory=list)

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
) -> Iterator[LineOutcome]:
    """Apply `events`, the lines of each slip together, and the slips in the order of their closing.

    `held` is a lease that each transaction holds. With `dry_run` nothing is written.
    """
    application = _Application(
        casino=casino,
        actor=actor,
        held=held,
        allow_long_play=allow_long_play,
        plan=PlannedPlay() if dry_run else None,
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
    to_come: dict[str, SlipLines] = field(default_factory=dict)

    def apply(self, slips: Sequence[SlipLines]) -> Iterator[LineOutcome]:
        """Apply all slips in order; one that another slip of the file holds up follows that one."""
        self.to_come = {lines.key: lines for lines in slips}
        for start in range(0, len(slips), CHUNK_SLIPS):
            if self.held is not None:
                self.held.renew()
            waiting = [lines for lines in slips[start : start + CHUNK_SLIPS] if lines.key in self.to_come]
            lookup = Lookup.of(self.casino, waiting)
            for lines in waiting:
                if lines.key in self.to_come:
                    yield from self._apply_slip(lines, lookup)

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
        """The outcomes of the lines of one slip. What stays busy is refused."""
        for _ in range(MAX_ATTEMPTS):
            try:
                with retry_when_busy():
                    return self._recorded(lines, lookup)
            except services.SlipChanged as changed:
                refusal: DomainError = changed
                lookup.read_again(lines.slip_number)
            except Busy as busy:
                drop_lost_connection()
                refusal = busy
                break
        return [LineOutcome(line=event.line, outcome=Outcome.REJECTED, error=refusal) for event in lines.events]

    def _recorded(self, lines: SlipLines, lookup: Lookup) -> list[LineOutcome]:
        slip = lookup.slips.get(lines.slip_number)
        events = lines.in_order()
        states = slip.states_of(events) if slip else [LineState(is_recorded=False)] * len(events)
        new = {event.line: state for event, state in zip(events, states, strict=True) if not state.is_recorded}
        refusals: dict[int, DomainError] = {}
        acts: dict[int, Act] = {}
        for event in with_pauses_in_order(
            [event for event in events if event.line in new], is_paused=slip is not None and slip.is_paused
        ):
            try:
                card = slip.player_card if slip else lines.card
                acts[event.line] = self._act(event, new[event.line], card=card, lookup=lookup)
            except DomainError as refusal:
                refusals[event.line] = refusal
        self._refuse_without_opening(events, acts, refusals)
        slip_id = slip.slip_id if slip else None
        done: Recording | None = None
        if acts:
            done = services.record_play(
                casino=self.casino,
                slip_number=lines.slip_number,
                acts=list(acts.values()),
                actor=self.actor,
                lease=self.held,
                expected_version=slip.version if slip else None,
                long_play_confirmed=self.allow_long_play,
                still_to_come=self.to_come,
                plan=self.plan,
            )
            numbers = list(acts)
            refusals |= {numbers[position]: _for_a_file(error) for position, error in done.refusals.items()}
            slip_id = done.slip.pk if done.slip else None
        outcomes: list[LineOutcome] = []
        for event in events:
            if event.line in refusals:
                error = refusals[event.line]
                outcomes.append(LineOutcome(line=event.line, outcome=Outcome.REJECTED, error=error))
            elif event.line not in acts:
                outcomes.append(LineOutcome(line=event.line, outcome=Outcome.ALREADY_IMPORTED, slip_id=slip_id))
            else:
                outcomes.append(self._applied(event, done, slip_id=slip_id))
        return outcomes

    def _applied(self, event: RatingEvent, done: Recording | None, *, slip_id: UUID | None) -> LineOutcome:
        closed = done if event.kind == EventKind.CLOSE else None
        return LineOutcome(
            line=event.line,
            outcome=Outcome.OWED if closed and closed.is_owed else Outcome.APPLIED,
            slip_id=slip_id,
            planned=closed.settlement if closed and self.plan is not None else None,
        )

    def _act(self, event: RatingEvent, state: LineState, *, card: str | None, lookup: Lookup) -> Act:
        """:raises DomainError: the line cannot be an act of its slip."""
        is_opening = event.kind == EventKind.OPEN
        if not is_opening and card is not None and event.player_card not in {None, card}:
            raise OtherPlayersSlip(
                f"Slip {event.slip_number} is that of another player. Recorded: card {card}; this line: card "
                f"{event.player_card}."
            )
        if state.refusal is not None:
            raise state.refusal
        return Act(
            kind=_KINDS[event.kind],
            at=event.occurred_at,
            player=lookup.player_id(event.player_card) if is_opening else None,
            table=lookup.table_id(event.table) if event.table else None,
            seat=event.seat,
            average_bet=event.average_bet,
            buy_in=event.buy_in,
            chips_out=event.chips_out,
        )

    def _refuse_without_opening(
        self, events: Sequence[RatingEvent], acts: dict[int, Act], refusals: dict[int, DomainError]
    ) -> None:
        """Refuse all lines that are not recorded if the line that opens the slip is refused."""
        openings = [event.line for event in events if event.kind == EventKind.OPEN]
        if openings and openings[0] in refusals:
            because = refusals[openings[0]]
            for line in acts:
                slip_number = events[0].slip_number
                refusals[line] = services.SlipNotOpened(
                    f"The OPEN of slip {slip_number} (line {openings[0]}) was refused: {because.message}"
                )
            acts.clear()


_KINDS: Final = {
    EventKind.OPEN: RequestKind.OPEN,
    EventKind.BET: RequestKind.CHANGE_BET,
    EventKind.PAUSE: RequestKind.PAUSE,
    EventKind.RESUME: RequestKind.RESUME,
    EventKind.MOVE: RequestKind.MOVE,
    EventKind.CLOSE: RequestKind.CLOSE,
}


def _for_a_file(error: DomainError) -> DomainError:
    """The refusal of an act, as the command's user can act on it."""
    if isinstance(error, services.LongPlayNotConfirmed):
        return LongPlay(f"{error.message} If it is right, import the line with --allow-long-play.")
    return error
