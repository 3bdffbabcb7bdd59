"""The buy-ins and chips out on the page of a slip, read-only."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from core.console import display
from core.console.scope import ReadOnlyInline
from ratingslips.models import MoneyRow, RatingSlip


class MoneyRowInline(ReadOnlyInline[MoneyRow, RatingSlip]):
    """The rows of a slip, in the order in which they were recorded; who may see the slip sees them."""

    model = MoneyRow
    ordering = ("pk",)
    fields = readonly_fields = ("what", "happened", "recorded_by", "recorded", "why")

    def get_queryset(self, request: HttpRequest) -> "QuerySet[MoneyRow]":
        return super().get_queryset(request).select_related("actor", "request", "strikes", "slip")

    @admin.display(description="what")
    def what(self, row: MoneyRow) -> str:
        if row.strikes is not None:
            return f"Struck: {row.strikes.words}"
        return (
            format_html('<s>{}</s> <span class="hint">void with the slip</span>', row.words)
            if row.slip.is_void
            else row.words
        )

    @admin.display(description="happened")
    def happened(self, row: MoneyRow) -> str:
        return display.exact_moment(row.happened_at)

    # Text, not a link: most who may read a slip may not open pages of staff.
    @admin.display(description="recorded by")
    def recorded_by(self, row: MoneyRow) -> str:
        return str(row.actor)

    @admin.display(description="recorded at")
    def recorded(self, row: MoneyRow) -> str:
        return display.exact_moment(row.recorded_at)

    @admin.display(description="reason")
    def why(self, row: MoneyRow) -> str:
        code = f"{row.reason_code}: " if row.reason_code else ""
        return f"{code}{row.reason}" if row.reason else display.NOTHING

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True
