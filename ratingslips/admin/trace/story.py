"""All events under a correlation id: the history of the slips that it changed, ledger entries, prints of comp slips,
changes, exports and pauses of a programme.

Read from the rows that each request or command wrote; where a request came from is read from `core.RequestOrigin`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db.models import Model, Prefetch, Q

from core.console import display
from core.console.change_words import in_words
from core.console.scope import changes_seen_by, in_casino_of, sees_all_casinos
from core.models import Casino, RequestOrigin, User
from core.permissions import VIEW_CHANGES
from core.words import counted, signed_count
from loyalty.models import CompSlipPrint, LedgerEntry, LedgerExport, LoyaltyProgram, ProgramPause
from loyalty.permissions import VIEW_ENTRIES, VIEW_EXPORTS, VIEW_PROGRAM
from ratingslips import history
from ratingslips.admin.slips.authors import read_releases, releases_of
from ratingslips.admin.slips.corrections import CorrectionLine, lines_of
from ratingslips.events import Event, SlipEventKind
from ratingslips.models import MoneyRow, PlaySegment, RatingSlip, SlipCorrection, SlipRequest
from ratingslips.permissions import VIEW_SLIPS

SLIPS_SHOWN: Final = 20
ENTRIES_SHOWN: Final = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class StoryEvent:
    """One thing that happened: when, what, by whom (none: the system), and under which correlation id.

    `sent_by` is the key of the member of staff whose request led to what the system did. `about` is the row that it
    links to; `is_alarm` marks an event that needs attention. `mark` says which corrections
    entered and superseded it. `recorded` says when it was recorded, if that was later.
    """

    at: datetime
    words: str
    by: User | None
    correlation_id: UUID | None
    sent_by: int | None = None
    about: Model | None = None
    is_alarm: bool = False
    mark: str = ""
    is_superseded: bool = False
    recorded: str = ""
    origin: RequestOrigin | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Story:
    """The events under a correlation id, in order; `is_cut` if there are more than are shown."""

    correlation_id: UUID
    events: Sequence[StoryEvent]
    is_cut: bool


def story_of(correlation_id: UUID, *, staff: User) -> Story | None:
    """The events under a correlation id that `staff` may see; None if there are none."""
    slips, slips_cut = _slips(correlation_id, staff=staff)
    entries, entries_cut = _entries(correlation_id, slips, staff=staff)
    events = [event for slip in slips for event in (*_events_of_slip(slip), *_money_of_slip(slip))]
    events += [_posted(entry, slips) for entry in entries]
    events += _prints(correlation_id, staff=staff)
    events += _exports(correlation_id, staff=staff)
    events += _pauses(correlation_id, staff=staff)
    changes, changes_cut = _changes(correlation_id, staff=staff)
    events += changes
    events = _with_origins(events)
    shown = {event.origin.pk for event in events if event.origin is not None}
    events += _requests(correlation_id, staff=staff, has_events=bool(events), exclude=shown)
    if not events:
        return None
    events.sort(key=lambda event: event.at)
    return Story(correlation_id=correlation_id, events=events, is_cut=slips_cut or entries_cut or changes_cut)


def _slips(correlation_id: UUID, *, staff: User) -> tuple[list[RatingSlip], bool]:
    if not staff.has_perm(VIEW_SLIPS):
        return [], False
    # One index for each part: for an OR over two tables PostgreSQL would read all slips.
    segments, every = PlaySegment.objects.order_by(), RatingSlip.objects.order_by()
    touched = (
        every.filter(correlation_id=correlation_id)
        .values("pk")
        .union(
            every.filter(recovery_correlation_id=correlation_id).values("pk"),
            segments.filter(start_correlation_id=correlation_id).values("slip"),
            segments.filter(end_correlation_id=correlation_id).values("slip"),
            SlipRequest.objects.order_by().filter(correlation_id=correlation_id).values("slip"),
        )
    )
    slips = in_casino_of(staff, every, lookup="casino").filter(pk__in=touched).order_by("opened_at")
    # The keys by themselves: joined with so many tables, PostgreSQL would look for them last, among all slips.
    keys = list(slips.values_list("pk", flat=True)[: SLIPS_SHOWN + 1])
    related = ("casino", "player", "opened_by", "closed_by", "recovered_by", "ledger_entry", *history.LINKED_SLIPS)
    play = PlaySegment.objects.select_related("table", "started_by", "ended_by").order_by("seq")
    corrections = SlipCorrection.objects.select_related("request__actor").order_by("number")
    money = MoneyRow.objects.select_related("actor", "request").order_by("pk")
    play_and_money = Prefetch("segments", play), Prefetch("money_rows", money)
    parts = *play_and_money, Prefetch("corrections", corrections), "requests"
    shown = every.filter(pk__in=keys).select_related(*related).prefetch_related(*parts)
    found = list(shown.order_by("opened_at"))
    read_releases(found)
    return found[:SLIPS_SHOWN], len(found) > SLIPS_SHOWN


def _entries(correlation_id: UUID, slips: Sequence[RatingSlip], *, staff: User) -> tuple[list[LedgerEntry], bool]:
    if not staff.has_perm(VIEW_ENTRIES):
        return [], False
    of_slips = [slip.ledger_entry_id for slip in slips if slip.ledger_entry_id is not None]
    entries = in_casino_of(staff, LedgerEntry.objects.all(), lookup="casino").filter(
        Q(correlation_id=correlation_id) | Q(pk__in=of_slips) | Q(adjusts__in=of_slips)
    )
    related = ("account__player", "staff", "tier_before", "tier_after")
    found = list(entries.select_related(*related).order_by("id")[: ENTRIES_SHOWN + 1])
    return found[:ENTRIES_SHOWN], len(found) > ENTRIES_SHOWN


def _events_of_slip(slip: RatingSlip) -> Iterator[StoryEvent]:
    """The events of a slip, from its opening to the settlement of its points."""
    recorded = {request.correlation_id: request.recorded_at for request in slip.requests.all()}
    corrections = list(slip.corrections.all())
    changed = {line.correction.request.correlation_id: line for line in lines_of(slip, corrections)}
    for event in history.events_of(slip, list(slip.segments.all()), corrections=corrections, recorded=recorded):
        yield StoryEvent(
            at=event.at,
            words=f"{slip}: {_words(event, slip, changed)}",
            mark=event.mark,
            is_superseded=event.superseded_by is not None,
            recorded=display.recorded(event.recorded_at, event.at) if event.recorded_at else "",
            by=event.by,
            correlation_id=event.correlation_id,
            about=slip,
        )
    if slip.closed_at is not None:
        yield from _settlement_of_slip(slip, closed_at=slip.closed_at)


def _money_of_slip(slip: RatingSlip) -> Iterator[StoryEvent]:
    """The buy-ins and chips out of a slip, and what was struck."""
    for row in slip.money_rows.all():
        yield StoryEvent(
            at=row.happened_at,
            words=f"{slip}: {row.words}" if row.strikes_id is None else f"{slip}: struck {row.words}, “{row.reason}”",
            by=row.actor,
            correlation_id=row.request.correlation_id if row.request else None,
            about=slip,
        )


def _words(event: Event, slip: RatingSlip, changed: Mapping[UUID, CorrectionLine]) -> str:
    match event.kind:
        case SlipEventKind.OPENED:
            return f"opened for {slip.player} at {event.place}, average bet {event.average_bet:,.2f}{event.linked}"
        case SlipEventKind.BET_CHANGED:
            return f"average bet {event.average_bet:,.2f}"
        case SlipEventKind.MOVED:
            return f"moved to {event.place}"
        case SlipEventKind.PAUSED:
            return "paused"
        case SlipEventKind.RESUMED:
            return f"resumed at {event.place}"
        case SlipEventKind.CLOSED:
            return f"closed, theo {_theo_of_closing(event, slip, changed):,.2f}{event.linked}"
        case SlipEventKind.CORRECTED | SlipEventKind.VOIDED:
            return f"{event.words[:1].lower()}{event.words[1:]}: {changed[event.correlation_id].words}".removesuffix(
                ": "
            )


def _theo_of_closing(event: Event, slip: RatingSlip, changed: Mapping[UUID, CorrectionLine]) -> Decimal | None:
    """The theo of a slip when it closed, or after the correction that moved the closing."""
    if event.correction:
        return changed[event.correlation_id].theoretical_win
    closed = (line.correction for line in changed.values() if line.correction.status_before == slip.Status.CLOSED)
    first = next(closed, None)
    return first.theoretical_win_before if first else slip.theoretical_win


def _settlement_of_slip(slip: RatingSlip, *, closed_at: datetime) -> Iterator[StoryEvent]:
    """Whether the points of a closed slip are owed, recovered, withheld, released or settled as 0.

    A ledger entry is shown by itself.
    """
    if slip.owed_because:
        yield StoryEvent(
            at=closed_at,
            words=f"{slip}: points owed, because {slip.why_owed}",
            by=None,
            correlation_id=slip.correlation_id,
            sent_by=slip.closed_by_id,
            about=slip,
            is_alarm=True,
        )
    if slip.settled_at is None:
        return
    if slip.recovered_by is not None:
        points = slip.ledger_entry.points if slip.ledger_entry else 0
        yield StoryEvent(
            at=slip.settled_at,
            words=f"{slip}: recovered, {counted(points, 'point')} paid",
            by=slip.recovered_by,
            correlation_id=slip.recovery_correlation_id,
            about=slip,
        )
    elif slip.withheld_because and slip.theoretical_win:
        yield from _withheld(slip, settled_at=slip.settled_at)
    elif slip.ledger_entry_id is None:
        yield StoryEvent(
            at=slip.settled_at,
            words=f"{slip}: settled, its play was worth 0 points",
            by=None,
            correlation_id=slip.correlation_id,
            sent_by=slip.closed_by_id,
            about=slip,
        )


def _withheld(slip: RatingSlip, *, settled_at: datetime) -> Iterator[StoryEvent]:
    """The withholding of a slip's points, and their release if there was one."""
    yield StoryEvent(
        at=settled_at,
        words=f"{slip}: points withheld, the player was {slip.get_withheld_because_display().lower()}",
        by=None,
        correlation_id=slip.correlation_id,
        sent_by=slip.closed_by_id,
        about=slip,
        is_alarm=True,
    )
    for release in releases_of(slip):
        yield StoryEvent(
            at=release.happened_at,
            words=f"{slip}: withheld points released{_why(**release.contents)}",
            by=release.actor,
            correlation_id=release.correlation_id,
            about=slip,
        )


