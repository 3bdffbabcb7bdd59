"""Which events a slip already has: how an import that is run again knows what it did."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Self
from uuid import UUID

from django.db.models import Prefetch

from core.models import Casino
from ratingslips.models import PlaySegment, RatingSlip
from ratingslips.rating_events import EventKind, RatingEvent

Start = PlaySegment.Start
End = PlaySegment.End


@dataclass(frozen=True, kw_only=True, slots=True)
class StandingSlip:
    """What an import knows of a slip: whose it is, its last event, and, where they were read, its segments.

    `segments` is none for a slip that this import has changed since: it is read again when a line needs it.
    """

    slip_id: UUID
    player_card: str
    last_at: datetime
    closed_at: datetime | None
    buy_in: Decimal | None
    chips_out: Decimal | None
    segments: Sequence[PlaySegment] | None

    @classmethod
    def of(cls, slip: RatingSlip) -> Self:
        """Read a slip that was fetched with its player, segments (in order) and their tables."""
        segments = list(slip.segments.all())
        last = segments[-1]
        return cls(
            slip_id=slip.pk,
            player_card=slip.player.card_number,
            last_at=slip.closed_at or last.ended_at or last.started_at,
            closed_at=slip.closed_at,
            buy_in=slip.buy_in,
            chips_out=slip.chips_out,
            segments=segments,
        )

    @classmethod
    def opened(cls, slip: RatingSlip, *, player_card: str) -> Self:
        """A slip that was opened just now."""
        return cls(
            slip_id=slip.pk,
            player_card=player_card,
            last_at=slip.opened_at,
            closed_at=None,
            buy_in=slip.buy_in,
            chips_out=None,
            segments=None,
        )

    def changed(self, event: RatingEvent) -> Self:
        """The slip after `event` was applied to it."""
        closed_at = event.occurred_at if event.kind == EventKind.CLOSE else None
        return replace(self, last_at=event.occurred_at, closed_at=closed_at, segments=None)

    def has(self, event: RatingEvent) -> bool:
        """Whether `event` is one of those that made the slip what it is; its segments are at hand."""
        assert self.segments is not None
        at = event.occurred_at
        match event.kind:
            case EventKind.OPEN:
                return self.player_card == event.player_card and _begins(self.segments[0], event, as_=Start.OPENED)
            case EventKind.BET:
                return any(_begins(segment, event, as_=Start.BET_CHANGED) for segment in self.segments)
            case EventKind.RESUME:
                return any(_begins(segment, event, as_=Start.RESUMED) for segment in self.segments)
            case EventKind.MOVE:
                return any(_begins(segment, event, as_=Start.MOVED) for segment in self.segments)
            case EventKind.PAUSE:
                return any(pause.ended_at == at for pause in _pauses(self.segments))
            case EventKind.CLOSE:
                paid_in = event.buy_in is None or event.buy_in == self.buy_in
                return self.closed_at == at and paid_in and event.chips_out == self.chips_out


def _begins(segment: PlaySegment, event: RatingEvent, *, as_: PlaySegment.Start) -> bool:
    """Whether `event` began `segment`; a field that it leaves out says nothing."""
    return (
        segment.started_as == as_
        and segment.started_at == event.occurred_at
        and event.average_bet in {None, segment.average_bet}
        and event.table in {None, segment.table.name}
        and event.seat in {None, segment.seat}
    )


def _pauses(segments: Sequence[PlaySegment]) -> list[PlaySegment]:
    """The segments that a pause ended; one that records a change during a pause is not among them."""
    before = [None, *segments]
    return [
        segment
        for previous, segment in zip(before, segments, strict=False)
        if segment.ended_as == End.PAUSED
        and not (previous and previous.ended_as == End.PAUSED and segment.started_as != Start.RESUMED)
    ]


def standing_slips(*, casino: Casino, slip_numbers: Collection[str]) -> dict[str, StandingSlip]:
    """Read the slips of these numbers with all their segments, by number, in two statements."""
    slips = (
        RatingSlip.objects.filter(casino=casino, slip_number__in=slip_numbers)
        .select_related("player")
        .prefetch_related(Prefetch("segments", PlaySegment.objects.select_related("table").order_by("slip", "seq")))
        .order_by()
    )
    return {slip.slip_number: StandingSlip.of(slip) for slip in slips}
