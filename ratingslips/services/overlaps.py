"""Find the play of other slips that overlaps a slip: a player at two places, or two players in one seat."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.contrib.postgres.fields import DateTimeRangeField
from django.db.models import Func, Q, QuerySet, Value

from core.errors import DomainError
from core.local_time import exact_time_in
from core.models import Casino
from core.text import isolated
from ratingslips.models import PlaySegment, RatingSlip
from ratingslips.services.draft import Draft, Stay
from ratingslips.services.opening import PlayerHasLiveSlip, PlayerStillPlayed
from ratingslips.services.seats import SeatTaken

Key = tuple[int, int] | int

# A dry run skips those of slips that it has planned, of which there are few.
MAX_OVERLAPS: Final = 100

# What an overlap is with, if it is not with the number of a stay.
_OF_PLAYER: Final = -1
_OF_VISIT: Final = -2

# What to do about a slip that is not closed.
_ON_A_PAGE: Final = "Close slip {} first."
_IN_A_FILE: Final = "Import the lines of slip {} together with its CLOSE."


class PlayHasNoEnd(DomainError):
    """The play has no end yet, and other play that came later is recorded."""

    code = "PLAY_HAS_NO_END"


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """The time of a slip, at all or in one seat; without `until` it goes on."""

    slip_number: str
    player: str
    since: datetime
    until: datetime | None

    def overlaps(self, *, since: datetime, until: datetime | None) -> bool:
        """Whether an instant is in both spans, whose ends are not in them."""
        if self.since == self.until or since == until:
            return False
        return (until is None or self.since < until) and (self.until is None or since < self.until)

    def words(self, casino: Casino) -> str:
        """The span by the clocks of `casino`, for people."""
        since = exact_time_in(self.since, casino)
        if self.until is None:
            return f"on slip {self.slip_number} since {since}, which is not closed"
        return f"on slip {self.slip_number} from {since} to {exact_time_in(self.until, casino)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Overlap:
    """An act that begins play which overlaps that of the slip `other`, and the refusal."""

    act: int
    other: str
    error: DomainError


@dataclass(kw_only=True, slots=True)
class PlannedPlay:
    """Play that a dry run would have recorded: by player, and by table and seat."""

    slip_numbers: set[str] = field(default_factory=set)
    spans: defaultdict[Key, list[Span]] = field(default_factory=lambda: defaultdict(list))

    def add(self, draft: Draft) -> None:
        """Add the play of a slip, in place of what the database has of it."""
        slip = draft.slip
        assert slip is not None
        self.slip_numbers.add(slip.slip_number)
        self._add(slip.player_id, slip, since=slip.opened_at, until=slip.closed_at)
        for segment in draft.segments:
            self._add((segment.table_id, segment.seat), slip, since=segment.started_at, until=segment.held_until)

    def _add(self, key: Key, slip: RatingSlip, *, since: datetime, until: datetime | None) -> None:
        span = Span(slip_number=slip.slip_number, player=str(slip.player), since=since, until=until)
        self.spans[key].append(span)


def overlaps_of(draft: Draft, *, plan: PlannedPlay) -> Iterator[Overlap]:
    """The acts of a draft whose play overlaps that of another slip; its player and tables must be locked.

    If it is the act that opens the slip, for its player, there is no other.
    """
    slip = draft.slip
    assert slip is not None
    if draft.is_new:
        visits = RatingSlip.objects.not_void().filter(player=slip.player_id).select_related("player")
        recorded = _recorded(visits, began="opened_at", ended="closed_at", since=slip.opened_at, until=slip.closed_at)
        found = _first(slip, recorded, plan=plan, key=slip.player_id, since=slip.opened_at, until=slip.closed_at)
        if found:
            error = _player_refusal(slip, found, advice=_IN_A_FILE)
            yield Overlap(act=draft.seated_by[0], other=found.slip_number, error=error)
            return
    for stay in draft.stays():
        held = PlaySegment.objects.current().filter(table=stay.table, seat=stay.seat).select_related("slip__player")
        recorded = _recorded(held, began="started_at", ended="held_until", since=stay.since, until=stay.until)
        key = (stay.table.pk, stay.seat)
        found = _first(slip, recorded, plan=plan, key=key, since=stay.since, until=stay.until)
        if found:
            error = _seat_refusal(slip, stay, found, advice=_IN_A_FILE)
            yield Overlap(act=stay.act, other=found.slip_number, error=error)


def require_no_overlap(slip: RatingSlip, stays: Sequence[Stay]) -> None:
    """Refuse a corrected slip whose play overlaps that of another; `stays` are its new ones.

    The slip has its new times, and is locked with its player and the tables.

    :raises PlayerHasLiveSlip, PlayerStillPlayed, PlayHasNoEnd: its player played on another slip, or it would not end
        before the slip that continues it begins.
    :raises SeatTaken, PlayHasNoEnd: another slip held one of the seats.
    """
    visits = RatingSlip.objects.not_void().filter(player=slip.player_id).exclude(pk=slip.pk)
    segments = PlaySegment.objects.current().exclude(slip=slip)
    visit, held = ("pk", "opened_at", "closed_at"), ("slip", "started_at", "held_until")
    overlaps = [_overlapping(visits, slip.opened_at, slip.closed_at, visit).values_list(Value(_OF_PLAYER), *visit)[:1]]
    for number, stay in enumerate(stays):
        seat = segments.filter(table=stay.table, seat=stay.seat)
        overlaps.append(_overlapping(seat, stay.since, stay.until, held).values_list(Value(number), *held)[:1])
    overlaps.append(_out_of_order(visits, slip).values_list(Value(_OF_VISIT), *visit)[:1])
    for number, key, since, until in overlaps[0].union(*overlaps[1:], all=True):
        other = RatingSlip.objects.select_related("player").get(pk=key)
        if number == _OF_VISIT:
            raise _out_of_order_refusal(slip, other)
        span = Span(slip_number=other.slip_number, player=str(other.player), since=since, until=until)
        if number == _OF_PLAYER:
            raise _player_refusal(slip, span, advice=_ON_A_PAGE)
        raise _seat_refusal(slip, stays[number], span, advice=_ON_A_PAGE)


def _out_of_order(visits: QuerySet[RatingSlip], slip: RatingSlip) -> QuerySet[RatingSlip]:
    """The slip that `slip` continues, if that closes too late, or one that continues it, if that opens too early."""
    continued = Q(pk=slip.continues_id, closed_at__gt=slip.opened_at)
    continuing = Q(continues=slip, opened_at__lt=slip.closed_at) if slip.closed_at else Q()
    return visits.filter(continued | continuing).order_by()


def _recorded(
    rows: QuerySet[Any], *, began: str, ended: str, since: datetime, until: datetime | None
) -> Iterator[Span]:
    """The spans of `rows` that overlap from `since` to `until`, in order; the index of the constraint finds them."""
    if since == until:
        return
    for row in _overlapping(rows, since, until, ("pk", began, ended)).order_by(began, "pk")[:MAX_OVERLAPS]:
        slip = row if isinstance(row, RatingSlip) else row.slip
        yield Span(
            slip_number=slip.slip_number, player=str(slip.player), since=getattr(row, began), until=getattr(row, ended)
        )


def _overlapping(
    rows: QuerySet[Any], since: datetime, until: datetime | None, columns: tuple[str, str, str]
) -> QuerySet[Any]:
    """Those of `rows`, without order, that overlap from `since` to `until`, which have the last two of `columns`."""
    span = Func(*columns[1:], function="TSTZRANGE", output_field=DateTimeRangeField())
    overlapping: QuerySet[Any] = rows.alias(span=span).filter(span__overlap=(since, until))
    return overlapping.order_by()


def _first(
    slip: RatingSlip,
    recorded: Iterable[Span],
    *,
    plan: PlannedPlay,
    key: Key,
    since: datetime,
    until: datetime | None,
) -> Span | None:
    """The first span of another slip that overlaps, among those recorded and those planned."""
    spans = [span for span in recorded if span.slip_number not in plan.slip_numbers]
    spans += [span for span in plan.spans.get(key, ()) if span.overlaps(since=since, until=until)]
    others = (span for span in spans if span.slip_number != slip.slip_number)
    return min(others, key=lambda span: span.since, default=None)


def _player_refusal(slip: RatingSlip, other: Span, *, advice: str) -> DomainError:
    words = other.words(slip.casino)
    if slip.closed_at is None and other.since > slip.opened_at:
        return _no_end(slip, f"{other.player} played {words}", advice=advice)
    if other.until is None:
        return PlayerHasLiveSlip(f"{other.player} plays {words}. {advice.format(other.slip_number)}")
    return PlayerStillPlayed(f"{other.player} played {words}: nobody plays at two places at a time.")


def _out_of_order_refusal(slip: RatingSlip, other: RatingSlip) -> PlayerStillPlayed:
    first, second = (other, slip) if slip.continues_id == other.pk else (slip, other)
    return PlayerStillPlayed(
        f"Slip {second.slip_number} continues slip {first.slip_number}, and cannot begin before it ends. "
        f"Correct slip {other.slip_number} first."
    )


def _seat_refusal(slip: RatingSlip, stay: Stay, other: Span, *, advice: str) -> DomainError:
    words = other.words(slip.casino)
    held = f"{isolated(stay.table.name)} seat {stay.seat} was held by {other.player} {words}"
    if stay.until is None and other.since > stay.since:
        return _no_end(slip, held, advice=advice)
    return SeatTaken(f"{held}: two players cannot have one seat at a time.")


def _no_end(slip: RatingSlip, later: str, *, advice: str) -> PlayHasNoEnd:
    return PlayHasNoEnd(
        f"Slip {slip.slip_number} has no end yet, and later play is recorded: {later}. "
        f"{advice.format(slip.slip_number)}"
    )
