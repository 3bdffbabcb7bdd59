"""Bringing in what the floor recorded elsewhere: each line by the service that its event calls for, each by itself."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from django.db import connection

from core.clock import InvalidTime
from core.errors import Busy, DomainError, NotFound
from core.models import Casino, User
from core.retries import patient
from core.transactions import drop_lost_connection
from ratingslips import services
from ratingslips.imports.csv_files import BadRecord
from ratingslips.imports.events import EventKind, RatingEvent
from ratingslips.imports.lookup import Books
from ratingslips.imports.reconcile import ProcessedLines, Standing, StandingSlip, standings_of
from ratingslips.models import RatingSlip

CHUNK_LINES: Final = 500
MAX_CHUNK_LINES: Final = 5_000
MAX_REJECTED_LINES: Final = 10_000
IMPORT_LOCK: Final = 0x5261_7445  # first key of the advisory lock; the casino's id is the second


class UnknownSlip(NotFound):
    """The casino has no slip of this number."""

    code = "UNKNOWN_SLIP"


class OtherPlayersSlip(DomainError):
    """The line names another player than the slip does."""

    code = "OTHER_PLAYERS_SLIP"


class ImportRunning(DomainError):
    """Another import of this casino is under way."""

    code = "IMPORT_RUNNING"


class TooManyRejectedLines(DomainError):
    """So many lines were refused that the file is unlikely to be this casino's."""

    code = "TOO_MANY_REJECTED_LINES"


class Outcome(StrEnum):
    """What became of a line."""

    APPLIED = "applied"
    OWED = "owed"  # applied: the slip is closed, and its points will be paid by recovery
    STANDS = "already_imported"
    REJECTED = "rejected"


@dataclass(frozen=True, kw_only=True, slots=True)
class LineOutcome:
    """What became of one line, with the slip that it is about, or the refusal."""

    line: int
    outcome: Outcome
    slip_id: UUID | None = None
    error: DomainError | None = None


@dataclass(kw_only=True, slots=True)
class ImportProgress:
    """What an import has done so far."""

    counts: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    rejects: dict[int, DomainError] = field(default_factory=dict)
    slip_ids: set[UUID] = field(default_factory=set)

    @property
    def lines(self) -> int:
        """How many lines were dealt with."""
        return sum(self.counts.values())

    @property
    def applied(self) -> int:
        """How many lines changed something."""
        return self.counts[Outcome.APPLIED] + self.counts[Outcome.OWED]

    def add(self, outcome: LineOutcome) -> None:
        """Count one more line."""
        self.counts[outcome.outcome] += 1
        if outcome.error:
            self.rejects[outcome.line] = outcome.error
        if outcome.slip_id:
            self.slip_ids.add(outcome.slip_id)


def import_rating_events(
    *, casino: Casino, actor: User, lines: Iterable[RatingEvent | BadRecord], progress: ImportProgress
) -> Iterator[ImportProgress]:
    """Apply `lines` one after the other, and give `progress` after each.

    Every line is a commit of its own: a line that is refused changes nothing, and an import that ends half way can be
    run again, since lines that stand already are known again.

    :raises ImportRunning: another import of this casino is under way.
    :raises TooManyRejectedLines: the file is not this casino's, or not one of rating events.
    """
    settled = ProcessedLines()
    with _only_import(casino):
        for chunk in _chunks(lines):
            for outcome in apply_events(casino=casino, actor=actor, events=chunk, settled=settled):
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
    settled: ProcessedLines | None = None,
) -> Iterator[LineOutcome]:
    """Apply `events`, as many as fit into memory, one after the other; each is a commit of its own.

    Where they are a part of a file, `settled` are the lines before them, and will be those up to their end.
    """
    chunk = list(events)
    if settled is None:
        settled = ProcessedLines()
    books = Books.of(casino, [event for event in chunk if isinstance(event, RatingEvent)])
    standings = standings_of(chunk, slips=books.slips, settled=settled)
    for event, standing in zip(chunk, standings, strict=True):
        if isinstance(event, BadRecord):
            yield LineOutcome(line=event.line, outcome=Outcome.REJECTED, error=event.error)
            continue
        outcome = _outcome(event, standing, books=books, actor=actor)
        if outcome.outcome != Outcome.REJECTED:
            settled.add(event)
        yield outcome


