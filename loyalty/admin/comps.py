"""The pages of comp types."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern, reverse

from core.console import display
from core.console.links import Link
from core.console.lists import OwnCasinoFilter
from core.console.scope import ConsoleAdmin, staff_of
from loyalty.admin.comps_by_month import MONTH, month_urls
from loyalty.models import CompType
from loyalty.permissions import VIEW_ENTRIES


@admin.register(CompType)
class CompTypeAdmin(ConsoleAdmin[CompType]):
    """Comp types. A type keeps its code and its programme; one that is no longer used is deactivated."""

    casino_lookup = "program__casino"
    list_display = ("label", "code", "point_worth", "state", "program")
    list_select_related = ("program",)
    list_filter = ("is_active", ("program", OwnCasinoFilter))
    fields = ("program", "code", "label", "point_value", "is_active")
    explanation = (
        "What points are redeemed for. A change counts from the next redemption on: earlier ones keep the value of a "
        "point that they used. A type that is no longer used is deactivated."
    )

    @admin.display(description="value of a point", ordering="point_value")
    def point_worth(self, comp: CompType) -> str:
        return display.number(display.factor(comp.point_value))

    @admin.display(description="state", ordering="is_active")
    def state(self, comp: CompType) -> str:
        return display.active_pill(comp)

    def get_fields(self, request: HttpRequest, obj: CompType | None = None) -> Any:
        """Those of the form, or for staff who may only look at a type, what the list says of it."""
        if obj is None or self.has_change_permission(request, obj):
            return self.fields
        return ("program", "code", "label", "point_worth", "state")

    def get_readonly_fields(self, request: HttpRequest, obj: CompType | None = None) -> Any:
        fields = tuple(super().get_readonly_fields(request, obj))
        return fields if obj is None else (*fields, "program", "code")

    def list_links(self, request: HttpRequest) -> Iterable[Link]:
        if staff_of(request).has_perm(VIEW_ENTRIES):
            yield Link(label="Comps by month", url=reverse(f"admin:{MONTH}"))

    def get_urls(self) -> list[URLPattern]:
        return [*month_urls(self), *super().get_urls()]
