"""Export the ledger: check the permission, record the export before the first row, read one snapshot."""

from collections.abc import Generator, Mapping
from datetime import datetime
from typing import Final

import structlog
from django.db.models import QuerySet

from core import correlation
from core.errors import DomainError
from core.keyset import Order, rows_after
from core.models import Casino, User
from core.permissions import NotPermitted, has_permission
from core.snapshots import one_snapshot
from core.transactions import operation
from loyalty.models import LedgerEntry, LedgerExport, LoyaltyProgram
from loyalty.permissions import EXPORT_LEDGER

log = structlog.get_logger(__name__)

MAX_EXPORT_ROWS: Final = 1_000_000
CHUNK_ROWS: Final = 1_000
# How long a client may take for one chunk; the export holds no lock meanwhile. The server gives up earlier on a client
# that takes nothing (SLOW_CLIENT_SECONDS).
PATIENCE_SECONDS: Final = 60 * 60


class ExportTooLarge(DomainError):
    """More entries were asked for than one export may hold."""

    code = "EXPORT_TOO_LARGE"


def begin_export(
    *,
    entries: "QuerySet[LedgerEntry]",
    casino: Casino | None,
    actor: User,
    filters: Mapping[str, str],
    at: datetime,
) -> LedgerExport:
    """Record that an export of `entries` begins: those of `casino`, or of all casinos if it is None.

    :raises NotPermitted: the actor may not export this casino's ledger.
    :raises ExportTooLarge: there are more than `MAX_EXPORT_ROWS`.
    """
    with operation("loyalty.export_ledger", actor_id=actor.pk):
        _require_may_export(actor, casino=casino)
        if entries.order_by()[MAX_EXPORT_ROWS : MAX_EXPORT_ROWS + 1].exists():
            raise ExportTooLarge(
                f"These are more than {MAX_EXPORT_ROWS:,} entries. Export them in parts, by gaming days."
            )
        export = LedgerExport.objects.create(
            casino=casino, staff=actor, filters=dict(filters), correlation_id=correlation.current(), started_at=at
        )
    log.info("loyalty.export_begun", export_id=export.pk, actor_id=actor.pk)
    return export


def _require_may_export(actor: User, *, casino: Casino | None) -> None:
    if casino is None:
        superusers = User.objects.filter(is_active=True, is_superuser=True, casino=None)
        allowed = superusers.filter(pk=actor.pk).exists()
    else:
        program = LoyaltyProgram.objects.filter(casino=casino).first()
        allowed = program is not None and has_permission(actor, EXPORT_LEDGER, program)
    if not allowed:
        raise NotPermitted("You do not hold the permission “Can export the ledger”. Ask for it, or ask an auditor.")


def end_export(*, export: LedgerExport, rows: int, is_whole: bool, at: datetime) -> None:
    """Record how an export ended: how many rows were sent, and whether these were all."""
    with operation("loyalty.end_export", actor_id=export.staff_id):
        export.ended_at, export.rows, export.is_whole = max(at, export.started_at), rows, is_whole
        export.save(update_fields=["ended_at", "rows", "is_whole"])
    with correlation.bound(export.correlation_id):
        log.info("loyalty.export_ended", export_id=export.pk, rows=rows, is_whole=is_whole)


def entries_in_one_snapshot(
    entries: "QuerySet[LedgerEntry]", *, joined: "QuerySet[LedgerEntry]", order: Order
) -> Generator[list[LedgerEntry]]:
    """Read `entries` from one snapshot, newest first, in chunks of `CHUNK_ROWS`, so that memory use stays constant.

    `joined` is the queryset of all entries, with the joins that the export needs. An entry that commits during the read
    is not in the export, whatever its id. Owns the transaction, which only reads.
    """
    with one_snapshot(idle_seconds=PATIENCE_SECONDS):
        last: LedgerEntry | None = None
        while chunk := rows_after(entries, joined=joined, order=order, row=last, most=CHUNK_ROWS):
            yield chunk
            last = chunk[-1]
