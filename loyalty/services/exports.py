"""Export the ledger or the change log: check the permission, record the export first, read one snapshot."""

from collections.abc import Generator, Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

import structlog
from django.db.models import Model, QuerySet

from core import correlation, timeouts
from core.errors import DomainError
from core.keyset import Order, rows_after
from core.models import Casino, User
from core.permissions import EXPORT_CHANGES, NotPermitted, has_permission
from core.snapshots import one_snapshot
from core.transactions import operation
from loyalty.models import LedgerExport, LoyaltyProgram
from loyalty.permissions import EXPORT_LEDGER

M = TypeVar("M", bound=Model)

log = structlog.get_logger(__name__)

_PERMISSIONS: Final = {LedgerExport.What.LEDGER: EXPORT_LEDGER, LedgerExport.What.CHANGES: EXPORT_CHANGES}
MAX_EXPORT_ROWS: Final = 1_000_000
CHUNK_ROWS: Final = 1_000
# How long a client may take for one chunk; the export holds no lock meanwhile. The server gives up earlier on a client
# that takes nothing (SLOW_CLIENT_SECONDS).
PATIENCE_SECONDS: Final = timeouts.MAX_SLOW_CLIENT_SECONDS


class ExportTooLarge(DomainError):
    """More entries were asked for than one export may hold."""

    code = "EXPORT_TOO_LARGE"


def begin_export(
    *,
    what: LedgerExport.What,
    rows: "QuerySet[Any]",
    casino: Casino | None,
    actor: User,
    filters: Mapping[str, str],
    at: datetime,
) -> LedgerExport:
    """Record that an export of `rows` begins: those of `casino`, or of all casinos if it is None. `what` they are.

    :raises NotPermitted: the actor may not export that of this casino.
    :raises ExportTooLarge: there are more than `MAX_EXPORT_ROWS`.
    """
    with operation(f"loyalty.export_{what.lower()}", actor_id=actor.pk):
        _require_may_export(actor, what=what, casino=casino)
        if rows.order_by()[MAX_EXPORT_ROWS : MAX_EXPORT_ROWS + 1].exists():
            raise ExportTooLarge(f"These are more than {MAX_EXPORT_ROWS:,} entries. Export them in parts, by days.")
        export = LedgerExport.objects.create(
            what=what,
            casino=casino,
            staff=actor,
            filters=dict(filters),
            correlation_id=correlation.current(),
            started_at=at,
        )
    log.info("loyalty.export_begun", export_id=export.pk, actor_id=actor.pk)
    return export


def _require_may_export(actor: User, *, what: LedgerExport.What, casino: Casino | None) -> None:
    if casino is None:
        superusers = User.objects.filter(is_active=True, is_superuser=True, casino=None)
        allowed = superusers.filter(pk=actor.pk).exists()
    else:
        program = LoyaltyProgram.objects.filter(casino=casino).first()
        allowed = program is not None and has_permission(actor, _PERMISSIONS[what], program)
    if not allowed:
        raise NotPermitted(
            f"You do not hold the permission “Can export the {what.label.lower()}”. Ask for it, or ask an auditor."
        )


def end_export(*, export: LedgerExport, rows: int, is_whole: bool, at: datetime) -> None:
    """Record how an export ended: how many rows were sent, and whether these were all."""
    with operation("loyalty.end_export", actor_id=export.staff_id):
        export.ended_at, export.rows, export.is_whole = max(at, export.started_at), rows, is_whole
        export.save(update_fields=["ended_at", "rows", "is_whole"])
    with correlation.bound(export.correlation_id):
        log.info("loyalty.export_ended", export_id=export.pk, rows=rows, is_whole=is_whole)


def rows_in_one_snapshot(rows: "QuerySet[M]", *, joined: "QuerySet[M]", order: Order) -> Generator[list[M]]:
    """Read `rows` from one snapshot, newest first, in chunks of `CHUNK_ROWS`, so that memory use stays constant.

    `joined` is the queryset of all rows, with the joins that the export needs. A row that commits during the read
    is not in the export, whatever its id. Owns the transaction, which only reads.
    """
    with one_snapshot(idle_seconds=PATIENCE_SECONDS):
        last: M | None = None
        while chunk := rows_after(rows, joined=joined, order=order, row=last, most=CHUNK_ROWS):
            yield chunk
            last = chunk[-1]
