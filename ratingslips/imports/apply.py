"""Importing rating events: all lines of a slip in one transaction, slip after slip in the order of their closing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
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
from ratingslips.imports.progress import ImportProgress, LineOutcome, Outcome, PlannedClosing
from ratingslips.imports.reconcile import LineState, RecordedSlip
from ratingslips.imports.slip_lines import SlipLines, by_slip, with_pauses_in_order
from ratingslips.services import Act, BlockedBySlip, PlannedPlay, Recording, RequestKind

CHUNK_SLIPS: Final = 200
MAX_LINES: Final = 200_000
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
        added = with_pauses_in_order(
            [event for event in events if event.line in new], is_paused=slip is not None and slip.is_paused
        )
        card = slip.player_card if slip else lines.card
        acts, refusals = self._acts(added, new, card=card, first=events[0], lookup=lookup)
        done = self._record(lines, slip, list(acts.values())) if acts else None
        slip_id = slip.slip_id if slip else None
        if done is not None:
            numbers = list(acts)
            refusals |= {numbers[position]: error for position, error in done.refusals.items()}
            slip_id = done.slip.pk if done.slip else None
        outcomes = []
        for event in events:
            if event.line in refusals:
                error = _for_a_file(refusals[event.line])
                outcomes.append(LineOutcome(line=event.line, outcome=Outcome.REJECTED, error=error))
            elif event.line in acts:
                outcomes.append(self._applied(event, done, slip_id=slip_id))
            else:
                outcomes.append(LineOutcome(line=event.line, outcome=Outcome.ALREADY_IMPORTED, slip_id=slip_id))
        return outcomes

    def _acts(
        self,
        events: Sequence[RatingEvent],
        states: Mapping[int, LineState],
        *,
        card: str | None,
        first: RatingEvent,
        lookup: Lookup,
    ) -> tuple[dict[int, Act], dict[int, DomainError]]:
        """The acts of lines, and the refusals, by line. If the slip's `first` line is a refused OPEN, all are."""
        acts: dict[int, Act] = {}
        refusals: dict[int, DomainError] = {}
        for event in events:
            try:
                acts[event.line] = self._act(event, states[event.line], card=card, lookup=lookup)
            except DomainError as refusal:
                refusals[event.line] = refusal
        if first.kind != EventKind.OPEN or first.line not in refusals:
            return acts, refusals
        because = services.SlipNotOpened(
            f"The OPEN of slip {first.slip_number} (line {first.line}) was refused: {refusals[first.line].message}"
        )
        return {}, dict.fromkeys(acts, because) | refusals

    def _record(self, lines: SlipLines, slip: RecordedSlip | None, acts: Sequence[Act]) -> Recording:
        return services.record_play(
            casino=self.casino,
            slip_number=lines.slip_number,
            acts=acts,
            actor=self.actor,
            lease=self.held,
            expected_version=slip.version if slip else None,
            long_play_confirmed=self.allow_long_play,
            still_to_come=self.to_come,
            plan=self.plan,
        )

    def _applied(self, event: RatingEvent, done: Recording | None, *, slip_id: UUID | None) -> LineOutcome:
        closed = done if event.kind == EventKind.CLOSE else None
        planned = None
        if closed is not None and closed.slip is not None and self.plan is not None:
            planned = PlannedClosing(
                points=closed.settlement.points if closed.settlement else 0,
                theoretical_win=closed.slip.theoretical_win or Decimal(0),
            )
        return LineOutcome(
            line=event.line,
            outcome=Outcome.OWED if closed and closed.is_owed else Outcome.APPLIED,
            slip_id=slip_id,
            planned=planned,
        )

    def _act(self, event: RatingEvent, state: LineState, *, card: str | None, lookup: Lookup) -> Act:
        """:raises DomainError: the line cannot be an act of its slip."""
        is_opening = event.kind == EventKind.OPEN
        if not is_opening and card is not None and event.player_card not in {None, card}:
            slip = lookup.slips.get(event.slip_number)
            raise OtherPlayersSlip(
                f"Slip {event.slip_number} is that of another player. Recorded: card {card}; this line: card "
                f"{event.player_card}.{slip.changed_since if slip else ''}"
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
            means=event.means,
        )


_KINDS: Final = {
    EventKind.OPEN: RequestKind.OPEN,
    EventKind.BET: RequestKind.CHANGE_BET,
    EventKind.PAUSE: RequestKind.PAUSE,
    EventKind.RESUME: RequestKind.RESUME,
    EventKind.MOVE: RequestKind.MOVE,
    EventKind.BUY_IN: RequestKind.BUY_IN,
    EventKind.CHIPS_OUT: RequestKind.CHIPS_OUT,
    EventKind.CLOSE: RequestKind.CLOSE,
}


def _for_a_file(error: DomainError) -> DomainError:
    """The refusal of an act, as the command's user can act on it."""
    if isinstance(error, services.LongPlayNotConfirmed):
        return LongPlay(f"{error.because} If that is right, import the line with --allow-long-play.")
    if isinstance(error, services.BeforeLastEvent):
        return services.BeforeLastEvent(f"{error.message} “Correct play” on the slip's page can add it.")
    return error
