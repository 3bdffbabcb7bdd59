"""Lists over tables that only grow: no full counts, no other casino's names among the filters."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, Final

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import cached_property

from core.console.scope import ConsoleAdmin, staff_of

LISTED_ROWS_MAX: Final = 10_000
GAMING_DAYS_OFFERED: Final = 7


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """Pages over the first `LISTED_ROWS_MAX` rows: a list never counts or skips more, however long the table grows.

    What lies beyond is found with a filter or a search.
    """

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        return rows.order_by().values("pk")[:LISTED_ROWS_MAX].count() if isinstance(rows, QuerySet) else len(rows)


class OwnCasinoFilter(admin.RelatedFieldListFilter):
    """Filter by a related row, offering only what the member of staff may see."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        related = model_admin.admin_site.get_model_admin(field.remote_field.model)
        assert isinstance(related, ConsoleAdmin), f"{field} leads to rows that know no casino"
        return [(row.pk, str(row)) for row in related.get_queryset(request).order_by(*related.get_ordering(request))]


class GamingDayFilter(admin.SimpleListFilter):
    """Filter by gaming day: the latest ones by a click, any other by its date in the address."""

    title = "gaming day"
    parameter_name = "gaming_day"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        now, casino = timezone.now(), staff_of(request).casino
        today = casino.gaming_day_at(now) if casino else timezone.localdate(now)
        days = [today - timedelta(days=back) for back in range(GAMING_DAYS_OFFERED)]
        names = ["Today", "Yesterday", *(date_format(day, "D j M") for day in days[2:])]
        return [(day.isoformat(), name) for day, name in zip(days, names, strict=True)]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        value = self.value()
        if not value:
            return queryset
        try:
            return queryset.filter(gaming_day=date.fromisoformat(value))
        except ValueError as error:
            raise IncorrectLookupParameters(error) from error
