"""The ledger as a CSV file, streamed."""

import csv
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone

from core.console.scope import sees_all_casinos, staff_of
from core.spreadsheets import harmless
from loyalty.admin.audit import AuditForm
from loyalty.admin.extensions import Column, Entries
from loyalty.models import LedgerEntry, LedgerExport
from loyalty.services.exports import begin_export, end_export, entries_in_one_snapshot

# Tells spreadsheets that names are UTF-8.
_BYTE_ORDER_MARK: Final = "\ufeff"


class _Echo:
    """A file whose `write` returns the text, so that a CSV writer returns each line."""

    def write(self, text: str) -> str:
        return text


def export_response(
    request: HttpRequest, *, entries: Entries, form: AuditForm, columns: Sequence[Column]
) -> StreamingHttpResponse:
    """Begin the export and stream the `entries` that match the form.

    :raises DomainError: `begin_export` refused.
    """
    staff = staff_of(request)
    casino = None if sees_all_casinos(staff) else staff.casino
    now = timezone.now()
    export = begin_export(entries=form.narrowed(entries), casino=casino, actor=staff, filters=form.as_text, at=now)
    zone = casino.zone if casino else ZoneInfo("UTC")
    read = entries_in_one_snapshot(form.in_order(entries), joined=entries, order=form.order)
    lines = _lines(export, read, columns=columns, zone=zone)
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    name = f"ledger-{timezone.localtime(now, zone):%Y-%m-%d-%H%M}-export-{export.pk}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response


def _lines(
    export: LedgerExport, read: Generator[list[LedgerEntry]], *, columns: Sequence[Column], zone: ZoneInfo
) -> Iterator[str]:
    writer: Any = csv.writer(_Echo())
    exported = [(column.label, column.exported) for column in columns if column.exported is not None]
    rows, is_whole = 0, False
    try:
        yield _BYTE_ORDER_MARK + str(writer.writerow([label for label, _ in exported]))
        with closing(read) as chunks:
            for chunk in chunks:
                rows += len(chunk)
                # This runs after the view has returned, outside its time zone.
                with timezone.override(zone):
                    text = "".join(writer.writerow([harmless(cell(entry)) for _, cell in exported]) for entry in chunk)
                yield text
        is_whole = True
    finally:
        end_export(export=export, rows=rows, is_whole=is_whole, at=timezone.now())
