"""The lines of a file, slip by slip, and the order in which they are applied."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import Final

from ratingslips.imports.events import EventKind, RatingEvent

_LAST: Final = datetime.max.replace(tzinfo=UTC)
_PAUSES: Final = (EventKind.PAUSE, EventKind.RESUME)


@dataclass(kw_only=True, slots=True)
class SlipLines:
    """The lines of one slip, in the order of the file."""

    slip_number: str
    events: list[RatingEvent] = field(default_factory=list)

    @property
    def key(self) -> str:
        """The slip number in capitals: two slips never differ in case alone."""
        return self.slip_number.upper()

    @property
    def card(self) -> str | None:
        """The card of the player, by the first line that opens the slip."""
        return next((event.player_card for event in self.events if event.kind == EventKind.OPEN), None)

    @property
    def closes_at(self) -> datetime:
        """When the slip closes; a slip that stays open comes after all others."""
        return max((event.occurred_at for event in self.events if event.kind == EventKind.CLOSE), default=_LAST)

    @property
    def begins_at(self) -> datetime:
        """The instant of the earliest line."""
        return min(event.occurred_at for event in self.events)

    def in_order(self) -> list[RatingEvent]:
        """The lines in order of time.

        OPEN comes first, and of one instant CLOSE comes last. Others keep the order of the file, or the opposite one
        if the file has the newest line of the slip first.
        """
        newest_first = self.events[0].occurred_at > self.events[-1].occurred_at
        return sorted(self.events[::-1] if newest_first else self.events, key=_place)


def with_pauses_in_order(events: Iterable[RatingEvent], *, is_paused: bool) -> list[RatingEvent]:
    """The lines; of the PAUSE and RESUME lines of one instant, the one that fits the slip's state comes first."""
    ordered: list[RatingEvent] = []
    for _, moment in groupby(events, key=attrgetter("occurred_at")):
        for event in _fitted(list(moment), is_paused=is_paused):
            ordered.append(event)
            is_paused = event.kind == EventKind.PAUSE or (is_paused and event.kind != EventKind.RESUME)
    return ordered


def _place(event: RatingEvent) -> tuple[bool, datetime, bool]:
    return event.kind != EventKind.OPEN, event.occurred_at, event.kind == EventKind.CLOSE


def _fitted(moment: list[RatingEvent], *, is_paused: bool) -> list[RatingEvent]:
    """The lines of one instant, with the first fitting PAUSE or RESUME moved before the others of these two kinds."""
    places = [place for place, event in enumerate(moment) if event.kind in _PAUSES]
    fitting = _PAUSES[is_paused]
    first = next((place for place in places if moment[place].kind == fitting), None)
    if first is not None and first != places[0]:
        moment.insert(places[0], moment.pop(first))
    return moment


def by_slip(events: Iterable[RatingEvent]) -> list[SlipLines]:
    """The lines of each slip, the slips in the order of their closing, which is that of their points."""
    slips: dict[str, SlipLines] = {}
    for event in events:
        slips.setdefault(event.slip_number.upper(), SlipLines(slip_number=event.slip_number)).events.append(event)
    return sorted(slips.values(), key=lambda lines: (lines.closes_at, lines.begins_at, lines.events[0].line))
