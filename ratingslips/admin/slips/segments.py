"""The segments on the page of a slip, read-only."""

from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone

from core.console import display
from core.console.scope import ReadOnlyInline
from core.text import isolated
from ratingslips.models import PlaySegment, RatingSlip, SlipCorrection, SlipRequest


def _recorded_at(edge: str) -> Subquery:
    """When the request that began (`start`) or ended (`end`) a segment was recorded."""
    requests = SlipRequest.objects.filter(correlation_id=OuterRef(f"{edge}_correlation_id"), slip=OuterRef("slip"))
    return Subquery(requests.order_by("recorded_at").values("recorded_at")[:1])


def with_recording(at: datetime | None, recorded_at: datetime | None) -> str:
    """An instant, and when it was recorded, if that is known and was later."""
    late = display.recorded(recorded_at, at) if at and recorded_at else ""
    return f"{display.exact_moment(at)}, {late}" if late else display.exact_moment(at)


def _with_staff(segments: "QuerySet[PlaySegment]") -> "QuerySet[PlaySegment]":
    related = segments.select_related("table", "started_by", "ended_by", "superseded_by")
    return related.annotate(begun_at=_recorded_at("start"), finished_at=_recorded_at("end"))


class PlaySegmentInline(ReadOnlyInline[PlaySegment, RatingSlip]):
    """The segments that count, of a void slip those that counted last, with the staff who began and ended them."""

    model = PlaySegment
    ordering = ("seq",)
    fields: ClassVar[Any] = (
        "seq",
        "where",
        "bet",
        "from_when",
        "started_as",
        "begun_by",
        "to_when",
        "ended_as",
        "finished_by",
        "length",
    )
    readonly_fields: ClassVar[Any] = fields

    def get_queryset(self, request: HttpRequest) -> "QuerySet[PlaySegment]":
        return self.narrowed(_with_staff(super().get_queryset(request)))

    def narrowed(self, segments: Any) -> "QuerySet[PlaySegment]":
        """The segments of this table."""
        shown: QuerySet[PlaySegment] = segments.shown()
        return shown

    @admin.display(description="where")
    def where(self, segment: PlaySegment) -> str:
        return f"{isolated(segment.table.name)} seat {segment.seat}"

    @admin.display(description="average bet")
    def bet(self, segment: PlaySegment) -> str:
        return display.amount(segment.average_bet)

    @admin.display(description="from")
    def from_when(self, segment: PlaySegment) -> str:
        return with_recording(segment.started_at, segment.begun_at)  # type: ignore[attr-defined]

    # Text, not a link: most who may read a slip may not open pages of staff.
    @admin.display(description="started by")
    def begun_by(self, segment: PlaySegment) -> str:
        return str(segment.started_by)

    @admin.display(description="ended by")
    def finished_by(self, segment: PlaySegment) -> str:
        return str(segment.ended_by or display.NOTHING)

    @admin.display(description="to")
    def to_when(self, segment: PlaySegment) -> str:
        return with_recording(segment.ended_at, segment.finished_at)  # type: ignore[attr-defined]

    @admin.display(description="played")
    def length(self, segment: PlaySegment) -> str:
        return display.played((segment.ended_at or timezone.now()) - segment.started_at)


class SupersededInline(PlaySegmentInline):
    """The segments that corrections have superseded, folded, list by list."""

    verbose_name_plural = "play before corrections"
    classes = ("collapse",)
    fields = ("superseded", *PlaySegmentInline.fields)
    readonly_fields = fields

    def narrowed(self, segments: Any) -> "QuerySet[PlaySegment]":
        """The other segments of the slip."""
        superseded: QuerySet[PlaySegment] = segments.filter(superseded_by__kind=SlipCorrection.Kind.CORRECTED)
        return superseded

    @admin.display(description="until")
    def superseded(self, segment: PlaySegment) -> str:
        """The correction that superseded it."""
        assert segment.superseded_by is not None
        return f"correction {segment.superseded_by.number}"
