"""The events of a slip, read from its segments, and the events since a version of it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from itertools import groupby, pairwise
from operator import attrgetter
from typing import Final, Self
from uuid import UUID

from core.models import User
from core.text import isolated
from ratingslips.models import PlaySegment, RatingSlip, SlipCorrection

# Relations to read with slips whose events are read: to prefetch with many, or to select with one.
LINKED_SLIPS: Final = ("continues", "reassigned_from", "reassigned_to")

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
    """A version of a slip: the `seq` of its last segment, and its status. Every event changes one of the two."""

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
    reason: str = ""
    recorded_at: datetime | None = None
    """When it was recorded, where its request is known."""
    linked: str = ""
    """The slip of the same visit or play that the event leads from or to, at the end of its words."""

    @property
    def place(self) -> str:
        """The table and seat after the event."""
        return f"{isolated(self.table_name)} seat {self.seat}"

    @property
    def words(self) -> str:
        """The event, for people."""
        return f"{self._own_words}{self.linked}"

    @property
    def _own_words(self) -> str:
        match self.kind:
            case SlipEventKind.OPENED:
                return f"Opened at {self.place}, average bet {self.average_bet:,.2f}"
            case SlipEventKind.BET_CHANGED:
                return f"Average bet {self.average_bet:,.2f}"
            case SlipEventKind.MOVED:
                return f"Moved to {self.place}"
            case SlipEventKind.CORRECTED | SlipEventKind.VOIDED if self.reason:
                return f"{self.kind.value.capitalize()} (“{isolated(self.reason)}”)"
            case _:
                return self.kind.value.capitalize()


def read_events(slip: RatingSlip) -> list[Event]:
    """Read all events of a slip, in two statements, or three if it was corrected."""
    segments = slip.segments.shown().select_related("table", "started_by", "ended_by").order_by("seq")
    corrections = slip.corrections.select_related("request__actor").order_by("number")
    return events_of(
        slip,
        list(segments),
        corrections=list(corrections) if slip.is_corrected else (),
        recorded=dict(slip.requests.values_list("correlation_id", "recorded_at")),
    )


def events_of(
    slip: RatingSlip,
    segments: Sequence[PlaySegment],
    *,
    corrections: Sequence[SlipCorrection] = (),
    recorded: Mapping[UUID, datetime] | None = None,
) -> list[Event]:
    """All events of a slip in order: those of its current play, and its corrections.

    `segments` are its current segments in order, of a void slip those that counted last, with table and staff;
    `corrections` are all of its corrections in order, with their request and its actor. `recorded` says when the
    request of a correlation id was recorded.
    """
    events = _in_order(slip, segments, corrections)
    recorded, linked = recorded or {}, _linked(slip)
    return [
        replace(event, recorded_at=recorded.get(event.correlation_id), linked=linked.get(event.kind, ""))
        for event in events
    ]


def _linked(slip: RatingSlip) -> dict[SlipEventKind, str]:
    """Which slip an event leads from or to, by its kind."""
    words = {}
    if slip.continues:
        words[SlipEventKind.OPENED] = f", continues slip {slip.continues.slip_number}"
    if slip.reassigned_from:
        words[SlipEventKind.OPENED] = f", with the play of slip {slip.reassigned_from.slip_number}"
    if slip.is_void and hasattr(slip, "reassigned_to"):
        words[SlipEventKind.VOIDED] = f", its play is on slip {slip.reassigned_to.slip_number}"
    return words


def _in_order(slip: RatingSlip, segments: Sequence[PlaySegment], corrections: Sequence[SlipCorrection]) -> list[Event]:
    events = list(_events_of_play(segments))
    last = corrections[-1] if corrections else None
    was_voided_live = last is not None and slip.is_void and last.status_before != Status.CLOSED
    if slip.closed_at is not None and not was_voided_live:
        events.append(_closing(slip, segments[-1], at=slip.closed_at))
    if last is None:
        return events
    position = _position_of(last, events)
    version = SlipVersion(seq=segments[-1].seq, status=slip.status) if slip.is_void else events[position - 1].version
    return [
        *events[:position],
        *_events_of_corrections(segments[-1], corrections, version=version),
        *events[position:],
    ]


def entered_events(
    slip: RatingSlip, segments: Sequence[PlaySegment], *, corrections: Sequence[SlipCorrection]
) -> list[Event]:
    """The events of a slip as they were entered, without what its corrections made of them.

    `segments` are all of its segments in order, also those that are superseded.
    """
    written = {correction.request.correlation_id for correction in corrections}
    lists = [list(group) for _, group in groupby(segments, key=attrgetter("superseded_by_id"))]
    events = [event for segments in lists for event in _events_of_play(segments)]
    first = next((correction for correction in corrections if correction.status_before == Status.CLOSED), None)
    closed_at = first.closed_at_before if first else slip.closed_at if slip.is_closed else None
    if closed_at is not None:
        last = [segment for segment in segments if segment.superseded_by_id == (first and first.pk)][-1]
        events.append(_closing(slip, last, at=closed_at))
    return [event for event in events if event.correlation_id not in written]


def _position_of(correction: SlipCorrection, events: Sequence[Event]) -> int:
    """The position after the events that a correction wrote; a closed or void slip has no later ones."""
    if correction.status_before == Status.CLOSED or correction.kind == SlipCorrection.Kind.VOIDED:
        return len(events)
    written = [event.correlation_id == correction.request.correlation_id for event in events]
    return len(written) - written[::-1].index(True)


def _events_of_corrections(
    last: PlaySegment, corrections: Sequence[SlipCorrection], *, version: SlipVersion
) -> Iterator[Event]:
    """The events of `corrections`; the version after one of them is that before the next one, at the end `version`."""
    for correction, following in pairwise([*corrections, None]):
        assert correction is not None
        is_void = correction.kind == SlipCorrection.Kind.VOIDED
        yield Event(
            kind=SlipEventKind.VOIDED if is_void else SlipEventKind.CORRECTED,
            at=correction.request.happened_at,
            by=correction.request.actor,
            correlation_id=correction.request.correlation_id,
            version=SlipVersion(seq=following.last_seq_before, status=following.status_before)
            if following
            else version,
            average_bet=last.average_bet,
            table_name=last.table.name,
            seat=last.seat,
            reason=correction.reason,
        )


def _closing(slip: RatingSlip, last: PlaySegment, *, at: datetime) -> Event:
    assert slip.closed_by is not None
    correlation_id, status = slip.correlation_id, Status.CLOSED
    return _event(last, SlipEventKind.CLOSED, at=at, by=slip.closed_by, correlation_id=correlation_id, status=status)


def _events_of_play(segments: Sequence[PlaySegment]) -> Iterator[Event]:
    is_paused = False
    for segment in segments:
        kind = _KIND_OF_START[Start(segment.started_as)]
        is_paused = is_paused and kind not in {SlipEventKind.OPENED, SlipEventKind.RESUMED}
        yield _event(
            segment,
            kind,
            at=segment.started_at,
            by=segment.started_by,
            correlation_id=segment.start_correlation_id,
            status=Status.PAUSED if is_paused else Status.OPEN,
        )
        # A change during a pause is a segment of no length that also ends as PAUSED; it does not begin another pause.
        if segment.ended_as == PlaySegment.End.PAUSED and not is_paused:
            assert segment.ended_at is not None
            assert segment.ended_by is not None
            assert segment.end_correlation_id is not None
            is_paused = True
            yield _event(
                segment,
                SlipEventKind.PAUSED,
                at=segment.ended_at,
                by=segment.ended_by,
                correlation_id=segment.end_correlation_id,
                status=Status.PAUSED,
            )


def last_event(last: PlaySegment) -> Event:
    """The last event of a live slip, read from its last segment."""
    events = list(_events_of_play([last]))
    # A change during a pause is a segment of no length, which ends as PAUSED too.
    return events[0] if last.ended_at == last.started_at else events[-1]


def _event(
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


def events_since(events: Sequence[Event], seen: SlipVersion) -> list[Event]:
    """The events after the version `seen`; all of them if the slip never had that version.

    A version of before a correction is known by its number alone: then the events are those from the correction on.
    """
    versions = [event.version for event in events]
    if seen in versions:
        return list(events[len(versions) - versions[::-1].index(seen) :])
    if seen.seq >= 1:
        kinds = {SlipEventKind.CORRECTED, SlipEventKind.VOIDED}
        later = (n for n, event in enumerate(events) if event.kind in kinds and event.version.seq > seen.seq)
        return list(events[next(later, 0) :])
    return list(events)
