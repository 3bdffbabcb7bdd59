"""The pages of the change log, and the section “Changes” of each page “History”."""

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from core.console.change_words import ChangeInWords, in_words
from core.console.display import apart, exact_moment, nested_list
from core.console.filtered_list import Column, FilteredListAdmin, FilterForm
from core.console.links import Link, adds_links, link_to, list_url
from core.console.scope import changes_seen_by, staff_of
from core.models import Change, User
from core.permissions import EXPORT_CHANGES, VIEW_CHANGES
from loyalty.admin.export import export_response
from loyalty.models import LedgerExport
from ratingslips.admin.changes.filters import ChangesForm


def _concerned(row: ChangeInWords) -> SafeString:
    links = ((list_url(Change, of=key), apart(name)) for key, name in row.concerned.items())
    names = format_html_join(", ", '<a href="{}">{}</a>', links)
    return format_html('<span class="concerned">{}</span>', names)


def _words_of(change: Change) -> ChangeInWords:
    """The change of a page in words, for which its rows are read once."""
    known: ChangeInWords | None = change.__dict__.get("_in_words")
    if known is None:
        known = change.__dict__["_in_words"] = in_words([change])[0]
    return known


def _as_json(values: object) -> str:
    return "" if values is None else json.dumps(values, ensure_ascii=False, sort_keys=True)


COLUMNS: Final[Sequence[Column]] = (
    Column(
        label="When",
        shown=lambda row: link_to(row.change, exact_moment(row.change.recorded_at)),
        exported=lambda row: timezone.localtime(row.change.recorded_at).isoformat(timespec="milliseconds"),
        is_head=True,
    ),
    Column(label="Number", exported=lambda row: row.change.pk),
    Column(label="What", shown=lambda row: row.kind, exported=lambda row: row.kind),
    Column(label="Whom it concerns", shown=_concerned, exported=lambda row: ", ".join(row.concerned.values())),
    Column(label="Change", shown=lambda row: row.html, exported=lambda row: row.text),
    Column(label="Changed by", shown=lambda row: row.author, exported=lambda row: row.author),
    Column(label="Table", exported=lambda row: row.change.table_name),
    Column(label="Key", exported=lambda row: row.change.row_id),
    Column(label="Before", exported=lambda row: _as_json(row.change.old)),
    Column(label="After", exported=lambda row: _as_json(row.change.new)),
    Column(label="Database role", exported=lambda row: row.change.database_role),
    Column(label="Correlation id", exported=lambda row: str(row.change.correlation_id or "")),
)


@admin.register(Change)
class ChangeAdmin(FilteredListAdmin[Change]):
    """The change log, read-only."""

    list_title = "Change log"
    list_template = "ratingslips/changes/changes.html"
    export_permission = EXPORT_CHANGES
    fields = ("recorded", "kind", "concerned", "changed", "author", "database_role", "correlation_id", "stored")
    readonly_fields = ("recorded", "kind", "concerned", "changed", "author", "stored")

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Change]":
        return changes_seen_by(staff_of(request))

    def filter_names(self) -> Collection[str]:
        return ChangesForm.base_fields

    def filter_form(self, request: HttpRequest) -> ChangesForm:
        return ChangesForm(request.GET, staff=staff_of(request))

    def columns(self) -> Sequence[Column]:
        return COLUMNS

    def described(self, request: HttpRequest, rows: Sequence[Change]) -> Sequence[Any]:
        return in_words(rows)

    def export(self, request: HttpRequest, form: FilterForm) -> HttpResponseBase:
        return export_response(
            request,
            what=LedgerExport.What.CHANGES,
            rows=self.get_queryset(request),
            form=form,
            columns=COLUMNS,
            described=in_words,
        )

    @admin.display(description="recorded")
    def recorded(self, change: Change) -> str:
        return exact_moment(change.recorded_at)

    @admin.display(description="what")
    def kind(self, change: Change) -> str:
        return _words_of(change).kind

    @admin.display(description="whom it concerns")
    def concerned(self, change: Change) -> str:
        return format_html("<p>{}</p>", _concerned(_words_of(change)))

    @admin.display(description="change")
    def changed(self, change: Change) -> str:
        return _words_of(change).html

    @admin.display(description="changed by")
    def author(self, change: Change) -> str:
        return _words_of(change).author

    @admin.display(description="as it is stored")
    def stored(self, change: Change) -> str:
        values = {"before": change.old, "after": change.new}
        return nested_list({"table": change.table_name, "key": change.row_id} | values)


@adds_links(Change)
def _trace(request: HttpRequest, change: Change) -> Iterable[Link]:
    if change.correlation_id is not None:
        yield Link(label="Trace", url=reverse("trace:story", args=[change.correlation_id]))


@adds_links(User)
def _changes_by(request: HttpRequest, person: User) -> Iterable[Link]:
    if staff_of(request).has_perm(VIEW_CHANGES):
        yield Link(label="Changes made", url=list_url(Change, who=person.pk))