def _why(reason: str, reason_code: str | None = None) -> str:
    """The text and the code of a reason, after a sentence; many rows are shown, so no label is looked up."""
    return (f" “{reason}”" if reason else "") + (f" ({reason_code})" if reason_code else "")


def _posted(entry: LedgerEntry, slips: Sequence[RatingSlip]) -> StoryEvent:
    what = "Award" if entry.kind == LedgerEntry.Kind.MANUAL_BONUS else f"Entry, {entry.get_kind_display().lower()}"
    other = f" of #{entry.reverses_id or entry.adjusts_id}" if entry.reverses_id or entry.adjusts_id else ""
    tiers = f", {entry.tier_before} → {entry.tier_after}" if entry.changes_tier else ""
    reason = _why(entry.reason, entry.reason_code) if entry.staff_id else ""
    points = signed_count(entry.points, "point")
    balances = f"balance {entry.balance_before:,} → {entry.balance_after:,}"
    recorded = display.recorded(entry.recorded_at, entry.created_at)
    slip = next((slip for slip in slips if slip.ledger_entry_id == entry.pk), None)
    recovery_id = slip.recovery_correlation_id if slip and slip.recovered_by_id else None
    return StoryEvent(
        at=entry.created_at,
        words=f"{what} #{entry.pk}{other}: {points} to {entry.account.player}, {balances}{tiers}{reason}"
        + (f" ({recorded})" if recorded else ""),
        by=entry.staff,
        correlation_id=recovery_id or entry.correlation_id,
        sent_by=(slip.recovered_by_id or slip.closed_by_id) if slip else None,
        about=entry,
    )


