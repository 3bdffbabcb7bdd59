"""The segments on the page of a slip, read-only."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone

from core.console import display
from core.console.scope import TabularInline
from core.text import isolated
from ratingslips.models import PlaySegment, RatingSlip, SlipRequest


def _recorded_at(edge: str) -> Subquery:
    """When the request that began (`start`) or ended (`end`) a segment was recorded."""
    requests = SlipRequest.objects.filter(correlation_id=OuterRef(f"{edge}_correlation_id"), slip=OuterRef("slip"))
    return Subquery(requests.order_by("recorded_at").values("recorded_at")[:1])


def _with_recording(at: datetime | None, recorded_at: datetime | None) -> str:
    late = display.recorded(recorded_at, at) if at and recorded_at else ""
    return f"{display.exact_moment(at)}, {late}" if late else display.exact_moment(at)


class PlaySegmentInline(TabularInline[PlaySegment, RatingSlip]):
    """The segments of a slip in order, with the staff who began and ended them."""

    model = PlaySegment
    ordering = ("seq",)
    fields = (
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
    readonly_fields = (*fields, "superseded")

    def get_queryset(self, request: HttpRequest) -> "QuerySet[PlaySegment]":
        segments = super().get_queryset(request).select_related("table", "started_by", "ended_by", "superseded_by")
        return segments.annotate(begun_at=_recorded_at("start"), finished_at=_recorded_at("end"))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*self.fields, "superseded") if obj and obj.is_corrected else self.fields

    @admin.display(description="counts")
    def superseded(self, segment: PlaySegment) -> str:
        """Whether it counts, and if not, the correction that superseded it."""
        return f"no: correction {segment.superseded_by.number}" if segment.superseded_by else "yes"

    @admin.display(description="where")
    def where(self, segment: PlaySegment) -> str:
        return f"{isolated(segment.table.name)} seat {segment.seat}"

    @admin.display(description="average bet")
    def bet(self, segment: PlaySegment) -> str:
        return display.amount(segment.average_bet)

    @admin.display(description="from")
    def from_when(self, segment: PlaySegment) -> str:
        return _with_recording(segment.started_at, segment.begun_at)  # type: ignore[attr-defined]

    # Text, not a link: most who may read a slip may not open pages of staff.
    @admin.display(description="started by")
    def begun_by(self, segment: PlaySegment) -> str:
        return str(segment.started_by)

    @admin.display(description="ended by")
    def finished_by(self, segment: PlaySegment) -> str:
        return str(segment.ended_by or display.NOTHING)

    @admin.display(description="to")
    def to_when(self, segment: PlaySegment) -> str:
        return _with_recording(segment.ended_at, segment.finished_at)  # type: ignore[attr-defined]

    @admin.display(description="played")
    def length(self, segment: PlaySegment) -> str:
        return display.played((segment.ended_at or timezone.now()) - segment.started_at)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
