"""Comparing the lines of a file with the events that their slips have: an import that runs again changes nothing."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import Enum, auto
from typing import Final, Self
from uuid import UUID

from django.db.models import Prefetch
from django.db.models.functions import Upper

from core.models import Casino
from ratingslips.history import Event, SlipEventKind, events_of
from ratingslips.imports.csv_files import BadRecord
from ratingslips.imports.events import EventKind, RatingEvent
from ratingslips.models import PlaySegment, RatingSlip

_KIND_IN_FILE: Final[Mapping[SlipEventKind, EventKind]] = {
    SlipEventKind.OPENED: EventKind.OPEN,
    SlipEventKind.BET_CHANGED: EventKind.BET,
    SlipEventKind.PAUSED: EventKind.PAUSE,
    SlipEventKind.RESUMED: EventKind.RESUME,
    SlipEventKind.MOVED: EventKind.MOVE,
    SlipEventKind.CLOSED: EventKind.CLOSE,
}


class LineState(Enum):
    """Whether the slip of a line has the line's event already."""

    NEW = auto()
    RECORDED = auto()
    TOO_LATE = auto()  # not recorded, but a later line of the same slip and instant is


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedSlip:
    """A slip as an import needs it: its player's card, when it closed, and its events when it was read."""

    slip_id: UUID
    player_card: str
    closed_at: datetime | None
    buy_in: Decimal | None
    chips_out: Decimal | None
    events: Sequence[Event]

    @classmethod
    def of(cls, slip: RatingSlip) -> Self:
        """Read a slip that `recorded_slips` fetched."""
        return cls(
            slip_id=slip.pk,
            player_card=slip.player.card_number.upper(),
            closed_at=slip.closed_at,
            buy_in=slip.buy_in,
            chips_out=slip.chips_out,
            events=events_of(slip, list(slip.segments.all())),
        )

    @classmethod
    def opened(cls, slip: RatingSlip, *, player_card: str) -> Self:
        """A slip that a line of this import has just opened."""
        return cls(
            slip_id=slip.pk, player_card=player_card, closed_at=None, buy_in=slip.buy_in, chips_out=None, events=()
        )

    def changed(self, event: RatingEvent) -> Self:
        """The slip after `event` was applied; `events` stay as they were read."""
        return replace(self, closed_at=event.occurred_at if event.kind == EventKind.CLOSE else None)

    def states_of(self, lines: Sequence[RatingEvent], *, after: Sequence[RatingEvent]) -> list[LineState]:
        """Classify each line; `after` are earlier lines of the same slip. Both are in the order of the file."""
        recorded = self._are_recorded([*after, *lines])[len(after) :]
        states: list[LineState] = []
        recorded_instants: set[datetime] = set()
        for line, is_recorded in zip(reversed(lines), reversed(recorded), strict=True):
            if is_recorded:
                recorded_instants.add(line.occurred_at)
                states.append(LineState.RECORDED)
            else:
                states.append(LineState.TOO_LATE if line.occurred_at in recorded_instants else LineState.NEW)
        return states[::-1]

    def _are_recorded(self, lines: Sequence[RatingEvent]) -> list[bool]:
        """Whether the slip has the event of each line; one event matches one line, in order.

        A BET line that repeats the bet of its instant is recorded too: an unchanged bet is no event.
        """
        unmatched: dict[tuple[EventKind, datetime], list[Event]] = defaultdict(list)
        for event in self.events:
            unmatched[_KIND_IN_FILE[event.kind], event.at].append(event)
        recorded = []
        newest: RatingEvent | None = None  # the last line that is not recorded and names a bet
        for line in lines:
            candidates = unmatched[line.kind, line.occurred_at]
            match = next((index for index, event in enumerate(candidates) if self._matches(event, line)), None)
            if match is not None:
                del candidates[match]
            recorded.append(match is not None or self._repeats_the_bet(line, newest=newest))
            if not recorded[-1] and line.average_bet is not None:
                newest = line
        return recorded

    def _repeats_the_bet(self, line: RatingEvent, *, newest: RatingEvent | None) -> bool:
        """Whether a BET line has the bet that counts at its instant, by the events and by `newest`."""
        if line.kind != EventKind.BET or line.player_card not in {None, self.player_card}:
            return False
        before = [event for event in self.events if event.at <= line.occurred_at]
        if newest is not None and (not before or newest.occurred_at >= before[-1].at):
            return newest.occurred_at <= line.occurred_at and newest.average_bet == line.average_bet
        return bool(before) and before[-1].average_bet == line.average_bet

    def _matches(self, event: Event, line: RatingEvent) -> bool:
        """Whether an event of the line's kind and instant has the line's fields.

        An empty field matches any value, except chips out: an empty one means that none was recorded.
        """
        if line.player_card not in {None, self.player_card}:
            return False
        if event.kind == SlipEventKind.CLOSED:
            return line.buy_in in {None, self.buy_in} and line.chips_out == self.chips_out
        return (
            line.average_bet in {None, event.average_bet}
            and line.table in {None, event.table_name}
            and line.seat in {None, event.seat}
        )


class ProcessedLines:
    """The lines of an import that are recorded by now: for each slip, those of its latest instant.

    The event that matched one of them matches no other line. Lines of earlier instants need not be kept: nothing can
    be added to a slip before its last event, so no line is lost there.
    """

    def __init__(self) -> None:
        self._lines: dict[str, list[RatingEvent]] = {}

    def add(self, line: RatingEvent) -> None:
        """Keep one more line."""
        lines = self._lines.get(line.slip_number)
        if lines is None or line.occurred_at > lines[0].occurred_at:
            self._lines[line.slip_number] = [line]
        elif line.occurred_at == lines[0].occurred_at:
            lines.append(line)

    def of(self, slip_number: str) -> Sequence[RatingEvent]:
        """The kept lines of a slip, in the order in which they were processed."""
        return self._lines.get(slip_number, [])


def states_of(
    lines: Sequence[RatingEvent | BadRecord], *, slips: Mapping[str, RecordedSlip], processed: ProcessedLines
) -> list[LineState]:
    """Classify each line by its slip in `slips`; `processed` are the lines before them."""
    positions_of_slip: dict[str, list[tuple[int, RatingEvent]]] = defaultdict(list)
    for position, line in enumerate(lines):
        if isinstance(line, RatingEvent) and line.slip_number in slips:
            positions_of_slip[line.slip_number].append((position, line))
    states = [LineState.NEW] * len(lines)
    for slip_number, positions in positions_of_slip.items():
        of_slip = slips[slip_number].states_of([line for _, line in positions], after=processed.of(slip_number))
        for (position, _), state in zip(positions, of_slip, strict=True):
            states[position] = state
    return states


def recorded_slips(*, casino: Casino, slip_numbers: Collection[str]) -> dict[str, RecordedSlip]:
    """Read the slips of these numbers with all their segments, by number as given, in two statements."""
    given = {number.upper(): number for number in slip_numbers}
    segments = PlaySegment.objects.select_related("table", "started_by", "ended_by").order_by("slip", "seq")
    slips = (
        RatingSlip.objects.alias(number=Upper("slip_number"))
        .filter(casino=casino, number__in=given)
        .select_related("player", "closed_by")
        .prefetch_related(Prefetch("segments", segments))
        .order_by()
    )
    return {given[slip.slip_number.upper()]: RecordedSlip.of(slip) for slip in slips}