def _prints(correlation_id: UUID, *, staff: User) -> Iterator[StoryEvent]:
    if not staff.has_perm(VIEW_ENTRIES):
        return
    prints = in_casino_of(staff, CompSlipPrint.objects.all(), lookup="entry__casino").select_related("entry", "staff")
    for one in prints.filter(correlation_id=correlation_id)[:ENTRIES_SHOWN]:
        copy = f", copy {one.number - 1}" if one.is_copy else ""
        yield StoryEvent(
            at=one.printed_at,
            words=f"Comp slip of entry #{one.entry_id} printed{copy}",
            by=one.staff,
            correlation_id=correlation_id,
            about=one.entry,
        )


def _exports(correlation_id: UUID, *, staff: User) -> Iterator[StoryEvent]:
    if not staff.has_perm(VIEW_EXPORTS):
        return
    exports = in_casino_of(staff, LedgerExport.objects.all(), lookup="casino").select_related("staff")
    for export in exports.filter(correlation_id=correlation_id)[:ENTRIES_SHOWN]:
        rows = "not ended" if export.rows is None else counted(export.rows, "entry", "entries")
        yield StoryEvent(
            at=export.started_at,
            words=f"{export.get_what_display()} exported: {rows}",
            by=export.staff,
            correlation_id=correlation_id,
            about=export,
        )


