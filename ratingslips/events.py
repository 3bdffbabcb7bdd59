"""The events of the play of a slip, read from one list of its segments, and the versions that they lead to."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Final, Self
from uuid import UUID

from core.models import User
from core.text import isolated
from ratingslips.models import PlaySegment, RatingSlip

_VERSION: Final = re.compile(r"([0-9]{1,9})-([A-Z]{1,6})")

Start = PlaySegment.Start
Status = RatingSlip.Status


class SlipEventKind(StrEnum):
    """The kind of an event."""

    OPENED = "opened"
    BET_CHANGED = "bet changed"
    MOVED = "moved"
    PAUSED = "paused"
    RESUMED = "resumed"
    CLOSED = "closed"
    CORRECTED = "corrected"
    VOIDED = "voided"


_KIND_OF_START = {
    Start.OPENED: SlipEventKind.OPENED,
    Start.RESUMED: SlipEventKind.RESUMED,
    Start.BET_CHANGED: SlipEventKind.BET_CHANGED,
    Start.MOVED: SlipEventKind.MOVED,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class SlipVersion:
    """A version of a slip: the `seq` of its last segment, and its status.

    Every event changes one of the two. A buy-in or chips out that is recorded by itself changes neither.
    """

    seq: int
    status: str

    @property
    def text(self) -> str:
        """The version as a page carries it and sends it back: "3-OPEN"."""
        return f"{self.seq}-{self.status}"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read the version that a page sent; for invalid text, give a version that no slip has."""
        found = _VERSION.fullmatch(text)
        return cls(seq=int(found[1]), status=found[2]) if found else cls(seq=0, status="")


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One event of a slip: when, by whom, in which request or command, and the slip's state after it."""

    kind: SlipEventKind
    at: datetime
    by: User
    correlation_id: UUID
    version: SlipVersion
    average_bet: Decimal
    table_name: str
    seat: int
    has_new_bet: bool = False
    """Whether it is a move that changed the average bet too."""
    reason: str = ""
    recorded_at: datetime | None = None
    """When it was recorded, where its request is known."""
    correction: int | None = None
    """The number of the correction that it is, or that entered it."""
    superseded_by: int | None = None
    """The number of the correction after which it counts no more."""
    linked: str = ""
    """The slip of the same visit or play that the event leads from or to, at the end of its words."""

    @property
    def place(self) -> str:
        """The table and seat after the event."""
        return f"{isolated(self.table_name)} seat {self.seat}"

    @property
    def new_bet(self) -> str:
        """The average bet of a move that changed it, for the end of its words; else empty."""
        return f", average bet {self.average_bet:,.2f}" if self.has_new_bet else ""

    @property
    def words(self) -> str:
        """The event, for people."""
        return f"{self._own_words}{self.linked}"

    @property
    def mark(self) -> str:
        """Which corrections entered and superseded it, for people; empty if none did."""
        entered = f"correction {self.correction}" if self.correction else ""
        superseded = f"superseded by correction {self.superseded_by}" if self.superseded_by else ""
        return ", ".join(filter(None, (entered, superseded)))

    @property
    def _own_words(self) -> str:
        match self.kind:
            case SlipEventKind.OPENED:
                return f"Opened at {self.place}, average bet {self.average_bet:,.2f}"
            case SlipEventKind.BET_CHANGED:
                return f"Average bet {self.average_bet:,.2f}"
            case SlipEventKind.MOVED:
                return f"Moved to {self.place}{self.new_bet}"
            case SlipEventKind.CORRECTED | SlipEventKind.VOIDED if self.reason:
                return f"{self.kind.value.capitalize()} (“{isolated(self.reason)}”)"
            case _:
                return self.kind.value.capitalize()


def events_of_play(segments: Sequence[PlaySegment]) -> Iterator[Event]:
    """The events of one list of segments, in order, but for the closing; with table and staff."""
    is_paused = False
    for before, segment in pairwise([None, *segments]):
        assert segment is not None
        kind = _KIND_OF_START[Start(segment.started_as)]
        is_paused = is_paused and kind not in {SlipEventKind.OPENED, SlipEventKind.RESUMED}
        event = event_of(
            segment,
            kind,
            at=segment.started_at,
            by=segment.started_by,
            correlation_id=segment.start_correlation_id,
            status=Status.PAUSED if is_paused else Status.OPEN,
        )
        is_new = kind == SlipEventKind.MOVED and before is not None and before.average_bet != segment.average_bet
        yield replace(event, has_new_bet=is_new)
        # A change during a pause is a segment of no length that also ends as PAUSED; it does not begin another pause.
        if segment.ended_as == PlaySegment.End.PAUSED and not is_paused:
            assert segment.ended_at is not None
            assert segment.ended_by is not None
            assert segment.end_correlation_id is not None
            is_paused = True
            yield event_of(
                segment,
                SlipEventKind.PAUSED,
                at=segment.ended_at,
                by=segment.ended_by,
                correlation_id=segment.end_correlation_id,
                status=Status.PAUSED,
            )


def last_event(last: PlaySegment) -> Event:
    """The last event of a live slip, read from its last segment."""
    events = list(events_of_play([last]))
    # A change during a pause is a segment of no length, which ends as PAUSED too.
    return events[0] if last.ended_at == last.started_at else events[-1]


def event_of(
    segment: PlaySegment,
    kind: SlipEventKind,
    *,
    at: datetime,
    by: User,
    correlation_id: UUID,
    status: RatingSlip.Status,
) -> Event:
    return Event(
        kind=kind,
        at=at,
        by=by,
        correlation_id=correlation_id,
        version=SlipVersion(seq=segment.seq, status=status),
        average_bet=segment.average_bet,
        table_name=segment.table.name,
        seat=segment.seat,
    )
