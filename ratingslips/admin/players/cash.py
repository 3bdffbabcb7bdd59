"""The list of players who bought in by cash up to a threshold of their casino on a gaming day."""

from datetime import date, timedelta
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from core.console.filtered_list import DayField
from core.console.queries import reads
from core.console.scope import in_casino_of, staff_of
from core.keys import key_of
from core.models import Casino
from ratingslips.cash import MAX_LISTED, cash_of_day
from ratingslips.permissions import VIEW_SLIPS

MAX_CASINOS: Final = 50
EARLIEST: Final = date(1970, 1, 2)
LATEST: Final = date(9999, 12, 30)


class DayForm(forms.Form):
    """The gaming day of the list; without one, the running one."""

    day = DayField(label="Gaming day")

    def clean_day(self) -> date | None:
        day: date | None = self.cleaned_data["day"]
        if day is not None and not EARLIEST <= day <= LATEST:
            raise forms.ValidationError("Write a day as 2026-11-14.")
        return day


@require_safe
@reads("day", "casino")
def cash_page(request: HttpRequest) -> HttpResponse:
    """Show the list of one casino and gaming day."""
    staff = staff_of(request)
    if not staff.has_perm(VIEW_SLIPS):
        raise PermissionDenied
    casinos = list(in_casino_of(staff, Casino.objects.all(), lookup="pk").order_by("code")[:MAX_CASINOS])
    key = key_of(request.GET.get("casino", ""))
    casino = next((one for one in casinos if one.pk == key), casinos[0] if casinos else None)
    if casino is None:
        raise Http404
    form = DayForm(request.GET)
    today = casino.gaming_day_at(timezone.now())
    day = (form.cleaned_data["day"] if form.is_valid() else None) or today
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Cash bought in",
        "casino": casino,
        "casinos": casinos,
        "form": form,
        "day": day,
        "is_today": day == today,
        "before": day - timedelta(days=1),
        "after": day + timedelta(days=1) if day < today else None,
        "cash": cash_of_day(casino=casino, day=day),
        "most": MAX_LISTED,
    }
    with timezone.override(casino.zone):
        return render(request, "ratingslips/players/cash.html", context)