def _pauses(correlation_id: UUID, *, staff: User) -> Iterator[StoryEvent]:
    """The beginning and the end of a pause of a programme, if either has the id."""
    if not staff.has_perm(VIEW_PROGRAM):
        return
    pauses = in_casino_of(staff, ProgramPause.objects.all(), lookup="program__casino").filter(
        Q(correlation_id=correlation_id) | Q(resume_correlation_id=correlation_id)
    )
    for pause in pauses.select_related("program__casino", "paused_by", "resumed_by")[:ENTRIES_SHOWN]:
        yield StoryEvent(
            at=pause.paused_at,
            words=f"{pause.program} paused{_why(pause.reason, pause.reason_code)}",
            by=pause.paused_by,
            correlation_id=pause.correlation_id,
            about=pause.program,
        )
        if pause.resumed_at:
            yield StoryEvent(
                at=pause.resumed_at,
                words=f"{pause.program} resumed{_why(pause.resume_reason, pause.resume_reason_code)}",
                by=pause.resumed_by,
                correlation_id=pause.resume_correlation_id,
                about=pause.program,
            )


def _changes(correlation_id: UUID, *, staff: User) -> tuple[list[StoryEvent], bool]:
    """The changes of the change log under the id."""
    if not staff.has_perm(VIEW_CHANGES):
        return [], False
    changes = changes_seen_by(staff).filter(correlation_id=correlation_id).select_related("actor").order_by("id")
    found = in_words(list(changes[: ENTRIES_SHOWN + 1]))
    events = [
        StoryEvent(
            at=row.change.recorded_at,
            words=str(row),
            by=row.change.actor,
            correlation_id=correlation_id,
            about=row.change,
        )
        for row in found[:ENTRIES_SHOWN]
    ]
    return events, len(found) > ENTRIES_SHOWN


def _with_origins(events: Iterable[StoryEvent]) -> list[StoryEvent]:
    """Each event with the request of the same member of staff, else the command, that it came from, if recorded.

    One id may have requests of several people: before 2026-11-30 everybody chose the id of their requests.
    """
    events = list(events)
    ids = {event.correlation_id for event in events if event.correlation_id is not None}
    # Newest first: of several requests of a person under one id, the first one stays.
    origins: dict[tuple[UUID | None, int | None], RequestOrigin] = {
        (origin.correlation_id, origin.actor_id): origin
        for origin in RequestOrigin.objects.filter(correlation_id__in=ids).order_by("-id")
    }
    return [replace(event, origin=_origin_of(event, origins)) for event in events]


def _origin_of(
    event: StoryEvent, origins: Mapping[tuple[UUID | None, int | None], RequestOrigin]
) -> RequestOrigin | None:
    sender = event.by.pk if event.by else event.sent_by
    return origins.get((event.correlation_id, sender)) or origins.get((event.correlation_id, None))


def _requests(correlation_id: UUID, *, staff: User, has_events: bool, exclude: set[int]) -> Iterator[StoryEvent]:
    """Requests under the id that have no event, because they were repeated or refused, by staff of the same casino.

    A command and staff of no casino work in all, so theirs are shown only if an event is there that `staff` may see.
    """
    origins = RequestOrigin.objects.filter(correlation_id=correlation_id).exclude(pk__in=exclude)
    for origin in origins.select_related("actor").order_by("id")[:ENTRIES_SHOWN]:
        is_own = origin.actor is not None and origin.actor.casino_id == staff.casino_id is not None
        is_of_all = origin.actor is None or origin.actor.casino_id is None
        if is_own or sees_all_casinos(staff) or (is_of_all and has_events):
            words = f"Command {origin.origin}" if origin.actor is None else "Request that left nothing else"
            yield StoryEvent(at=origin.at, words=words, by=origin.actor, correlation_id=correlation_id, origin=origin)


_OF_A_CASINO: Final = (RatingSlip, LedgerEntry, LoyaltyProgram)


def casino_of(events: Sequence[StoryEvent]) -> Casino | None:
    """The casino of the events, whose time zone the page uses."""
    return next((event.about.casino for event in events if isinstance(event.about, _OF_A_CASINO)), None)
