"""Importing rating events: each line is applied by the service for its kind of event, in its own transaction."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from core.clock import InvalidTime
from core.errors import Busy, DomainError, NotFound
from core.leases import LeaseHeld, lease
from core.models import Casino, User
from core.retries import retry_when_busy
from core.transactions import drop_lost_connection
from ratingslips import services
from ratingslips.imports.csv_files import BadRecord
from ratingslips.imports.events import EventKind, RatingEvent
from ratingslips.imports.lookup import Lookup
from ratingslips.imports.reconcile import LineState, ProcessedLines, RecordedSlip, states_of
from ratingslips.models import RatingSlip

CHUNK_LINES: Final = 500
MAX_CHUNK_LINES: Final = 5_000
MAX_REJECTED_LINES: Final = 10_000
IMPORT_LEASE: Final = "import"


class UnknownSlip(NotFound):
    """The casino has no slip of this number."""

    code = "UNKNOWN_SLIP"


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


@dataclass(kw_only=True, slots=True)
class ImportProgress:
    """The outcomes of an import so far."""

    counts: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    rejects: dict[int, DomainError] = field(default_factory=dict)
    slip_ids: set[UUID] = field(default_factory=set)

    @property
    def lines(self) -> int:
        """The number of lines processed."""
        return sum(self.counts.values())

    @property
    def applied(self) -> int:
        """The number of lines that changed something."""
        return self.counts[Outcome.APPLIED] + self.counts[Outcome.OWED]

    def add(self, outcome: LineOutcome) -> None:
        """Count one more line."""
        self.counts[outcome.outcome] += 1
        if outcome.error:
            self.rejects[outcome.line] = outcome.error
        if outcome.slip_id:
            self.slip_ids.add(outcome.slip_id)


def import_rating_events(
    *,
    casino: Casino,
    actor: User,
    lines: Iterable[RatingEvent | BadRecord],
    progress: ImportProgress,
    allow_long_play: bool = False,
) -> Iterator[ImportProgress]:
    """Apply `lines` one after the other, and give `progress` after each.

    A CLOSE of a slip that was played for longer than the casino's limit is refused unless `allow_long_play` is set.

    Each line is committed by itself. A refused line changes nothing. An import that was interrupted can run again:
    lines that are recorded already are recognised.

    :raises ImportRunning: another import of this casino is under way.
    :raises LeaseLost: another import was begun meanwhile, because this one was not active.
    :raises TooManyRejectedLines: the file is not this casino's, or not one of rating events.
    """
    processed = ProcessedLines()
    with lease(f"{IMPORT_LEASE}:{casino.pk}", refusal=ImportRunning) as held:
        for chunk in _chunks(lines):
            held.renew()
            for outcome in apply_events(
                casino=casino, actor=actor, events=chunk, processed=processed, allow_long_play=allow_long_play
            ):
                progress.add(outcome)
                yield progress
                if len(progress.rejects) >= MAX_REJECTED_LINES:
                    raise TooManyRejectedLines(
                        f"{MAX_REJECTED_LINES:,} lines were refused. Is this the casino's own file of rating events?"
                    )


def apply_events(
    *,
    casino: Casino,
    actor: User,
    events: Iterable[RatingEvent | BadRecord],
    processed: ProcessedLines | None = None,
    allow_long_play: bool = False,
) -> Iterator[LineOutcome]:
    """Apply `events`, which are held in memory, one after the other; each is committed by itself.

    If they are a part of a file, `processed` holds the lines before them; these lines are added to it.
    """
    chunk = list(events)
    if processed is None:
        processed = ProcessedLines()
    lookup = Lookup.of(casino, [event for event in chunk if isinstance(event, RatingEvent)])
    states = states_of(chunk, slips=lookup.slips, processed=processed)
    for event, state in zip(chunk, states, strict=True):
        if isinstance(event, BadRecord):
            yield LineOutcome(line=event.line, outcome=Outcome.REJECTED, error=event.error)
            continue
        outcome = _outcome(event, state, lookup=lookup, actor=actor, allow_long_play=allow_long_play)
        if outcome.outcome != Outcome.REJECTED:
            processed.add(event)
        yield outcome


def _chunks(lines: Iterable[RatingEvent | BadRecord]) -> Iterator[list[RatingEvent | BadRecord]]:
    """Split `lines` into chunks, between two instants if possible: lines of one instant are compared together."""
    chunk: list[RatingEvent | BadRecord] = []
    for line in lines:
        goes_on = chunk and _moment(line) == _moment(chunk[-1]) and len(chunk) < MAX_CHUNK_LINES
        if len(chunk) >= CHUNK_LINES and not goes_on:
            yield chunk
            chunk = []
        chunk.append(line)
    if chunk:
        yield chunk


def _moment(line: RatingEvent | BadRecord) -> datetime | None:
    return line.occurred_at if isinstance(line, RatingEvent) else None


def _outcome(
    event: RatingEvent, state: LineState, *, lookup: Lookup, actor: User, allow_long_play: bool
) -> LineOutcome:
    """Apply one event. Services run again where that helps; a line that stays busy or unknown is refused."""
    try:
        with retry_when_busy():
            outcome = _apply(event, state, lookup=lookup, actor=actor, allow_long_play=allow_long_play)
    except Busy as busy:
        drop_lost_connection()
        lookup.slips.pop(event.slip_number, None)
        return LineOutcome(line=event.line, outcome=Outcome.REJECTED, error=busy)
    except DomainError as refusal:
        return LineOutcome(line=event.line, outcome=Outcome.REJECTED, error=refusal)
    return LineOutcome(line=event.line, outcome=outcome, slip_id=lookup.slips[event.slip_number].slip_id)


def _apply(event: RatingEvent, state: LineState, *, lookup: Lookup, actor: User, allow_long_play: bool) -> Outcome:
    if state == LineState.RECORDED:
        return Outcome.ALREADY_IMPORTED
    if event.kind == EventKind.OPEN:
        opened = _open(event, lookup=lookup, actor=actor)
        lookup.slips[event.slip_number] = RecordedSlip.opened(opened, player_card=event.player_card or "")
        return Outcome.APPLIED
    slip = lookup.slips.get(event.slip_number) or lookup.read_again(event.slip_number)
    if slip is None:
        raise UnknownSlip(f"There is no slip {event.slip_number} in this casino.")
    if event.player_card not in {None, slip.player_card}:
        raise OtherPlayersSlip(f"Slip {event.slip_number} is not that of the player with card {event.player_card}.")
    if state == LineState.TOO_LATE and slip.closed_at is None:
        at = event.occurred_at.isoformat()
        raise InvalidTime(f"Events of slip {event.slip_number} at {at} come after this line and are recorded already.")
    if event.kind == EventKind.CLOSE:
        outcome = _close(slip, event, actor=actor, allow_long_play=allow_long_play)
    else:
        outcome = _change(slip, event, lookup=lookup, actor=actor)
    lookup.slips[event.slip_number] = slip.changed(event)
    return outcome


def _open(event: RatingEvent, *, lookup: Lookup, actor: User) -> RatingSlip:
    assert event.seat is not None
    assert event.average_bet is not None
    return services.open_rating_slip(
        player=lookup.player_id(event.player_card),
        table=lookup.table_id(event.table),
        seat=event.seat,
        average_bet=event.average_bet,
        buy_in=event.buy_in,
        slip_number=event.slip_number,
        actor=actor,
        at=event.occurred_at,
    )


def _change(slip: RecordedSlip, event: RatingEvent, *, lookup: Lookup, actor: User) -> Outcome:
    slip_id, at = slip.slip_id, event.occurred_at
    match event.kind:
        case EventKind.BET:
            assert event.average_bet is not None
            services.change_average_bet(slip=slip_id, average_bet=event.average_bet, actor=actor, at=at)
        case EventKind.PAUSE:
            services.pause_rating_slip(slip=slip_id, actor=actor, at=at)
        case EventKind.RESUME:
            services.resume_rating_slip(slip=slip_id, actor=actor, at=at)
        case _:
            services.move_rating_slip(
                slip=slip_id,
                table=lookup.table_id(event.table),
                seat=event.seat,
                average_bet=event.average_bet,
                actor=actor,
                at=at,
            )
    return Outcome.APPLIED


def _close(slip: RecordedSlip, event: RatingEvent, *, actor: User, allow_long_play: bool) -> Outcome:
    """Close the slip; a slip that was closed by something else than this line is refused."""
    closed_before = services.SlipClosed(f"Slip {event.slip_number} is closed: it can no longer be changed.")
    if slip.closed_at is not None:
        raise closed_before
    try:
        settlement = services.complete_rating_slip(
            slip=slip.slip_id,
            actor=actor,
            at=event.occurred_at,
            buy_in=event.buy_in,
            chips_out=event.chips_out,
            long_play_confirmed=allow_long_play,
        )
    except services.LongPlayNotConfirmed as refusal:
        raise LongPlay(f"{refusal.message} If it is right, import the line with --allow-long-play.") from refusal
    except services.PartialCompletion as partial:
        if partial.replayed:
            raise closed_before from partial
        return Outcome.OWED
    if settlement.replayed:
        raise closed_before
    return Outcome.APPLIED
