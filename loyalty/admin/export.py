"""A list as a CSV file, streamed: the ledger or the change log."""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone

from core.console.filtered_list import Column, FilterForm
from core.console.scope import sees_all_casinos, staff_of
from core.errors import DomainError
from core.spreadsheets import csv_line
from loyalty.models import LedgerExport
from loyalty.services.exports import begin_export, end_export, rows_in_one_snapshot

# Tells spreadsheets that names are UTF-8.
BYTE_ORDER_MARK: Final = "\ufeff"

# Of one process. An export keeps a thread for minutes, and the others must be left for the floor.
EXPORTS_AT_ONCE: Final = 2
_slots: Final = threading.BoundedSemaphore(EXPORTS_AT_ONCE)


class TooManyExports(DomainError):
    """As many exports are under way as a process may send at once."""

    code = "TOO_MANY_EXPORTS"


class SearchTooWide(DomainError):
    """The search finds more players than are looked up, so an export would leave rows out."""

    code = "SEARCH_TOO_WIDE"


def export_response(
    request: HttpRequest,
    *,
    what: LedgerExport.What,
    rows: "QuerySet[Any]",
    form: FilterForm,
    columns: Sequence[Column],
    described: Callable[[Sequence[Any]], Iterable[Any]] = iter,
) -> StreamingHttpResponse:
    """Begin the export and stream the `rows` that match the form.

    `described` gives, for the rows of a chunk, what the columns are made from.

    :raises SearchTooWide: the form's search finds too many players.
    :raises TooManyExports: others are under way.
    :raises DomainError: `begin_export` refused.
    """
    if form.too_many:
        raise SearchTooWide(f"{form.too_many} An export would leave out the entries of the others.")
    staff = staff_of(request)
    casino = None if sees_all_casinos(staff) else staff.casino
    now = timezone.now()
    zone = casino.zone if casino else ZoneInfo("UTC")
    chunks = rows_in_one_snapshot(form.in_order(rows), joined=rows, order=form.order)
    with ExitStack() as slot:
        slot.enter_context(_slot())
        export = begin_export(
            what=what, rows=form.narrowed(rows), casino=casino, actor=staff, filters=form.as_text, at=now
        )
        lines = _lines(export, chunks, described=described, columns=columns, zone=zone, slot=slot.pop_all())
    next(lines)  # The generator has begun, so it records the end and frees the slot even if nobody reads it.
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    name = f"{what.lower()}-{timezone.localtime(now, zone):%Y-%m-%d-%H%M}-export-{export.pk}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response


@contextmanager
def _slot() -> Iterator[None]:
    """Be one of the exports that this process sends at once.

    :raises TooManyExports: there are `EXPORTS_AT_ONCE` others.
    """
    if not _slots.acquire(blocking=False):
        raise TooManyExports("Other exports are being sent just now. Wait until one of them has ended, then try again.")
    try:
        yield
    finally:
        _slots.release()


def _lines(
    export: LedgerExport,
    chunks: Generator[list[Any]],
    *,
    described: Callable[[Sequence[Any]], Iterable[Any]],
    columns: Sequence[Column],
    zone: ZoneInfo,
    slot: ExitStack,
) -> Generator[str]:
    exported = [(column.label, column.exported) for column in columns if column.exported is not None]
    rows, is_whole = 0, False
    with slot:
        try:
            yield ""
            yield BYTE_ORDER_MARK + csv_line(label for label, _ in exported)
            with closing(chunks):
                for chunk in chunks:
                    rows += len(chunk)
                    # This runs after the view has returned, outside its time zone.
                    with timezone.override(zone):
                        text = "".join(csv_line(cell(row) for _, cell in exported) for row in described(chunk))
                    yield text
            is_whole = True
        finally:
            end_export(export=export, rows=rows, is_whole=is_whole, at=timezone.now())
