"""The history of a slip: its events, those that corrections superseded, and the events since a version of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby, pairwise
from operator import attrgetter
from typing import Final
from uuid import UUID

from core.kept_queries import KeptQuery
from ratingslips.events import Event, SlipEventKind, SlipVersion, event_of, events_of_play
from ratingslips.models import PlaySegment, RatingSlip, SlipCorrection, SlipRequest

# Relations to read with slips whose events are read: to prefetch with many, or to select with one.
LINKED_SLIPS: Final = ("continues", "continued_by", "reassigned_from", "reassigned_to")

Status = RatingSlip.Status


_segments = KeptQuery(
    lambda slip_id: (
        PlaySegment.objects.filter(slip=slip_id).select_related("table", "started_by", "ended_by").order_by("seq")
    )
)
_requests = KeptQuery(
    lambda slip_id: SlipRequest.objects.filter(slip=slip_id).only("correlation_id", "recorded_at").order_by()
)


def read_events(slip: RatingSlip) -> list[Event]:
    """Read all events of a slip, in two statements, or three if it was corrected."""
    corrections = slip.corrections.select_related("request__actor").order_by("number")
    return events_of(
        slip,
        _segments(slip.pk),
        corrections=list(corrections) if slip.is_corrected else (),
        recorded={request.correlation_id: request.recorded_at for request in _requests(slip.pk)},
    )


def events_of(
    slip: RatingSlip,
    segments: Sequence[PlaySegment],
    *,
    corrections: Sequence[SlipCorrection] = (),
    recorded: Mapping[UUID, datetime] | None = None,
) -> list[Event]:
    """All events of a slip: first those that corrections superseded, then those of its current play, in order.

    An event that a correction left as it was has the member of staff and the request that entered it first. The events
    of a void slip are those that counted last. `segments` are all of its segments in order, with table and staff;
    `corrections` are all of its corrections in order, with their request and its actor. `recorded` says when the
    request of a correlation id was recorded.
    """
    lists = _lists_of(slip, segments, corrections)
    superseded, events = _with_who_entered(lists, corrections)
    if corrections:
        position = _position_of(corrections[-1], lists[-1])
        version = (
            SlipVersion(seq=segments[-1].seq, status=slip.status) if slip.is_void else events[position - 1].version
        )
        between = _events_of_corrections(segments[-1], corrections, version=version)
        events = [*superseded, *events[:position], *between, *events[position:]]
    recorded, linked = recorded or {}, _linked(slip)
    return [
        replace(event, recorded_at=recorded.get(event.correlation_id), linked=linked.get(event.kind, ""))
        for event in events
    ]


def _linked(slip: RatingSlip) -> dict[SlipEventKind, str]:
    """Which slip an event leads from or to, by its kind."""
    words: dict[SlipEventKind, str] = {}
    if slip.continues:
        words[SlipEventKind.OPENED] = f", continues slip {slip.continues.slip_number}"
    if slip.reassigned_from:
        before = words.get(SlipEventKind.OPENED, "")
        words[SlipEventKind.OPENED] = f"{before}, with the play of slip {slip.reassigned_from.slip_number}"
    if slip.closed_at and hasattr(slip, "continued_by"):
        undone = ", which is void" if slip.continued_by.is_void else ""
        words[SlipEventKind.CLOSED] = f", continued on slip {slip.continued_by.slip_number}{undone}"
    if slip.is_void and hasattr(slip, "reassigned_to"):
        words[SlipEventKind.VOIDED] = f", its play is on slip {slip.reassigned_to.slip_number}"
    return words


def _lists_of(
    slip: RatingSlip, segments: Sequence[PlaySegment], corrections: Sequence[SlipCorrection]
) -> list[list[Event]]:
    """The events of each list of a slip, as its rows have them; each correction superseded one list."""
    lists = [list(group) for _, group in groupby(segments, key=attrgetter("superseded_by_id"))]
    found, was_closed = [], False
    for number, play in enumerate(lists):
        events = list(events_of_play(play))
        after = corrections[number] if number < len(corrections) else None
        closed_at = after.closed_at_before if after else slip.closed_at
        if closed_at is not None:
            before = corrections[number - 1] if was_closed else None
            events.append(_closing(slip, play[-1], at=closed_at, correction=before))
        found.append(events)
        was_closed = closed_at is not None
    return found


def _with_who_entered(
    lists: Sequence[Sequence[Event]], corrections: Sequence[SlipCorrection]
) -> tuple[list[Event], list[Event]]:
    """The events that corrections superseded, and those of the last list, each with who entered it first."""
    entered: dict[tuple[str, datetime], Event] = {}
    superseded: dict[tuple[str, datetime], Event] = {}
    for number, events in enumerate(lists):
        before = corrections[number - 1] if number else None
        for event in events:
            if before is not None and event.correlation_id == before.request.correlation_id:
                event = replace(event, correction=before.number)
            found = entered.setdefault((event.words, event.at), event)
            if number + 1 < len(lists):
                superseded[event.words, event.at] = replace(found, superseded_by=corrections[number].number)
    current = [replace(entered[event.words, event.at], version=event.version) for event in lists[-1]]
    counted = {(event.words, event.at) for event in current}
    return [event for key, event in superseded.items() if key not in counted], current


def entered_events(
    slip: RatingSlip, segments: Sequence[PlaySegment], *, corrections: Sequence[SlipCorrection]
) -> list[Event]:
    """The events of a slip as they were entered, without what its corrections made of them.

    `segments` are all of its segments in order, also those that are superseded.
    """
    written = {correction.request.correlation_id for correction in corrections}
    events = [event for events in _lists_of(slip, segments, corrections) for event in events]
    return [event for event in events if event.correlation_id not in written]


def _position_of(correction: SlipCorrection, events: Sequence[Event]) -> int:
    """The position after the last event that a correction wrote; the end if the slip was closed then, or was voided."""
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
            correction=None if is_void else correction.number,
        )


def _closing(slip: RatingSlip, last: PlaySegment, *, at: datetime, correction: SlipCorrection | None) -> Event:
    """The closing of a list, by the person who closed the slip or by the `correction` that wrote the list after it."""
    assert slip.closed_by is not None
    by, correlation_id = slip.closed_by, slip.correlation_id
    if correction is not None:
        by, correlation_id = correction.request.actor, correction.request.correlation_id
    return event_of(last, SlipEventKind.CLOSED, at=at, by=by, correlation_id=correlation_id, status=Status.CLOSED)


def events_since(events: Sequence[Event], expected_version: SlipVersion) -> list[Event]:
    """The events after `expected_version`; all of them if the slip never had that version.

    If a correction has superseded that version, the events are those from the correction on.
    """
    events = [event for event in events if event.superseded_by is None]
    versions = [event.version for event in events]
    if expected_version in versions:
        return list(events[len(versions) - versions[::-1].index(expected_version) :])
    if expected_version.seq >= 1:
        kinds = {SlipEventKind.CORRECTED, SlipEventKind.VOIDED}
        last = expected_version.seq
        later = (n for n, event in enumerate(events) if event.kind in kinds and event.version.seq > last)
        return list(events[next(later, 0) :])
    return list(events)
