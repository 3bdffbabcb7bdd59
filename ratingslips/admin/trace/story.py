"""All events under a correlation id: the history of the slips that it changed, ledger entries, prints of comp slips,
changes, exports and pauses of a programme.

Read from the rows that each request or command wrote; where a request came from is read from `core.RequestOrigin`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from django.db.models import Prefetch, Q

from core.console.change_words import in_words
from core.console.scope import changes_seen_by, in_casino_of, sees_all_casinos
from core.models import Casino, RequestOrigin, User
from core.origins import COMMAND
from core.permissions import VIEW_CHANGES
from loyalty.models import LedgerEntry, LoyaltyProgram
from loyalty.permissions import VIEW_ENTRIES
from ratingslips import history
from ratingslips.admin.slips.authors import read_releases
from ratingslips.admin.trace.points_events import ROWS_SHOWN, exports, pauses, posted, prints
from ratingslips.admin.trace.slip_events import events_of_slip, money_of_slip
from ratingslips.admin.trace.story_events import StoryEvent
from ratingslips.models import MoneyRow, PlaySegment, RatingSlip, SlipCorrection, SlipRequest
from ratingslips.permissions import VIEW_SLIPS

SLIPS_SHOWN: Final = 20


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
    events = [event for slip in slips for event in (*events_of_slip(slip), *money_of_slip(slip))]
    events += [posted(entry, slips) for entry in entries]
    events += prints(correlation_id, staff=staff)
    events += exports(correlation_id, staff=staff)
    events += pauses(correlation_id, staff=staff)
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
    found = list(entries.select_related(*related).order_by("id")[: ROWS_SHOWN + 1])
    return found[:ROWS_SHOWN], len(found) > ROWS_SHOWN


def _changes(correlation_id: UUID, *, staff: User) -> tuple[list[StoryEvent], bool]:
    """The changes of the change log under the id."""
    if not staff.has_perm(VIEW_CHANGES):
        return [], False
    changes = changes_seen_by(staff).filter(correlation_id=correlation_id).select_related("actor").order_by("id")
    found = in_words(list(changes[: ROWS_SHOWN + 1]))
    events = [
        StoryEvent(
            at=row.change.recorded_at,
            words=str(row),
            by=row.change.actor,
            correlation_id=correlation_id,
            about=row.change,
        )
        for row in found[:ROWS_SHOWN]
    ]
    return events, len(found) > ROWS_SHOWN


def _with_origins(events: Iterable[StoryEvent]) -> list[StoryEvent]:
    """Each event with the request of the same member of staff, else the command, that it came from, if recorded.

    One id may have requests of several people: before 2026-11-30 everybody chose the id of their requests.
    """
    events = list(events)
    ids = {event.correlation_id for event in events if event.correlation_id is not None}
    # Newest first: of several requests of a person under one id, the first one stays.
    origins: dict[tuple[UUID | None, int | None], RequestOrigin] = {
        (origin.correlation_id, sender): origin
        for origin in RequestOrigin.objects.filter(correlation_id__in=ids).order_by("-id")
        for sender in ((origin.actor_id, None) if origin.method == COMMAND else (origin.actor_id,))
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
    for origin in origins.select_related("actor").order_by("id")[:ROWS_SHOWN]:
        is_own = origin.actor is not None and origin.actor.casino_id == staff.casino_id is not None
        is_of_all = origin.actor is None or origin.actor.casino_id is None
        if is_own or sees_all_casinos(staff) or (is_of_all and has_events):
            words = f"Command {origin.origin}" if origin.method == COMMAND else "Request that left nothing else"
            yield StoryEvent(at=origin.at, words=words, by=origin.actor, correlation_id=correlation_id, origin=origin)


_OF_A_CASINO: Final = (RatingSlip, LedgerEntry, LoyaltyProgram)


def casino_of(events: Sequence[StoryEvent]) -> Casino | None:
    """The casino of the events, whose time zone the page uses."""
    return next((event.about.casino for event in events if isinstance(event.about, _OF_A_CASINO)), None)
