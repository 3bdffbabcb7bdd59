"""Read-only lists that are narrowed by a form, read page by page in the order of an index, and exported as CSV."""

from abc import abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from core.console.asking_again import asks_again
from core.console.links import list_url
from core.console.queries import keep_only, reads
from core.console.scope import M, ServiceOwnedAdmin, staff_of
from core.errors import DomainError
from core.keyset import KeysetPage, Order, Window, oldest_cursor, page_of
from core.retries import sqlstate_of

BEFORE: Final = "before"
AFTER: Final = "after"
_STATEMENT_TIMED_OUT: Final = "57014"


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column of the list, of the export, or of both; a cell of the list is HTML, one of the export is plain text.

    `is_head` marks the heading of its line; `is_figure` aligns it to the right.
    """

    label: str
    shown: Callable[[Any], SafeString | str] | None = None
    exported: Callable[[Any], str | int] | None = None
    is_head: bool = False
    is_figure: bool = False


class DayField(forms.DateField):
    """An optional day, in the browser's own field."""

    def __init__(self, *, label: str) -> None:
        super().__init__(
            label=label,
            required=False,
            widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            input_formats=["%Y-%m-%d"],
            error_messages={"invalid": "Write a day as 2026-11-14."},
        )


class FilterForm(forms.Form):
    """The filters of a list, from the address of the page."""

    # Pairs of filters, and what is said where the second value is below the first.
    ranges: ClassVar[Sequence[tuple[str, str, str]]] = ()

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        for least, most, words in self.ranges:
            if cleaned.get(least) is not None and cleaned.get(most) is not None and cleaned[most] < cleaned[least]:
                self.add_error(most, words)
        return cleaned

    @property
    def given(self) -> dict[str, Any]:
        """The filters in use, by name."""
        return {
            name: value for name, value in self.cleaned_data.items() if value or (value == 0 and value is not False)
        }

    @property
    def as_text(self) -> dict[str, str]:
        """The filters in use, by name and as text, for the record of an export."""
        return {name: str(value) for name, value in self.given.items()}

    @property
    @abstractmethod
    def in_words(self) -> list[str]:
        """The filters in use, for people."""

    @property
    @abstractmethod
    def order(self) -> Order:
        """Newest first, in the order of the index that fits the filters."""

    @property
    @abstractmethod
    def too_many(self) -> str:
        """What to tell people whose search matches more rows than were looked up; else empty."""

    @abstractmethod
    def narrowed(self, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        """The `rows` that match the filters; the form must be valid."""

    @abstractmethod
    def in_order(self, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        """The same without the conditions on the columns of `order`, which reading in `order` limits itself."""

    @property
    @abstractmethod
    def window(self) -> Window[Any] | None:
        """What a page looks at if its filters pass over rows of the index; None if they do not."""

    @abstractmethod
    def in_window(self, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        """As `in_order`, without the conditions that `window` applies as well."""


class FilteredListAdmin(ServiceOwnedAdmin[M]):
    """The list, its pages and its export. Subclasses say which form, which columns, and how to export."""

    list_title: ClassVar[str]
    list_template: ClassVar[str]
    export_permission: ClassVar[str]

    @abstractmethod
    def filter_form(self, request: HttpRequest) -> FilterForm:
        """The form, with what the address says."""

    @abstractmethod
    def filter_names(self) -> Collection[str]:
        """The parameters of the address that narrow the list."""

    @abstractmethod
    def columns(self) -> Sequence[Column]:
        """The columns of the list and of the export."""

    @abstractmethod
    def export(self, request: HttpRequest, form: FilterForm) -> HttpResponseBase:
        """Stream what the valid form asks for.

        :raises DomainError: nothing is exported.
        """

    def page_rows(self, rows: "QuerySet[M]") -> "QuerySet[M]":
        """The rows that a page is read from, without joins."""
        return rows

    def described(self, request: HttpRequest, rows: Sequence[M]) -> Sequence[Any]:
        """What the columns of the list are made from, for each of `rows`."""
        return rows

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(reads(*self.filter_names())(require_POST(self.export_view)))
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        return [path("export/", view, name=name), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show one page of the list."""
        self.require_view(request)
        keep_only(request, {BEFORE, AFTER, *self.filter_names()})
        form = self.filter_form(request)
        page = self._page(request, form) if form.is_valid() else None
        columns = [column for column in self.columns() if column.shown is not None]
        export_url = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_export")
        context = {
            "title": self.list_title,
            "form": form,
            "is_wrong": not form.is_valid(),
            "columns": columns,
            "page": page,
            "lines": [
                [(column, column.shown(row)) for column in columns if column.shown is not None]
                for row in (self.described(request, page.rows) if page else ())
            ],
            "words": form.in_words if form.is_valid() else [],
            "too_many": form.too_many if form.is_valid() else "",
            "links": page_links(request, page, order=form.order) if page else {},
            "plain_url": list_url(self.model),
            "may_export": staff_of(request).has_perm(self.export_permission),
            "export_url": f"{export_url}?{_query(request)}",
        }
        return self.show(request, self.list_template, **context | (extra_context or {}))

    @asks_again(downloads=True)
    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Stream all pages of the list as CSV, and record the export."""
        self.require_view(request)
        form = self.filter_form(request)
        if not form.is_valid():
            messages.error(request, "Nothing was exported: look at what is marked below.")
            return self._back(request)
        try:
            return self.export(request, form)
        except DomainError as error:
            messages.error(request, f"Nothing was exported. {error.message}")
            return self._back(request)

    def require_view(self, request: HttpRequest) -> None:
        """Refuse who may not view the model.

        :raises PermissionDenied: always then.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied

    def show(self, request: HttpRequest, template: str, **context: Any) -> TemplateResponse:
        """A page of this admin."""
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "subtitle": None}
        request.current_app = self.admin_site.name
        return TemplateResponse(request, template, shared | context)

    def _back(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(f"{list_url(self.model)}?{_query(request)}")

    def _page(self, request: HttpRequest, form: FilterForm) -> KeysetPage[M] | None:
        """The requested page; None if the query timed out."""
        before, after = request.GET.get(BEFORE, ""), request.GET.get(AFTER, "")
        try:
            window, rows = form.window, self.get_queryset(request)
            rows = self.page_rows(form.in_window(rows) if window else form.in_order(rows))
            return page_of(rows, order=form.order, before=before, after=after, window=window)
        except OperationalError as error:
            if sqlstate_of(error) != _STATEMENT_TIMED_OUT:
                raise
            return None


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


def page_links(request: HttpRequest, page: KeysetPage[Any], *, order: Order) -> dict[str, str]:
    """The addresses of the neighbouring pages, and of the first and the last, for `page_links.html`."""
    links = {}
    if page.newer or BEFORE in request.GET:
        links["newest"] = f"?{_query(request)}"
    if page.newer:
        links["newer"] = f"?{_query(request, **{AFTER: page.newer})}"
    if page.older:
        links["older"] = f"?{_query(request, **{BEFORE: page.older})}"
        links["oldest"] = f"?{_query(request, **{AFTER: oldest_cursor(order)})}"
    return links
