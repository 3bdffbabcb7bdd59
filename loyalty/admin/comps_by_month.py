"""The comps of a month by type and person: a page, and its CSV file."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from core.clock import EARLIEST_EVENT_AT
from core.console import display
from core.console.asking_again import asks_again
from core.console.filtered_list import AFTER, BEFORE, page_links
from core.console.links import list_url
from core.console.queries import reads
from core.console.scope import casino_id_seen_by, sees_all_casinos, staff_of
from core.errors import DomainError
from core.keyset import page_of
from core.local_time import running_gaming_day
from core.models import User
from core.spreadsheets import csv_line
from loyalty.admin.export import BYTE_ORDER_MARK
from loyalty.admin.ledger_filters import SYSTEM
from loyalty.models import CompTotal, CompType, LedgerEntry, LedgerExport, PlayerLoyalty
from loyalty.permissions import EXPORT_LEDGER, VIEW_COMP_TYPES, VIEW_ENTRIES
from loyalty.services.comps_by_month import CompSum, days_of, order_of_month, sums_of_types, totals_of_month
from loyalty.services.exports import begin_export, end_export

MONTH: Final = "loyalty_comptype_month"
EXPORT: Final = "loyalty_comptype_month_export"
# The lines of a page. One of a player also reads the account and the player, each in a block of its own.
LINES_SHOWN: Final = {CompTotal.By.STAFF: 50, CompTotal.By.ACCOUNT: 20}
LINES_EXPORTED: Final = 100_000
HEADINGS: Final = (
    *("Month", "Casino", "Comp type", "Label", "Person", "Card number"),
    *("Redemptions", "Points", "Value", "Reversed"),
)


class MonthForm(forms.Form):
    """The month and the persons, from the address of the page; what it does not say is this month, by staff."""

    month = forms.DateField(
        label="Month",
        required=False,
        widget=forms.DateInput(attrs={"type": "month"}, format="%Y-%m"),
        input_formats=["%Y-%m"],
        error_messages={"invalid": "Write a month as 2026-11."},
    )
    by = forms.ChoiceField(label="By", required=False, choices=CompTotal.By.choices)

    def __init__(self, data: Any, *, today: date) -> None:
        asked = {"month": data.get("month") or f"{today:%Y-%m}", "by": data.get("by") or CompTotal.By.STAFF.value}
        super().__init__(asked, label_suffix="")

    def clean_month(self) -> date:
        """Refuse a month in which nothing can have happened."""
        month: date = self.cleaned_data["month"]
        if not EARLIEST_EVENT_AT.year <= month.year < date.max.year:
            raise forms.ValidationError("Write a month as 2026-11.")
        return month


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """The total of a comp type and a person, with their names, and the address of its entries in the ledger."""

    comp: CompType
    person: str
    card_number: str
    figures: CompTotal
    ledger_url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Lines of one comp type, and its total in the month, to which other pages may have lines as well."""

    comp: CompType
    lines: Sequence[Line]
    month_total: CompSum

    @property
    def is_whole(self) -> bool:
        """Whether no other page has lines of the comp type."""
        shown = sum(line.figures.redemptions + line.figures.reversed for line in self.lines)
        return shown == self.month_total.redemptions + self.month_total.reversed


def month_urls(model_admin: "admin.ModelAdmin[CompType]") -> list[URLPattern]:
    """The addresses of the page and of its file."""
    of_address = reads("month", "by", BEFORE, AFTER)
    pages = {MONTH: require_safe(_month_page), EXPORT: asks_again(downloads=True)(require_POST(_month_file))}
    paths = {MONTH: "by-month/", EXPORT: "by-month/export/"}
    site = model_admin.admin_site
    return [path(paths[name], site.admin_view(of_address(view)), name=name) for name, view in pages.items()]


def _month_page(request: HttpRequest) -> HttpResponse:
    """Show the comps of a month."""
    staff = _require_view(request)
    form = _form(request)
    shown: dict[str, Any] = {"groups": []}
    if form.is_valid():
        month, by = form.cleaned_data["month"], CompTotal.By(form.cleaned_data["by"])
        order = order_of_month(month=month, by=by, casino_id=casino_id_seen_by(staff))
        before, after = request.GET.get(BEFORE, ""), request.GET.get(AFTER, "")
        page = page_of(CompTotal.objects.all(), order=order, before=before, after=after, size=LINES_SHOWN[by])
        query = f"month={month:%Y-%m}&by={by.value}"
        shown = {
            "month": month,
            "by": by.value,
            "groups": _groups(page.rows, month=month),
            "previous": f"?month={month - timedelta(days=1):%Y-%m}&by={by.value}",
            "next": f"?month={days_of(month)[1] + timedelta(days=1):%Y-%m}&by={by.value}",
            "links": page_links(request, page, order=order),
            "export_url": f"{reverse(f'admin:{EXPORT}')}?{query}" if staff.has_perm(EXPORT_LEDGER) else "",
        }
    context = {
        **admin.site.each_context(request),
        "title": "Comps by month",
        "form": form,
        "types_url": list_url(CompType),
        "is_of_all_casinos": sees_all_casinos(staff),
    }
    return TemplateResponse(request, "loyalty/comps/by_month.html", context | shown)


