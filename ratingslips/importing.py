"""Bringing in what the floor recorded elsewhere: each line by the service that its event calls for, each by itself."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Final
from uuid import UUID

from django.db import connection

from core.errors import Busy, DomainError, NotFound
from core.models import Casino, Player, User
from core.transactions import drop_lost_connection
from ratingslips import services
from ratingslips.csv_files import BadRecord
from ratingslips.models import GamingTable, RatingSlip
from ratingslips.rating_events import EventKind, RatingEvent
from ratingslips.standing import StandingSlip, standing_slips

CHUNK_LINES: Final = 500
MAX_ATTEMPTS: Final = 3
MAX_REJECTED_LINES: Final = 10_000
_IMPORT_LOCK: Final = 0x5261_7445  # first key of the advisory lock; the casino's id is the second


class UnknownPlayer(NotFound):
    """The casino has no player with this card."""

    code = "UNKNOWN_PLAYER"


class UnknownTable(NotFound):
    """The casino has no table of this name."""

    code = "UNKNOWN_TABLE"


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
    remaining = iter(lines)
    with _only_import(casino):
        while chunk := list(islice(remaining, CHUNK_LINES)):
            for outcome in apply_events(casino=casino, actor=actor, events=chunk):
                progress.add(outcome)
                yield progress
                if len(progress.rejects) >= MAX_REJECTED_LINES:
                    raise TooManyRejectedLines(
                        f"{MAX_REJECTED_LINES:,} lines were refused. Is this the casino's own file of rating events?"
                    )


def apply_events(*, casino: Casino, actor: User, events: Iterable[RatingEvent | BadRecord]) -> Iterator[LineOutcome]:
    """Apply `events`, as many as fit into memory, one after the other; each is a commit of its own."""
    chunk = list(events)
    books = _Books.of(casino, [event for event in chunk if isinstance(event, RatingEvent)])
    for event in chunk:
        if isinstance(event, BadRecord):
            yield LineOutcome(line=event.line, outcome=Outcome.REJECTED, error=event.error)
        else:
            yield _outcome(event, books=books, actor=actor)


@contextmanager
def _only_import(casino: Casino) -> Iterator[None]:
    """Keep other imports of the casino out: two at once would each record the same change of bet.

    :raises ImportRunning: there is one.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_IMPORT_LOCK, casino.pk])
        if not cursor.fetchone()[0]:
            raise ImportRunning(f"Another import for {casino} is under way. Wait until it ends, then run this again.")
    try:
        yield
    finally:
        if connection.connection is not None and not connection.connection.closed and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_IMPORT_LOCK, casino.pk])


@dataclass(kw_only=True, slots=True)
class _Books:
    """The players, tables and slips that a chunk of events speaks of."""

    casino: Casino
    players: dict[str, int]
    tables: dict[str, int]
    slips: dict[str, StandingSlip]

    @classmethod
    def of(cls, casino: Casino, events: list[RatingEvent]) -> "_Books":
        cards = {event.player_card for event in events if event.kind == EventKind.OPEN}
        names = {event.table for event in events if event.table}
        players = Player.objects.filter(casino=casino, card_number__in=cards).order_by()
        tables = GamingTable.objects.filter(casino=casino, name__in=names).order_by()
        return cls(
            casino=casino,
            players=dict(players.values_list("card_number", "pk")),
            tables=dict(tables.values_list("name", "pk")),
            slips=standing_slips(casino=casino, slip_numbers={event.slip_number for event in events}),
        )

    def player_id(self, card: str | None) -> int:
        """:raises UnknownPlayer: the casino has no such card."""
        if card not in self.players:
            raise UnknownPlayer(f"There is no player with card {card} in this casino.")
        return self.players[card]

    def table_id(self, name: str | None) -> int:
        """:raises UnknownTable: the casino has no such table."""
        if name not in self.tables:
            raise UnknownTable(f"There is no table {name} in this casino.")
        return self.tables[name]

    def read_again(self, slip_number: str) -> StandingSlip | None:
        """Read a slip from the database, whatever is remembered of it."""
        self.slips.pop(slip_number, None)
        self.slips.update(standing_slips(casino=self.casino, slip_numbers=[slip_number]))
        return self.slips.get(slip_number)


def _outcome(event: RatingEvent, *, books: _Books, actor: User) -> LineOutcome:
    """Apply one event; what was busy is tried again, after a look whether it was done in spite of the lost answer."""
    error: DomainError
    for _ in range(MAX_ATTEMPTS):
        try:
            outcome = _apply(event, books=books, actor=actor)
            return LineOutcome(line=event.line, outcome=outcome, slip_id=books.slips[event.slip_number].slip_id)
        except Busy as busy:
            error = busy
            drop_lost_connection()
            books.read_again(event.slip_number)
        except DomainError as refusal:
            error = refusal
            break
    return LineOutcome(line=event.line, outcome=Outcome.REJECTED, error=error)


def _apply(event: RatingEvent, *, books: _Books, actor: User) -> Outcome:
    slip = books.slips.get(event.slip_number)
    if slip and event.occurred_at <= slip.last_at:
        if slip.segments is None:
            slip = books.read_again(event.slip_number)
        if slip and slip.has(event):
            return Outcome.STANDS
    if event.kind == EventKind.OPEN:
        opened = _open(event, books=books, actor=actor)
        books.slips[event.slip_number] = StandingSlip.opened(opened, player_card=event.player_card or "")
        return Outcome.APPLIED
    slip = slip or books.read_again(event.slip_number)
    if slip is None:
        raise UnknownSlip(f"There is no slip {event.slip_number} in this casino.")
    if event.player_card not in {None, slip.player_card}:
        raise OtherPlayersSlip(f"Slip {event.slip_number} is not that of the player with card {event.player_card}.")
    outcome = _change(slip, event, books=books, actor=actor)
    books.slips[event.slip_number] = slip.changed(event)
    return outcome


def _open(event: RatingEvent, *, books: _Books, actor: User) -> RatingSlip:
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


def _change(slip: StandingSlip, event: RatingEvent, *, books: _Books, actor: User) -> Outcome:
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
