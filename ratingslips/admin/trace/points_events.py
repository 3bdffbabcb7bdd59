"""What happened to points: ledger entries, prints of comp slips, exports of the ledger, pauses of a programme."""

from collections.abc import Iterator, Sequence
from typing import Final
from uuid import UUID

from django.db.models import Q

from core.console import display
from core.console.scope import in_casino_of
from core.models import User
from core.words import counted, signed_count
from loyalty.admin.posted import balances_of
from loyalty.models import CompSlipPrint, LedgerEntry, LedgerExport, ProgramPause
from loyalty.permissions import VIEW_ENTRIES, VIEW_EXPORTS, VIEW_PROGRAM
from ratingslips.admin.trace.story_events import StoryEvent, why
from ratingslips.models import RatingSlip

ROWS_SHOWN: Final = 50


def posted(entry: LedgerEntry, slips: Sequence[RatingSlip]) -> StoryEvent:
    what = "Award" if entry.kind == LedgerEntry.Kind.MANUAL_BONUS else f"Entry, {entry.get_kind_display().lower()}"
    other = f" of #{entry.reverses_id or entry.adjusts_id}" if entry.reverses_id or entry.adjusts_id else ""
    tiers = f", {entry.tier_before} → {entry.tier_after}" if entry.changes_tier else ""
    reason = why(entry.reason, entry.reason_code) if entry.staff_id else ""
    points = signed_count(entry.points, "point")
    recorded = display.recorded(entry.recorded_at, entry.created_at)
    slip = next((slip for slip in slips if slip.ledger_entry_id == entry.pk), None)
    recovery_id = slip.recovery_correlation_id if slip and slip.recovered_by_id else None
    return StoryEvent(
        at=entry.created_at,
        words=f"{what} #{entry.pk}{other}: {points} to {entry.account.player}, {balances_of(entry)}{tiers}{reason}"
        + (f" ({recorded})" if recorded else ""),
        by=entry.staff,
        correlation_id=recovery_id or entry.correlation_id,
        sent_by=(slip.recovered_by_id or slip.closed_by_id) if slip else None,
        about=entry,
    )


def prints(correlation_id: UUID, *, staff: User) -> Iterator[StoryEvent]:
    if not staff.has_perm(VIEW_ENTRIES):
        return
    prints = in_casino_of(staff, CompSlipPrint.objects.all(), lookup="entry__casino").select_related("entry", "staff")
    for one in prints.filter(correlation_id=correlation_id)[:ROWS_SHOWN]:
        copy = f", copy {one.number - 1}" if one.is_copy else ""
        yield StoryEvent(
            at=one.printed_at,
            words=f"Comp slip of entry #{one.entry_id} printed{copy}",
            by=one.staff,
            correlation_id=correlation_id,
            about=one.entry,
        )


def exports(correlation_id: UUID, *, staff: User) -> Iterator[StoryEvent]:
    if not staff.has_perm(VIEW_EXPORTS):
        return
    exports = in_casino_of(staff, LedgerExport.objects.all(), lookup="casino").select_related("staff")
    for export in exports.filter(correlation_id=correlation_id)[:ROWS_SHOWN]:
        rows = "not ended" if export.rows is None else counted(export.rows, "entry", "entries")
        yield StoryEvent(
            at=export.started_at,
            words=f"{export.get_what_display()} exported: {rows}",
            by=export.staff,
            correlation_id=correlation_id,
            about=export,
        )


def pauses(correlation_id: UUID, *, staff: User) -> Iterator[StoryEvent]:
    """The beginning and the end of a pause of a programme, if either has the id."""
    if not staff.has_perm(VIEW_PROGRAM):
        return
    pauses = in_casino_of(staff, ProgramPause.objects.all(), lookup="program__casino").filter(
        Q(correlation_id=correlation_id) | Q(resume_correlation_id=correlation_id)
    )
    for pause in pauses.select_related("program__casino", "paused_by", "resumed_by")[:ROWS_SHOWN]:
        yield StoryEvent(
            at=pause.paused_at,
            words=f"{pause.program} paused{why(pause.reason, pause.reason_code)}",
            by=pause.paused_by,
            correlation_id=pause.correlation_id,
            about=pause.program,
        )
        if pause.resumed_at:
            yield StoryEvent(
                at=pause.resumed_at,
                words=f"{pause.program} resumed{why(pause.resume_reason, pause.resume_reason_code)}",
                by=pause.resumed_by,
                correlation_id=pause.resume_correlation_id,
                about=pause.program,
            )
