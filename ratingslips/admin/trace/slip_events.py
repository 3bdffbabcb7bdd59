"""The events of a slip: its history, its money, and what became of its points."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from core.console import display
from core.words import counted
from ratingslips import history
from ratingslips.admin.slips.authors import releases_of
from ratingslips.admin.slips.corrections import CorrectionLine, lines_of
from ratingslips.admin.trace.story_events import StoryEvent, why
from ratingslips.events import Event, SlipEventKind
from ratingslips.models import RatingSlip


def events_of_slip(slip: RatingSlip) -> Iterator[StoryEvent]:
    """The events of a slip, from its opening to the settlement of its points."""
    recorded = {request.correlation_id: request.recorded_at for request in slip.requests.all()}
    corrections = list(slip.corrections.all())
    changed = {line.correction.request.correlation_id: line for line in lines_of(slip, corrections)}
    for event in history.events_of(slip, list(slip.segments.all()), corrections=corrections, recorded=recorded):
        yield StoryEvent(
            at=event.at,
            words=f"{slip}: {_words(event, slip, changed)}",
            mark=event.mark,
            is_superseded=event.superseded_by is not None,
            recorded=display.recorded(event.recorded_at, event.at) if event.recorded_at else "",
            by=event.by,
            correlation_id=event.correlation_id,
            about=slip,
        )
    if slip.closed_at is not None:
        yield from _settlement_of_slip(slip, closed_at=slip.closed_at)


def money_of_slip(slip: RatingSlip) -> Iterator[StoryEvent]:
    """The buy-ins and chips out of a slip, and what was struck; those of a void slip count no more."""
    for row in slip.money_rows.all():
        yield StoryEvent(
            at=row.happened_at,
            words=f"{slip}: {row.words}" if row.strikes_id is None else f"{slip}: struck {row.words}, “{row.reason}”",
            mark="void with the slip" if slip.is_void else "",
            is_superseded=slip.is_void,
            recorded=display.recorded(row.recorded_at, row.happened_at) if row.recorded_at else "",
            by=row.actor,
            correlation_id=row.request.correlation_id if row.request else None,
            about=slip,
        )


def _words(event: Event, slip: RatingSlip, changed: Mapping[UUID, CorrectionLine]) -> str:
    match event.kind:
        case SlipEventKind.OPENED:
            return f"opened for {slip.player} at {event.place}, average bet {event.average_bet:,.2f}{event.linked}"
        case SlipEventKind.BET_CHANGED:
            return f"average bet {event.average_bet:,.2f}"
        case SlipEventKind.MOVED:
            return f"moved to {event.place}{event.new_bet}"
        case SlipEventKind.PAUSED:
            return "paused"
        case SlipEventKind.RESUMED:
            return f"resumed at {event.place}"
        case SlipEventKind.CLOSED:
            return f"closed, theo {_theo_of_closing(event, slip, changed):,.2f}{event.linked}"
        case SlipEventKind.CORRECTED | SlipEventKind.VOIDED:
            return f"{event.words[:1].lower()}{event.words[1:]}: {changed[event.correlation_id].words}".removesuffix(
                ": "
            )


def _theo_of_closing(event: Event, slip: RatingSlip, changed: Mapping[UUID, CorrectionLine]) -> Decimal | None:
    """The theo of a slip when it closed, or after the correction that moved the closing."""
    if event.correction:
        return changed[event.correlation_id].theoretical_win
    closed = (line.correction for line in changed.values() if line.correction.status_before == slip.Status.CLOSED)
    first = next(closed, None)
    return first.theoretical_win_before if first else slip.theoretical_win


def _settlement_of_slip(slip: RatingSlip, *, closed_at: datetime) -> Iterator[StoryEvent]:
    """Whether the points of a closed slip are owed, recovered, withheld, released or settled as 0.

    A ledger entry is shown by itself.
    """
    if slip.owed_because:
        yield StoryEvent(
            at=closed_at,
            words=f"{slip}: points owed, because {slip.why_owed}",
            by=None,
            correlation_id=slip.correlation_id,
            sent_by=slip.closed_by_id,
            about=slip,
            is_alarm=True,
        )
    if slip.settled_at is None:
        return
    if slip.recovered_by is not None:
        points = slip.ledger_entry.points if slip.ledger_entry else 0
        yield StoryEvent(
            at=slip.settled_at,
            words=f"{slip}: recovered, {counted(points, 'point')} paid",
            by=slip.recovered_by,
            correlation_id=slip.recovery_correlation_id,
            about=slip,
        )
    elif slip.withheld_because and slip.theoretical_win:
        yield from _withheld(slip, settled_at=slip.settled_at)
    elif slip.ledger_entry_id is None:
        yield StoryEvent(
            at=slip.settled_at,
            words=f"{slip}: settled, its play was worth 0 points",
            by=None,
            correlation_id=slip.correlation_id,
            sent_by=slip.closed_by_id,
            about=slip,
        )


def _withheld(slip: RatingSlip, *, settled_at: datetime) -> Iterator[StoryEvent]:
    """The withholding of a slip's points, and their release if there was one."""
    yield StoryEvent(
        at=settled_at,
        words=f"{slip}: points withheld, the player was {slip.get_withheld_because_display().lower()}",
        by=None,
        correlation_id=slip.correlation_id,
        sent_by=slip.closed_by_id,
        about=slip,
        is_alarm=True,
    )
    for release in releases_of(slip):
        yield StoryEvent(
            at=release.happened_at,
            words=f"{slip}: withheld points released{why(**release.contents)}",
            by=release.actor,
            correlation_id=release.correlation_id,
            about=slip,
        )
