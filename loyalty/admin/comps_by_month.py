"""The comps of a month by type and person: a page, and its CSV file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from core.clock import EARLIEST_EVENT_AT
from core.console import display
from core.console.asking_again import asks_again
from core.console.links import list_url
from core.console.queries import reads
from core.console.scope import in_casino_of, sees_all_casinos, staff_of
from core.errors import DomainError
from core.models import User
from core.spreadsheets import csv_line
from loyalty.admin.export import BYTE_ORDER_MARK
from loyalty.admin.ledger_filters import SYSTEM
from loyalty.models import CompType, LedgerEntry, LedgerExport, PlayerLoyalty
from loyalty.permissions import EXPORT_LEDGER, VIEW_COMP_TYPES, VIEW_ENTRIES
from loyalty.services.comps_by_month import CompSum, Person, comps_of_month, days_of
from loyalty.services.exports import begin_export, end_export

MONTH: Final = "loyalty_comptype_month"
EXPORT: Final = "loyalty_comptype_month_export"
LINES_SHOWN: Final = 500
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
    by = forms.ChoiceField(
        label="By", required=False, choices=[(Person.STAFF.value, "Member of staff"), (Person.ACCOUNT.value, "Player")]
    )

    def __init__(self, data: Any, *, today: date) -> None:
        asked = {"month": data.get("month") or f"{today:%Y-%m}", "by": data.get("by") or Person.STAFF.value}
        super().__init__(asked, label_suffix="")

    def clean_month(self) -> date:
        """Refuse a month in which nothing can have happened."""
        month: date = self.cleaned_data["month"]
        if not EARLIEST_EVENT_AT.year <= month.year < date.max.year:
            raise forms.ValidationError("Write a month as 2026-11.")
        return month


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """The sum of a comp type and a person, with their names, and the address of its entries in the ledger."""

    comp: CompType
    person: str
    card_number: str
    sums: CompSum
    ledger_url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The lines of one comp type, and their totals."""

    comp: CompType
    lines: Sequence[Line]
    total: CompSum


def month_urls(model_admin: "admin.ModelAdmin[CompType]") -> list[URLPattern]:
    """The addresses of the page and of its file."""
    of_address = reads("month", "by")
    pages = {MONTH: require_safe(_month_page), EXPORT: asks_again(downloads=True)(require_POST(_month_file))}
    paths = {MONTH: "by-month/", EXPORT: "by-month/export/"}
    site = model_admin.admin_site
    return [path(paths[name], site.admin_view(of_address(view)), name=name) for name, view in pages.items()]


def _month_page(request: HttpRequest) -> HttpResponse:
    """Show the comps of a month."""
    staff = _require_view(request)
    form = _form(request)
    lines: Sequence[Line] = []
    shown: dict[str, Any] = {}
    if form.is_valid():
        month, by = form.cleaned_data["month"], Person(form.cleaned_data["by"])
        lines = list(_lines(staff, month=month, by=by, most=LINES_SHOWN + 1))
        query = f"month={month:%Y-%m}&by={by.value}"
        shown = {
            "month": month,
            "by": by.value,
            "previous": f"?month={month - timedelta(days=1):%Y-%m}&by={by.value}",
            "next": f"?month={days_of(month)[1] + timedelta(days=1):%Y-%m}&by={by.value}",
            "export_url": f"{reverse(f'admin:{EXPORT}')}?{query}" if staff.has_perm(EXPORT_LEDGER) else "",
        }
    context = {
        **admin.site.each_context(request),
        "title": "Comps by month",
        "form": form,
        "groups": _groups(lines[:LINES_SHOWN]),
        "is_cut": len(lines) > LINES_SHOWN,
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
    month, by = form.cleaned_data["month"], Person(form.cleaned_data["by"])
    try:
        text = _exported(staff, month=month, by=by, at=now)
    except DomainError as error:
        messages.error(request, f"Nothing was exported. {error.message}")
        return HttpResponseRedirect(reverse(f"admin:{MONTH}"))
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="comps-{month:%Y-%m}-by-{by.value}.csv"'
    return response


def _exported(staff: User, *, month: date, by: Person, at: datetime) -> str:
    """The text of the file.

    :raises DomainError: `begin_export` refused.
    """
    redeemed = _entries(staff).filter(kind=LedgerEntry.Kind.REDEMPTION, gaming_day__range=days_of(month))
    export = begin_export(
        what=LedgerExport.What.LEDGER,
        rows=redeemed,
        casino=None if sees_all_casinos(staff) else staff.casino,
        actor=staff,
        filters={"comps_of": f"{month:%Y-%m}", "by": by.value},
        at=at,
    )
    lines = list(_lines(staff, month=month, by=by, most=LINES_EXPORTED + 1))
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
    casino, now = staff_of(request).casino, timezone.now()
    return MonthForm(request.GET, today=casino.gaming_day_at(now) if casino else timezone.localdate(now))


def _entries(staff: User) -> "QuerySet[LedgerEntry]":
    return in_casino_of(staff, LedgerEntry.objects.all(), lookup="casino")


def _lines(staff: User, *, month: date, by: Person, most: int) -> Iterator[Line]:
    """The sums of the month with names, in the order of the labels of their types."""
    sums = comps_of_month(entries=_entries(staff), month=month, by=by, most=most)
    comps = CompType.objects.select_related("program__casino").in_bulk({one.comp_type_id for one in sums})
    people = {one.person_id for one in sums if one.person_id is not None}
    accounts = PlayerLoyalty.objects.select_related("player").in_bulk(people if by is Person.ACCOUNT else ())
    colleagues = User.objects.in_bulk(people if by is Person.STAFF else ())
    first, last = days_of(month)
    for one in sorted(sums, key=lambda one: (comps[one.comp_type_id].label, one.comp_type_id)):
        player = accounts[one.person_id].player if one.person_id in accounts else None
        narrowed = {by.value: one.person_id or SYSTEM, "comp_type": one.comp_type_id}
        yield Line(
            comp=comps[one.comp_type_id],
            person=player.listed_name if player else display.staff_name(colleagues.get(one.person_id or 0)),
            card_number=player.card_number if player else "",
            sums=one,
            ledger_url=list_url(LedgerEntry, **narrowed, first_day=first, last_day=last),
        )


def _groups(lines: Sequence[Line]) -> list[Group]:
    found = (list(group) for _, group in groupby(lines, key=lambda line: line.comp.pk))
    return [Group(comp=group[0].comp, lines=group, total=_total([line.sums for line in group])) for group in found]


def _total(sums: Sequence[CompSum]) -> CompSum:
    return CompSum(
        comp_type_id=sums[0].comp_type_id,
        person_id=None,
        redemptions=sum(one.redemptions for one in sums),
        points=sum(one.points for one in sums),
        value=sum((one.value for one in sums), Decimal(0)),
        reversed=sum(one.reversed for one in sums),
    )


def _cells(line: Line, month: date) -> Sequence[str | int]:
    """The cells under `HEADINGS`."""
    sums = line.sums
    comp = line.comp.program.casino.code, line.comp.code, line.comp.label
    figures = sums.redemptions, sums.points, f"{sums.value:.2f}", sums.reversed
    return f"{month:%Y-%m}", *comp, line.person, line.card_number, *figures
