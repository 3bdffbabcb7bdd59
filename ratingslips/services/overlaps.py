"""Find the play of other slips that overlaps a slip: a player at two places, or two players in one seat."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.contrib.postgres.fields import DateTimeRangeField
from django.db.models import Func, Q, QuerySet, Value

from core.errors import DomainError
from core.text import isolated
from ratingslips.models import PlaySegment, RatingSlip
from ratingslips.services.claims import Claim, PlannedPlay, Span, claims_of
from ratingslips.services.draft import Draft, Stay
from ratingslips.services.opening import PlayerHasLiveSlip, PlayerStillPlayed
from ratingslips.services.seats import SeatTaken

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
class Overlap:
    """An act that begins play which overlaps that of the slip `other`, and the refusal."""

    act: int
    other: str
    error: DomainError


def overlaps_of(draft: Draft, *, plan: PlannedPlay, recorded: Mapping[Claim, Sequence[Span]]) -> Iterator[Overlap]:
    """The acts of a draft whose play overlaps that of another slip; `recorded` is what `recorded_play` says of it.

    If it is the act that opens the slip, for its player, there is no other.
    """
    slip = draft.slip
    for claim in claims_of(draft):
        assert slip is not None
        found = plan.first(claim, recorded[claim], slip_number=slip.slip_number)
        if found is None:
            continue
        if claim.stay is None:
            error = _player_refusal(slip, found, advice=_IN_A_FILE)
            yield Overlap(act=claim.act, other=found.slip_number, error=error)
            return
        yield Overlap(
            act=claim.act, other=found.slip_number, error=_seat_refusal(slip, claim.stay, found, advice=_IN_A_FILE)
        )


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
    """The slip before `slip` in its visit, if it closes too late, or the one after it, if it opens too early."""
    continued = Q(pk=slip.continues_id, closed_at__gt=slip.opened_at)
    continuing = Q(continues=slip, opened_at__lt=slip.closed_at) if slip.closed_at else Q()
    return visits.filter(continued | continuing).order_by()


def _overlapping(
    rows: QuerySet[Any], since: datetime, until: datetime | None, columns: tuple[str, str, str]
) -> QuerySet[Any]:
    """The `rows` that overlap the time from `since` to `until`, without order.

    The last two of `columns` are their beginning and end.
    """
    span = Func(*columns[1:], function="TSTZRANGE", output_field=DateTimeRangeField())
    overlapping: QuerySet[Any] = rows.alias(span=span).filter(span__overlap=(since, until))
    return overlapping.order_by()


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