def _month_file(request: HttpRequest) -> HttpResponse:
    """The same as a CSV file; the export is recorded."""
    staff = _require_view(request)
    form, now = _form(request), timezone.now()
    if not form.is_valid():
        messages.error(request, "Nothing was exported: look at what is marked below.")
        return HttpResponseRedirect(reverse(f"admin:{MONTH}"))
    month, by = form.cleaned_data["month"], CompTotal.By(form.cleaned_data["by"])
    try:
        text = _exported(staff, month=month, by=by, at=now)
    except DomainError as error:
        messages.error(request, f"Nothing was exported. {error.message}")
        return HttpResponseRedirect(reverse(f"admin:{MONTH}"))
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="comps-{month:%Y-%m}-by-{by.value}.csv"'
    return response


def _exported(staff: User, *, month: date, by: CompTotal.By, at: datetime) -> str:
    """The text of the file.

    :raises DomainError: `begin_export` refused.
    """
    totals = totals_of_month(month=month, by=by, casino_id=casino_id_seen_by(staff))
    export = begin_export(
        what=LedgerExport.What.LEDGER,
        rows=totals,
        casino=None if sees_all_casinos(staff) else staff.casino,
        actor=staff,
        filters={"comps_of": f"{month:%Y-%m}", "by": by.value},
        at=at,
    )
    lines = list(_lines(totals[: LINES_EXPORTED + 1]))
    sent = [HEADINGS, *(_cells(line, month) for line in lines[:LINES_EXPORTED])]
    is_whole = len(lines) <= LINES_EXPORTED
    end_export(export=export, rows=len(sent) - 1, is_whole=is_whole, at=timezone.now())
    return BYTE_ORDER_MARK + "".join(map(csv_line, sent))


def _require_view(request: HttpRequest) -> User:
    """The member of staff.

    :raises PermissionDenied: they may not see comp types and entries.
    """
    staff = staff_of(request)
    if not staff.has_perms((VIEW_COMP_TYPES, VIEW_ENTRIES)):
        raise PermissionDenied
    return staff


def _form(request: HttpRequest) -> MonthForm:
    return MonthForm(request.GET, today=running_gaming_day(staff_of(request)))


def _lines(totals: Iterable[CompTotal]) -> Iterator[Line]:
    """The totals with names, in their order."""
    totals = list(totals)
    comps = CompType.objects.select_related("program__casino").in_bulk({one.comp_type_id for one in totals})
    people: dict[str, set[int]] = {by: {one.person for one in totals if one.by == by} for by in CompTotal.By}
    accounts = PlayerLoyalty.objects.select_related("player").in_bulk(people[CompTotal.By.ACCOUNT])
    colleagues = User.objects.in_bulk(people[CompTotal.By.STAFF])
    for one in totals:
        player = accounts[one.person].player if one.by == CompTotal.By.ACCOUNT else None
        first, last = days_of(one.month)
        narrowed = {one.by: one.person or SYSTEM, "comp_type": one.comp_type_id}
        yield Line(
            comp=comps[one.comp_type_id],
            person=player.listed_name if player else display.staff_name(colleagues.get(one.person)),
            card_number=player.card_number if player else "",
            figures=one,
            ledger_url=list_url(LedgerEntry, **narrowed, first_day=first, last_day=last),
        )


def _groups(totals: Sequence[CompTotal], *, month: date) -> list[Group]:
    sums = sums_of_types(month=month, comp_types={one.comp_type_id for one in totals})
    found = (list(group) for _, group in groupby(_lines(totals), key=lambda line: line.comp.pk))
    return [Group(comp=group[0].comp, lines=group, month_total=sums[group[0].comp.pk]) for group in found]


def _cells(line: Line, month: date) -> Sequence[str | int]:
    """The cells under `HEADINGS`."""
    one = line.figures
    comp = line.comp.program.casino.code, line.comp.code, line.comp.label
    figures = one.redemptions, one.points, f"{one.value:.2f}", one.reversed
    return f"{month:%Y-%m}", *comp, line.person, line.card_number, *figures
