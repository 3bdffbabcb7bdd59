"""The list and the entry page of the ledger, and the record of exports."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from core.console.filtered_list import Column, FilteredListAdmin, FilterForm
from core.console.links import Link, adds_links, links_for, list_url
from core.console.scope import ServiceOwnedAdmin, staff_of
from core.models import User
from core.reasons.codes import reason_in_words
from loyalty.admin.audit import AuditForm
from loyalty.admin.columns import OWN_COLUMNS, calculation_of, not_taken_of
from loyalty.admin.comp_slips import PrintsCompSlips, comp_of, comp_section
from loyalty.admin.export import export_response
from loyalty.admin.extensions import author_of, ledger_extensions
from loyalty.admin.ledger_filters import filter_names
from loyalty.admin.reversals import ReversesEntries
from loyalty.models import LedgerEntry, LedgerExport, Tier
from loyalty.permissions import EXPORT_LEDGER, VIEW_ENTRIES
from loyalty.services.reversals import why_not_reversible

# Names of filters in older addresses, which people may have bookmarked.
FORMER_NAMES: Final = {"account__id__exact": "account", "kind__exact": "kind"}
_TIERS: Final = ("tier_before", "tier_after")
_RELATED: Final = ("account__player", *_TIERS, "staff", "comp_type", "reversed_by")


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReversesEntries, PrintsCompSlips, FilteredListAdmin[LedgerEntry]):
    """Ledger entries, read-only; they are reversed on a page of their own, and comp slips are printed."""

    casino_lookup = "casino"
    list_title = "Ledger"
    list_template = "loyalty/ledger/audit.html"
    export_permission = EXPORT_LEDGER
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> "QuerySet[LedgerEntry]":
        return super().get_queryset(request).select_related(*_related())

    def filter_names(self) -> Collection[str]:
        return [*FORMER_NAMES, *filter_names()]

    def filter_form(self, request: HttpRequest) -> AuditForm:
        asked = request.GET.copy()
        for former, name in FORMER_NAMES.items():
            if former in asked:
                asked[name] = request.GET.get(former, "")
        return AuditForm(asked, staff=staff_of(request))

    def columns(self) -> Sequence[Column]:
        return [*OWN_COLUMNS, *(column for extension in ledger_extensions() for column in extension.columns)]

    def page_rows(self, rows: "QuerySet[LedgerEntry]") -> "QuerySet[LedgerEntry]":
        entries = rows.select_related(None)
        return entries.prefetch_related(*(name for name in _related() if name not in _TIERS))

    def described(self, request: HttpRequest, rows: Sequence[LedgerEntry]) -> Sequence[LedgerEntry]:
        """The entries with their tiers, which are read in one statement."""
        tiers = Tier.objects.in_bulk({key for entry in rows for key in (entry.tier_before_id, entry.tier_after_id)})
        for entry in rows:
            entry.tier_before, entry.tier_after = tiers[entry.tier_before_id], tiers[entry.tier_after_id]
        return rows

    def export(self, request: HttpRequest, form: FilterForm) -> HttpResponseBase:
        what = LedgerExport.What.LEDGER
        return export_response(request, what=what, rows=self.get_queryset(request), form=form, columns=self.columns())

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show one entry: what it changed, and how its points were calculated."""
        self.require_view(request)
        if request.method not in {"GET", "HEAD"}:
            raise PermissionDenied
        entry = self.get_object(request, object_id)
        if entry is None:
            return super().change_view(request, object_id)  # Django says that there is no such entry.
        return self.show(
            request,
            "loyalty/ledger/entry.html",
            title=f"Entry #{entry.pk}",
            entry=entry,
            original=entry,
            console_links=links_for(request, entry),
            author=author_of(entry),
            reason=reason_in_words(casino_id=entry.casino_id, code=entry.reason_code, text=entry.reason),
            calculation=calculation_of(entry),
            reversed_by=getattr(entry, "reversed_by", None),
            why_not_reversible=why_not_reversible(entry),
            not_taken=not_taken_of(entry),
            comp=comp_of(entry),
            comp_section=comp_section(request, entry),
            parts=[
                extension.render(request, entry) for extension in ledger_extensions() if extension.render is not None
            ],
        )


def _related() -> Sequence[str]:
    """What an entry's line needs: joined to the entries of an export, prefetched for a page."""
    return [*_RELATED, *(name for extension in ledger_extensions() for name in extension.related)]


@admin.register(LedgerExport)
class LedgerExportAdmin(ServiceOwnedAdmin[LedgerExport]):
    """Exports: what was exported, by whom and when; read-only."""

    casino_lookup = "casino"
    list_display = ("started_at", "what", "staff", "asked", "rows", "state", "correlation_id")
    list_select_related = ("staff",)
    ordering = ("-id",)
    fields = ("started_at", "ended_at", "what", "staff", "asked", "rows", "state", "correlation_id")
    readonly_fields = ("asked", "state")

    @admin.display(description="filtered by")
    def asked(self, export: LedgerExport) -> str:
        return ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in export.filters.items()) or "nothing"

    @admin.display(description="state")
    def state(self, export: LedgerExport) -> str:
        if export.ended_at is None:
            return "not finished: still running, or ended by a crash"
        return "whole" if export.is_whole else "incomplete"


@adds_links(User)
def _entries_by(request: HttpRequest, person: User) -> Iterable[Link]:
    if staff_of(request).has_perm(VIEW_ENTRIES):
        yield Link(label="Entries posted", url=list_url(LedgerEntry, staff=person.pk))
