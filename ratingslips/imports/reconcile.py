"""Which events a slip already has: how an import that is run again knows what it did."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import Enum, auto
from typing import Final, Self
from uuid import UUID

from django.db.models import Prefetch

from core.models import Casino
from ratingslips.imports.csv_files import BadRecord
from ratingslips.imports.events import EventKind, RatingEvent
from ratingslips.models import PlaySegment, RatingSlip

Start = PlaySegment.Start
End = PlaySegment.End

_KIND_OF_START: Final[Mapping[str, EventKind]] = {
    Start.OPENED: EventKind.OPEN,
    Start.BET_CHANGED: EventKind.BET,
    Start.RESUMED: EventKind.RESUME,
    Start.MOVED: EventKind.MOVE,
}


class Standing(Enum):
    """How a line of a file stands to what its slip has already."""

    NEW = auto()
    STANDS = auto()
    OVERTAKEN = auto()  # not there, but a later line of the same slip and moment is


@dataclass(frozen=True, kw_only=True, slots=True)
class StandingEvent:
    """One of the events that made a slip what it is, with the segment that it began; a pause or a close has none."""

    kind: EventKind
    at: datetime
    begun: PlaySegment | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class StandingSlip:
    """What an import knows of a slip: whose it is, whether it is closed, and its events when it was read."""

    slip_id: UUID
    player_card: str
    closed_at: datetime | None
    buy_in: Decimal | None
    chips_out: Decimal | None
    events: Sequence[StandingEvent]

    @classmethod
    def of(cls, slip: RatingSlip) -> Self:
        """Read a slip that was fetched with its player, segments (in order) and their tables."""
        return cls(
            slip_id=slip.pk,
            player_card=slip.player.card_number,
            closed_at=slip.closed_at,
            buy_in=slip.buy_in,
            chips_out=slip.chips_out,
            events=_events_of(slip),
        )

    @classmethod
    def opened(cls, slip: RatingSlip, *, player_card: str) -> Self:
        """A slip that was opened just now, by a line of this import."""
        return cls(
            slip_id=slip.pk, player_card=player_card, closed_at=None, buy_in=slip.buy_in, chips_out=None, events=()
        )

    def changed(self, event: RatingEvent) -> Self:
        """The slip after `event` was applied to it; `events` stay those that were read."""
        return replace(self, closed_at=event.occurred_at if event.kind == EventKind.CLOSE else None)

    def standings(self, lines: Sequence[RatingEvent], *, after: Sequence[RatingEvent]) -> list[Standing]:
        """How each of the `lines` stands, which follow those `after` which they come; all in the order of the file."""
        answered = self._answered([*after, *lines])[len(after) :]
        found: list[Standing] = []
        moments_that_stand: set[datetime] = set()
        for line, stands in zip(reversed(lines), reversed(answered), strict=True):
            if stands:
                moments_that_stand.add(line.occurred_at)
                found.append(Standing.STANDS)
            else:
                found.append(Standing.OVERTAKEN if line.occurred_at in moments_that_stand else Standing.NEW)
        return found[::-1]

    def _answered(self, lines: Sequence[RatingEvent]) -> list[bool]:
        """Whether the slip has each of the `lines` as an event: one event answers for one line, in order."""
        unused: dict[tuple[EventKind, datetime], list[StandingEvent]] = defaultdict(list)
        for event in self.events:
            unused[event.kind, event.at].append(event)
        answered = []
        for line in lines:
            candidates = unused[line.kind, line.occurred_at]
            match = next((index for index, event in enumerate(candidates) if self._agrees(event, line)), None)
            if match is not None:
                del candidates[match]
            answered.append(match is not None)
        return answered

    def _agrees(self, event: StandingEvent, line: RatingEvent) -> bool:
        """Whether a line may be about an event of its own kind and moment; a field that it leaves out says nothing."""
        if line.player_card not in {None, self.player_card}:
            return False
        if event.kind == EventKind.CLOSE:
            return line.buy_in in {None, self.buy_in} and line.chips_out == self.chips_out
        return event.begun is None or (
            line.average_bet in {None, event.begun.average_bet}
            and line.table in {None, event.begun.table.name}
            and line.seat in {None, event.begun.seat}
        )


class ProcessedLines:
    """The lines that an import has applied or found standing: of each slip, those of its latest moment.

    They are remembered because what answered for them answers for no other line. Earlier ones need not be: at an
    earlier moment nothing can be added to a slip any more, so no line is lost there.
    """

    def __init__(self) -> None:
        self._lines: dict[str, list[RatingEvent]] = {}

    def add(self, line: RatingEvent) -> None:
        """Remember one more line."""
        lines = self._lines.get(line.slip_number)
        if lines is None or line.occurred_at > lines[0].occurred_at:
            self._lines[line.slip_number] = [line]
        elif line.occurred_at == lines[0].occurred_at:
            lines.append(line)

    def of(self, slip_number: str) -> Sequence[RatingEvent]:
        """The lines of a slip, in the order in which they were dealt with."""
        return self._lines.get(slip_number, [])


def standings_of(
    lines: Sequence[RatingEvent | BadRecord], *, slips: Mapping[str, StandingSlip], settled: ProcessedLines
) -> list[Standing]:
    """How each of the `lines` stands to the `slips`, given the lines that came before them."""
    places_of_slip: dict[str, list[tuple[int, RatingEvent]]] = defaultdict(list)
    for place, line in enumerate(lines):
        if isinstance(line, RatingEvent) and line.slip_number in slips:
            places_of_slip[line.slip_number].append((place, line))
    found = [Standing.NEW] * len(lines)
    for slip_number, places in places_of_slip.items():
        standings = slips[slip_number].standings([line for _, line in places], after=settled.of(slip_number))
        for (place, _), standing in zip(places, standings, strict=True):
            found[place] = standing
    return found


def _events_of(slip: RatingSlip) -> list[StandingEvent]:
    """The events that a slip's segments tell of, in order; a segment without length may record a change in a pause."""
    events = []
    paused = False
    for segment in slip.segments.all():
        events.append(StandingEvent(kind=_KIND_OF_START[segment.started_as], at=segment.started_at, begun=segment))
        changed_in_pause = paused and segment.started_as != Start.RESUMED
        paused = segment.ended_as == End.PAUSED
        if paused and not changed_in_pause:
            assert segment.ended_at is not None
            events.append(StandingEvent(kind=EventKind.PAUSE, at=segment.ended_at))
    if slip.closed_at is not None:
        events.append(StandingEvent(kind=EventKind.CLOSE, at=slip.closed_at))
    return events


def standing_slips(*, casino: Casino, slip_numbers: Collection[str]) -> dict[str, StandingSlip]:
    """Read the slips of these numbers with all their segments, by number, in two statements."""
    slips = (
        RatingSlip.objects.filter(casino=casino, slip_number__in=slip_numbers)
        .select_related("player")
        .prefetch_related(Prefetch("segments", PlaySegment.objects.select_related("table").order_by("slip", "seq")))
        .order_by()
    )
    return {slip.slip_number: StandingSlip.of(slip) for slip in slips}
