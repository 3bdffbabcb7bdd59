"""The pages of a programme's rules: its earning rates and tiers."""

from typing import Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from core.clock import InvalidTime
from core.console.dated import beginning, dated_pill, dated_table
from core.console.display import factor
from core.console.links import list_url
from core.console.lists import OwnCasinoFilter
from core.console.pages import form_page
from core.console.scope import ConsoleAdmin, ServiceOwnedAdmin, in_casino_of, staff_of
from core.effective_dates import BeginsTooEarly, DatedRows
from core.errors import DomainError
from loyalty.admin.forms import RateForm
from loyalty.models import EarningRate, LoyaltyProgram, Tier
from loyalty.services import RateTaken, add_earning_rate

_OF_BEGINNING: Final = (BeginsTooEarly.code, InvalidTime.code, RateTaken.code)


@admin.register(EarningRate)
class EarningRateAdmin(ConsoleAdmin[EarningRate]):
    """Rates. A new one is added with the instant from which it applies; the rates of past play do not change."""

    casino_lookup = "program__casino"
    list_display = ("program", "per_unit", "begins", "state")
    list_select_related = ("program",)
    list_filter = (("program", OwnCasinoFilter),)
    explanation = (
        "A rate holds for play that ends at its beginning or later, until the next one begins. None is changed or "
        "deleted: to replace a coming rate, add one that begins a minute later."
    )

    @admin.display(description="points per unit", ordering="points_per_unit")
    def per_unit(self, rate: EarningRate) -> str:
        return factor(rate.points_per_unit)

    @admin.display(description="effective from", ordering="effective_from")
    def begins(self, rate: EarningRate) -> str:
        return beginning(rate)

    @admin.display(description="status")
    def state(self, rate: EarningRate) -> str:
        return dated_pill(rate)

    def get_queryset(self, request: HttpRequest) -> "models.QuerySet[EarningRate]":
        rates = super().get_queryset(request)
        assert isinstance(rates, DatedRows)
        return rates.with_until(owner="program")

    def has_change_permission(self, request: HttpRequest, obj: EarningRate | None = None) -> bool:
        return False

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the form with the rates in force and coming, or add the rate."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        programs = in_casino_of(staff_of(request), LoyaltyProgram.objects.all(), lookup="casino")
        form = RateForm(request.POST if request.method == "POST" else None, programs=programs)
        if form.is_valid():
            try:
                rate = add_earning_rate(**form.cleaned_data, actor=staff_of(request), at=timezone.now())
            except DomainError as error:
                form.add_error("effective_from" if error.code in _OF_BEGINNING else None, error.message)
            else:
                self.message_user(request, f"{rate.program}: {rate}.", messages.SUCCESS)
                return HttpResponseRedirect(list_url(EarningRate))
        return form_page(
            self,
            request,
            title="Add earning rate",
            form=form,
            submit_label="Add the rate",
            cancel_url=list_url(EarningRate),
            explanation=self.explanation,
            sections=rates_table(EarningRate.objects.filter(program__in=programs)),
        )


def rates_table(rates: "DatedRows[EarningRate]") -> str:
    """The rates as an HTML table, the newest first."""
    columns = {"Programme": lambda rate: rate.program, "Points per unit": lambda rate: factor(rate.points_per_unit)}
    rows = rates.select_related("program").with_until(owner="program")
    return dated_table(rows, title="Earning rates", columns=columns)


@admin.register(Tier)
class TierAdmin(ServiceOwnedAdmin[Tier]):
    """The tiers of programmes, read-only."""

    explanation = (
        "Tiers stay as they were set up with their casino: the accounts and all earlier entries are judged by them. "
        "They cannot be changed or deleted, and none is added once the programme has accounts."
    )

    casino_lookup = "program__casino"
    list_display = ("name", "program", "threshold_points", "multiplier")
    list_select_related = ("program",)
    list_filter = (("program", OwnCasinoFilter),)
