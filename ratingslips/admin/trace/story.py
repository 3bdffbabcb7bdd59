"""The whole story of a correlation id, in order: the slips that it touched from their opening on, entries, exports.

Read from the rows that the acts themselves wrote; from where each came is read from `core.RequestOrigin`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Model, Q

from core.console.scope import in_casino_of, sees_all_casinos
from core.models import Casino, RequestOrigin, User
from loyalty.models import LedgerEntry, LedgerExport
from loyalty.permissions import VIEW_ENTRIES, VIEW_EXPORTS
from ratingslips.models import PlaySegment, RatingSlip
from ratingslips.permissions import VIEW_SLIPS

SLIPS_TOLD: Final = 20
ENTRIES_TOLD: Final = 50

Start = PlaySegment.Start


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One thing that happened: when, what, by whom (none: the system), under which id, and what it is about.

    `about` has a page of its own; `is_alarm` is what somebody had to see to.
    """

    at: datetime
    words: str
    by: User | None
    correlation_id: UUID | None
    about: Model | None = None
    is_alarm: bool = False
    origin: RequestOrigin | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Story:
    """What a correlation id touched: the events in order, and whether there is more than is told."""

    correlation_id: UUID
    events: Sequence[Event]
    is_cut: bool


def story_of(correlation_id: UUID, *, staff: User) -> Story | None:
    """The story of a correlation id in the casino of `staff`, as far as they may see it; none where there is none."""
    slips, slips_cut = _slips(correlation_id, staff=staff)
    entries, entries_cut = _entries(correlation_id, slips, staff=staff)
    events = [event for slip in slips for event in _events_of_slip(slip)]
    events += [_posted(entry, slips) for entry in entries]
    events += _exports(correlation_id, staff=staff)
    events = _with_origins(events)
    told = {event.origin.pk for event in events if event.origin is not None}
    events += _requests(correlation_id, staff=staff, is_touched=bool(events), but_for=told)
    if not events:
        return None
    events.sort(key=lambda event: event.at)
    return Story(correlation_id=correlation_id, events=events, is_cut=slips_cut or entries_cut)


def _slips(correlation_id: UUID, *, staff: User) -> tuple[list[RatingSlip], bool]:
    if not staff.has_perm(VIEW_SLIPS):
        return [], False
    touched = PlaySegment.objects.filter(
        Q(start_correlation_id=correlation_id) | Q(end_correlation_id=correlation_id)
    ).order_by()
    slips = in_casino_of(staff, RatingSlip.objects.all(), lookup="casino").filter(
        Q(correlation_id=correlation_id) | Q(recovery_correlation_id=correlation_id) | Q(pk__in=touched.values("slip"))
    )
    related = ("casino", "player", "opened_by", "closed_by", "recovered_by", "ledger_entry")
    segments = "segments__table", "segments__started_by", "segments__ended_by"
    found = list(slips.select_related(*related).prefetch_related(*segments).order_by("opened_at")[: SLIPS_TOLD + 1])
    return found[:SLIPS_TOLD], len(found) > SLIPS_TOLD


def _entries(correlation_id: UUID, slips: Sequence[RatingSlip], *, staff: User) -> tuple[list[LedgerEntry], bool]:
    if not staff.has_perm(VIEW_ENTRIES):
        return [], False
    of_slips = [slip.ledger_entry_id for slip in slips if slip.ledger_entry_id is not None]
    entries = in_casino_of(staff, LedgerEntry.objects.all(), lookup="casino").filter(
        Q(correlation_id=correlation_id) | Q(pk__in=of_slips)
    )
    related = ("account__player", "staff", "tier_before", "tier_after")
    found = list(entries.select_related(*related).order_by("id")[: ENTRIES_TOLD + 1])
    return found[:ENTRIES_TOLD], len(found) > ENTRIES_TOLD


def _events_of_slip(slip: RatingSlip) -> Iterator[Event]:
    """From sitting down to leaving, and what became of the points."""
    is_paused = False
    for segment in slip.segments.all():
        is_paused = is_paused and segment.started_as not in {Start.OPENED, Start.RESUMED}
        yield Event(
            at=segment.started_at,
            words=f"{slip}: {_beginning(segment, slip)}",
            by=segment.started_by,
            correlation_id=segment.start_correlation_id,
            about=slip,
        )
        # A change during a pause stands as a segment of no length, which ends as the pause goes on.
        if segment.ended_as == PlaySegment.End.PAUSED and segment.ended_at is not None and not is_paused:
            is_paused = True
            yield Event(
                at=segment.ended_at,
                words=f"{slip}: paused",
                by=segment.ended_by,
                correlation_id=segment.end_correlation_id,
                about=slip,
            )
    if slip.closed_at is not None:
        yield from _end_of_slip(slip, closed_at=slip.closed_at)


