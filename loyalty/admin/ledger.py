"""The list, the entry page and the export of the ledger, and the record of exports."""

from collections.abc import Sequence
from typing import Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from core.console.asking_again import asks_again
from core.console.links import links_for, list_url
from core.console.scope import ServiceOwnedAdmin, staff_of
from core.errors import DomainError
from core.keyset import KeysetPage, oldest_cursor, page_of
from core.retries import sqlstate_of
from loyalty.admin.audit import AuditForm
from loyalty.admin.columns import OWN_COLUMNS, calculation_of
from loyalty.admin.export import export_response
from loyalty.admin.extensions import Column, Entries, author_of, ledger_extensions
from loyalty.models import LedgerEntry, LedgerExport
from loyalty.permissions import EXPORT_LEDGER

BEFORE: Final = "before"
AFTER: Final = "after"
# Names of filters in older addresses, which people may have bookmarked.
FORMER_NAMES: Final = {"account__id__exact": "account", "kind__exact": "kind"}
_STATEMENT_TIMED_OUT: Final = "57014"
_RELATED: Final = ("account__player", "tier_before", "tier_after", "staff", "reversed_by")


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ServiceOwnedAdmin[LedgerEntry]):
    """Ledger entries, read-only."""

    casino_lookup = "casino"
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> "QuerySet[LedgerEntry]":
        return super().get_queryset(request).select_related(*_related())

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.export_view))
        return [path("export/", view, name="loyalty_ledgerentry_export"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show one page of the list."""
        self._require_view(request)
        form = _form(request)
        page = _page(self.get_queryset(request), form, request) if form.is_valid() else None
        return self._show(
            request,
            "loyalty/ledger/audit.html",
            title="Ledger",
            form=form,
            is_wrong=not form.is_valid(),
            columns=[column for column in _columns() if column.shown is not None],
            page=page,
            lines=[_cells(entry) for entry in page.rows] if page else [],
            words=form.in_words if form.is_valid() else [],
            too_many=form.too_many if form.is_valid() else "",
            links=_links(request, form, page) if page else {},
            plain_url=list_url(LedgerEntry),
            may_export=staff_of(request).has_perm(EXPORT_LEDGER),
            export_url=f"{reverse('admin:loyalty_ledgerentry_export')}?{_query(request)}",
        )

    @asks_again(downloads=True)
    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Stream all pages of the list as CSV, and record the export."""
        self._require_view(request)
        form = _form(request)
        if not form.is_valid():
            messages.error(request, "Nothing was exported: look at what is marked below.")
            return self._back(request)
        try:
            return export_response(request, entries=self.get_queryset(request), form=form, columns=_columns())
        except DomainError as error:
            messages.error(request, f"Nothing was exported. {error.message}")
            return self._back(request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show one entry: what it changed, and how its points were calculated."""
        self._require_view(request)
        if request.method not in {"GET", "HEAD"}:
            raise PermissionDenied
        entry = self.get_object(request, object_id)
        if entry is None:
            return super().change_view(request, object_id)  # Django says that there is no such entry.
        return self._show(
            request,
            "loyalty/ledger/entry.html",
            title=f"Entry #{entry.pk}",
            entry=entry,
            original=entry,
            console_links=links_for(request, entry),
            author=author_of(entry),
            calculation=calculation_of(entry),
            reversed_by=getattr(entry, "reversed_by", None),
            parts=[
                extension.render(request, entry) for extension in ledger_extensions() if extension.render is not None
            ],
        )

    def _require_view(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _back(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(f"{list_url(LedgerEntry)}?{_query(request)}")

    def _show(self, request: HttpRequest, template: str, **context: Any) -> TemplateResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "subtitle": None}
        request.current_app = self.admin_site.name
        return TemplateResponse(request, template, shared | context)


def _form(request: HttpRequest) -> AuditForm:
    asked = request.GET.copy()
    for former, name in FORMER_NAMES.items():
        if former in asked:
            asked[name] = request.GET.get(former, "")
    return AuditForm(asked, staff=staff_of(request))


def _page(entries: Entries, form: AuditForm, request: HttpRequest) -> KeysetPage[LedgerEntry] | None:
    """The requested page; None if the query timed out."""
    before, after = request.GET.get(BEFORE, ""), request.GET.get(AFTER, "")
    window = form.window
    rows = form.in_window(entries) if window else form.in_order(entries)
    rows = rows.select_related(None).prefetch_related(*_related())
    try:
        return page_of(rows, order=form.order, before=before, after=after, window=window)
    except OperationalError as error:
        if sqlstate_of(error) != _STATEMENT_TIMED_OUT:
            raise
        return None


def _related() -> Sequence[str]:
    """What an entry's line needs: joined to the entries of an export, prefetched for a page."""
    return [*_RELATED, *(name for extension in ledger_extensions() for name in extension.related)]


def _columns() -> Sequence[Column]:
    return [*OWN_COLUMNS, *(column for extension in ledger_extensions() for column in extension.columns)]


def _cells(entry: LedgerEntry) -> list[tuple[Column, SafeString | str]]:
    """An entry's line of the list."""
    return [(column, column.shown(entry)) for column in _columns() if column.shown is not None]


def _query(request: HttpRequest, **cursor: str) -> str:
    """The filters of the address, without its position in the list; `cursor` gives another one."""
    asked = request.GET.copy()
    for name in (BEFORE, AFTER):
        asked.pop(name, None)
    for name in [name for name, value in asked.items() if not value]:
        del asked[name]
    for name, value in cursor.items():
        asked[name] = value
    return asked.urlencode()


def _links(request: HttpRequest, form: AuditForm, page: KeysetPage[LedgerEntry]) -> dict[str, str]:
    """The addresses of the neighbouring pages."""
    links = {}
    if page.newer or BEFORE in request.GET:
        links["newest"] = f"?{_query(request)}"
    if page.newer:
        links["newer"] = f"?{_query(request, **{AFTER: page.newer})}"
    if page.older:
        links["older"] = f"?{_query(request, **{BEFORE: page.older})}"
        links["oldest"] = f"?{_query(request, **{AFTER: oldest_cursor(form.order)})}"
    return links


@admin.register(LedgerExport)
class LedgerExportAdmin(ServiceOwnedAdmin[LedgerExport]):
    """Exports of the ledger: what was exported, by whom and when; read-only."""

    casino_lookup = "casino"
    list_display = ("started_at", "staff", "asked", "rows", "state", "correlation_id")
    list_select_related = ("staff",)
    ordering = ("-id",)
    fields = ("started_at", "ended_at", "staff", "asked", "rows", "state", "correlation_id")
    readonly_fields = ("asked", "state")

    @admin.display(description="filtered by")
    def asked(self, export: LedgerExport) -> str:
        return ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in export.filters.items()) or "nothing"

    @admin.display(description="state")
    def state(self, export: LedgerExport) -> str:
        if export.ended_at is None:
            return "not finished: still running, or ended by a crash"
        return "whole" if export.is_whole else "incomplete"
