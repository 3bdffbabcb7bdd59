"""The filters of the list of slips that are no columns."""

from collections.abc import Iterable
from typing import Any, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from core.console.lists import GamingDayFilter
from core.keys import key_of
from core.models import Casino
from ratingslips.models import RatingSlip

PIT: Final = "pit__id__exact"


class SlipDayFilter(GamingDayFilter):
    """Filter by gaming day: that of the pit's casino for staff of no casino who look at one pit."""

    def casino(self, request: HttpRequest) -> Casino | None:
        own, pit = super().casino(request), key_of(request.GET.get(PIT, ""))
        return own if own or pit is None else Casino.objects.filter(pits=pit).first()


class OwedFilter(admin.SimpleListFilter):
    """Slips whose points are owed, withheld or uncollected."""

    title = "points"
    parameter_name = "owed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("1", "Owed"), ("withheld", "Withheld"), ("uncollected", "Uncollected")]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[RatingSlip]") -> "QuerySet[RatingSlip]":
        slips: Any = queryset
        match self.value():
            case "1":
                slips = slips.owed()
            case "withheld":
                slips = slips.withheld()
            case "uncollected":
                slips = slips.uncollected()
        return slips  # type: ignore[no-any-return]


class CorrectedFilter(admin.SimpleListFilter):
    """Slips that were corrected or voided."""

    title = "corrections"
    parameter_name = "corrected"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("1", "Corrected or void")]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[RatingSlip]") -> "QuerySet[RatingSlip]":
        slips: Any = queryset
        return slips.corrected() if self.value() else queryset