def _beginning(segment: PlaySegment, slip: RatingSlip) -> str:
    place = f"{segment.table.name} seat {segment.seat}"
    match segment.started_as:
        case Start.OPENED:
            return f"opened for {slip.player} at {place}, average bet {segment.average_bet:,.2f}"
        case Start.BET_CHANGED:
            return f"average bet {segment.average_bet:,.2f}"
        case Start.MOVED:
            return f"moved to {place}"
        case _:
            return f"resumed at {place}"


def _end_of_slip(slip: RatingSlip, *, closed_at: datetime) -> Iterator[Event]:
    def event(at: datetime, words: str, **others: Any) -> Event:
        told: dict[str, Any] = {"by": slip.closed_by, "correlation_id": slip.correlation_id, "about": slip} | others
        return Event(at=at, words=f"{slip}: {words}", **told)

    yield event(closed_at, f"closed, theo {slip.theoretical_win:,.2f}")
    if slip.owed_because:
        words = f"points owed, they could not be posted: {slip.why_owed}"
        yield event(closed_at, words, by=None, is_alarm=True)
    if slip.settled_at is None:
        return
    if slip.recovered_by is not None:
        points = slip.ledger_entry.points if slip.ledger_entry else 0
        words = f"recovered, {points:,} points paid"
        yield event(slip.settled_at, words, by=slip.recovered_by, correlation_id=slip.recovery_correlation_id)
    elif slip.ledger_entry_id is None:
        yield event(slip.settled_at, "settled, its play was worth 0 points", by=None)


def _posted(entry: LedgerEntry, slips: Sequence[RatingSlip]) -> Event:
    what = "Award" if entry.kind == LedgerEntry.Kind.MANUAL_BONUS else f"Entry, {entry.get_kind_display().lower()}"
    risen = f", {entry.tier_before} → {entry.tier_after}" if entry.changes_tier else ""
    reason = f" “{entry.reason}”" if entry.staff_id else ""
    balances = f"balance {entry.balance_before:,} → {entry.balance_after:,}"
    recovered = {slip.ledger_entry_id: slip.recovery_correlation_id for slip in slips if slip.recovered_by_id}
    return Event(
        at=entry.created_at,
        words=f"{what} #{entry.pk}: {entry.points:+,} points to {entry.account.player}, {balances}{risen}{reason}",
        by=entry.staff,
        correlation_id=recovered.get(entry.pk, entry.correlation_id),
        about=entry,
    )


def _exports(correlation_id: UUID, *, staff: User) -> Iterator[Event]:
    if not staff.has_perm(VIEW_EXPORTS):
        return
    exports = in_casino_of(staff, LedgerExport.objects.all(), lookup="casino").select_related("staff")
    for export in exports.filter(correlation_id=correlation_id)[:ENTRIES_TOLD]:
        rows = "not ended" if export.rows is None else f"{export.rows:,} entries"
        yield Event(
            at=export.started_at,
            words=f"Ledger exported: {rows}",
            by=export.staff,
            correlation_id=correlation_id,
            about=export,
        )


def _with_origins(events: Iterable[Event]) -> list[Event]:
    """Each event with the request that it came from, where one was kept."""
    events = list(events)
    asked = {event.correlation_id for event in events if event.correlation_id is not None}
    kept: dict[UUID, RequestOrigin] = {}
    for origin in RequestOrigin.objects.filter(correlation_id__in=asked).order_by("-id"):
        kept[origin.correlation_id] = origin
    return [
        replace(event, origin=kept.get(event.correlation_id)) if event.correlation_id else event for event in events
    ]


def _requests(correlation_id: UUID, *, staff: User, is_touched: bool, but_for: set[int]) -> Iterator[Event]:
    """Requests of own staff under the id that no event came from: repeated, refused, or in vain.

    A command works in all casinos, so that it ran is told only where it touched something that may be seen.
    """
    origins = RequestOrigin.objects.filter(correlation_id=correlation_id).exclude(pk__in=but_for)
    for origin in origins.select_related("actor").order_by("id")[:ENTRIES_TOLD]:
        is_own = origin.actor is not None and origin.actor.casino_id == staff.casino_id is not None
        if is_own or sees_all_casinos(staff) or (origin.actor is None and is_touched):
            words = f"Command {origin.origin}" if origin.actor is None else "Request that left nothing else"
            yield Event(at=origin.at, words=words, by=origin.actor, correlation_id=correlation_id, origin=origin)


def casino_of(events: Sequence[Event]) -> Casino | None:
    """The house that a story plays in, for its clock."""
    return next((event.about.casino for event in events if isinstance(event.about, RatingSlip | LedgerEntry)), None)