def _chunks(lines: Iterable[RatingEvent | BadRecord]) -> Iterator[list[RatingEvent | BadRecord]]:
    """Cut `lines` into chunks, not within a moment if that can be helped: a line is judged by what follows it there."""
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


@contextmanager
def _only_import(casino: Casino) -> Iterator[None]:
    """Keep other imports of the casino out: two at once would each record the same change of bet.

    :raises ImportRunning: there is one.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [IMPORT_LOCK, casino.pk])
        if not cursor.fetchone()[0]:
            raise ImportRunning(f"Another import for {casino} is under way. Wait until it ends, then run this again.")
    try:
        yield
    finally:
        if connection.connection is not None and not connection.connection.closed and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [IMPORT_LOCK, casino.pk])


def _outcome(event: RatingEvent, standing: Standing, *, books: Books, actor: User) -> LineOutcome:
    """Apply one event. Services run again where that helps; a line that stays busy or unknown is refused."""
    try:
        with patient():
            outcome = _apply(event, standing, books=books, actor=actor)
    except Busy as busy:
        drop_lost_connection()
        books.slips.pop(event.slip_number, None)
        return LineOutcome(line=event.line, outcome=Outcome.REJECTED, error=busy)
    except DomainError as refusal:
        return LineOutcome(line=event.line, outcome=Outcome.REJECTED, error=refusal)
    return LineOutcome(line=event.line, outcome=outcome, slip_id=books.slips[event.slip_number].slip_id)


def _apply(event: RatingEvent, standing: Standing, *, books: Books, actor: User) -> Outcome:
    if standing == Standing.STANDS:
        return Outcome.STANDS
    if event.kind == EventKind.OPEN:
        opened = _open(event, books=books, actor=actor)
        books.slips[event.slip_number] = StandingSlip.opened(opened, player_card=event.player_card or "")
        return Outcome.APPLIED
    slip = books.slips.get(event.slip_number) or books.read_again(event.slip_number)
    if slip is None:
        raise UnknownSlip(f"There is no slip {event.slip_number} in this casino.")
    if event.player_card not in {None, slip.player_card}:
        raise OtherPlayersSlip(f"Slip {event.slip_number} is not that of the player with card {event.player_card}.")
    if standing == Standing.OVERTAKEN and slip.closed_at is None:
        at = event.occurred_at.isoformat()
        raise InvalidTime(f"Events of slip {event.slip_number} at {at} come after this line and stand already.")
    outcome = _change(slip, event, books=books, actor=actor)
    books.slips[event.slip_number] = slip.changed(event)
    return outcome


def _open(event: RatingEvent, *, books: Books, actor: User) -> RatingSlip:
    assert event.seat is not None
    assert event.average_bet is not None
    return services.open_rating_slip(
        player=books.player_id(event.player_card),
        table=books.table_id(event.table),
        seat=event.seat,
        average_bet=event.average_bet,
        buy_in=event.buy_in,
        slip_number=event.slip_number,
        actor=actor,
        at=event.occurred_at,
    )


def _change(slip: StandingSlip, event: RatingEvent, *, books: Books, actor: User) -> Outcome:
    slip_id, at = slip.slip_id, event.occurred_at
    match event.kind:
        case EventKind.BET:
            assert event.average_bet is not None
            services.change_average_bet(slip=slip_id, average_bet=event.average_bet, actor=actor, at=at)
        case EventKind.PAUSE:
            services.pause_rating_slip(slip=slip_id, actor=actor, at=at)
        case EventKind.RESUME:
            services.resume_rating_slip(slip=slip_id, actor=actor, at=at)
        case EventKind.MOVE:
            services.move_rating_slip(
                slip=slip_id,
                table=books.table_id(event.table),
                seat=event.seat,
                average_bet=event.average_bet,
                actor=actor,
                at=at,
            )
        case _:
            return _close(slip, event, actor=actor)
    return Outcome.APPLIED


def _close(slip: StandingSlip, event: RatingEvent, *, actor: User) -> Outcome:
    """Close the slip; a close that repeats another one than the line's own is a refusal here."""
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
        )
    except services.PartialCompletion as partial:
        if partial.replayed:
            raise closed_before from partial
        return Outcome.OWED
    if settlement.replayed:
        raise closed_before
    return Outcome.APPLIED
