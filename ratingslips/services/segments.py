"""Lock a slip, and read and write its segments."""

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, Self
from uuid import UUID

from django.db.models import Exists, F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, Upper

from core.errors import DomainError, NotFound
from core.kept_queries import KeptQuery
from core.models import User
from core.transactions import transaction_required
from ratingslips.events import SlipVersion
from ratingslips.models import GamingTable, MoneyRow, PlaySegment, RatingSlip, SlipRequest
from ratingslips.services.game_values import all_values, figures_in_force
from ratingslips.services.requests import RequestKind


class SlipClosed(DomainError):
    """The slip is closed: only a correction changes its play."""

    code = "SLIP_CLOSED"


class SlipIsVoid(DomainError):
    """The slip is void: nothing more can be done with it."""

    code = "SLIP_VOID"


class SlipNotOpen(DomainError):
    """The slip is paused already."""

    code = "SLIP_NOT_OPEN"


class SlipNotPaused(DomainError):
    """The slip is not paused."""

    code = "SLIP_NOT_PAUSED"


class SlipChanged(DomainError):
    """The slip has changed since the page was shown to the actor."""

    code = "SLIP_CHANGED"

    @classmethod
    def meanwhile(cls, slip_number: str) -> Self:
        """Somebody else changed the slip of this number."""
        return cls(f"Slip {slip_number} was changed by somebody else meanwhile. Nothing was done.")


def slip_key(slip: RatingSlip | UUID | str) -> UUID:
    """The key of a slip.

    :raises NotFound: the text is no key.
    """
    if isinstance(slip, RatingSlip):
        return slip.pk
    try:
        return slip if isinstance(slip, UUID) else UUID(slip)
    except ValueError:
        raise NotFound(f"There is no rating slip {slip}.") from None


_locked = KeptQuery(lambda slip_id: RatingSlip.objects.locked().filter(pk=slip_id))
_locked_with_player = KeptQuery(lambda slip_id: RatingSlip.objects.locked(also=("player",)).filter(pk=slip_id))


@transaction_required
def lock_slip(slip_id: UUID, *, skip_locked: bool = False, with_player: bool = False) -> RatingSlip | None:
    """Lock a slip; None if another transaction has locked it (only with `skip_locked`).

    `with_player` locks its player as well, so that nobody is barred until the transaction ends.

    Its table and pit may have changed while this transaction waited for the lock: take them from the segments, read
    after the lock.

    :raises NotFound: there is no such slip.
    """
    if skip_locked:
        locked = RatingSlip.objects.locked(skip_locked=True).filter(pk=slip_id).first()
    else:
        locked = next(iter((_locked_with_player if with_player else _locked)(slip_id)), None)
    if locked is None and not (skip_locked and RatingSlip.objects.filter(pk=slip_id).exists()):
        raise NotFound(f"There is no rating slip {slip_id}.")
    return locked


def lock_numbered(slip_numbers: Collection[str], *, casino_id: int) -> dict[str, RatingSlip]:
    """Lock the slips of these numbers in a casino, in key order; by number in capitals."""
    numbers = {slip_number.upper() for slip_number in slip_numbers}
    slips = RatingSlip.objects.locked().alias(number=Upper("slip_number"))
    return {slip.slip_number.upper(): slip for slip in slips.filter(casino=casino_id, number__in=numbers)}


def read_segments(slip: RatingSlip) -> list[PlaySegment]:
    """Read the current segments of a locked slip, in order, with table, pit and the values of the table's game.

    Of a void slip, they are those that counted last. The last one sets the slip's table, pit and casino. The sum of
    the slip's buy-ins is read with them, and set as `bought_in`, and the instant of its last buy-in or chips out as
    `last_money_at`.
    """
    return _read_segments(slip, _segments(slip.pk))


def read_segments_and_request(slip: RatingSlip, request_id: UUID) -> tuple[list[PlaySegment], bool]:
    """The same, and whether a request of this id is recorded, in one statement."""
    segments: list[Any] = list(_segments_and_request(slip.pk, request_id))
    return _read_segments(slip, segments), segments[-1].is_request_recorded


def read_segments_of(slips: Collection[RatingSlip]) -> dict[UUID, list[PlaySegment]]:
    """The same as `read_segments` of several locked slips, by key, in one statement."""
    if len(slips) == 1:
        return {slip.pk: read_segments(slip) for slip in slips}
    found: dict[UUID, list[PlaySegment]] = {slip.pk: [] for slip in slips}
    rows = with_tables(PlaySegment.objects.filter(slip__in=found).shown())
    for segment in _with_money(rows, slip=OuterRef("slip")).order_by("slip", "seq") if found else ():
        found[segment.slip_id].append(segment)
    return {slip.pk: _read_segments(slip, found[slip.pk]) for slip in slips}


def _read_segments(slip: RatingSlip, segments: list[PlaySegment]) -> list[PlaySegment]:
    for segment in segments:
        segment.slip = slip
    _set_from_last(slip, segments[-1])
    return segments


def read_lists(slip: RatingSlip) -> tuple[list[PlaySegment], list[PlaySegment]]:
    """Read all superseded segments of a slip, and what `read_segments` reads, in one statement.

    The superseded ones are in the order of recording, after those of the slip that it came from.
    """
    every = with_tables(PlaySegment.objects.filter(slip__in=(slip.pk, slip.reassigned_from_id)))
    segments = list(_with_money(every.annotate(superseded_as=F("superseded_by__kind")), slip=slip).order_by("pk"))
    shown = [one for one in segments if one.slip_id == slip.pk and one.superseded_as in (None, "VOIDED")]
    shown.sort(key=attrgetter("seq"))
    _set_from_last(slip, shown[-1])
    return [one for one in segments if one.superseded_as], shown


def _with_money(segments: QuerySet[PlaySegment], *, slip: RatingSlip | UUID | OuterRef) -> QuerySet[Any]:
    rows = MoneyRow.objects.filter(slip=slip, kind=MoneyRow.Kind.BUY_IN).order_by().values("slip")
    bought_in = Coalesce(Subquery(rows.annotate(total=Sum("amount")).values("total")), Decimal(0))
    last_money = MoneyRow.objects.not_struck().filter(slip=slip).order_by("-happened_at").values("happened_at")
    return segments.annotate(bought_in=bought_in, last_money_at=Subquery(last_money[:1]))


def _set_from_last(slip: RatingSlip, last: Any) -> None:
    slip.table, slip.pit, slip.casino = table_of(last), last.pit, last.table.casino
    slip.bought_in, slip.last_money_at = last.bought_in, last.last_money_at


def _query_segments(slip_id: UUID) -> QuerySet[PlaySegment]:
    return _with_money(with_tables(PlaySegment.objects.filter(slip=slip_id).shown()), slip=slip_id).order_by("seq")


def with_tables(segments: QuerySet[PlaySegment]) -> QuerySet[PlaySegment]:
    with_tables = segments.select_related("pit", "table__casino")
    return with_tables.annotate(values_of_game=all_values("table__game"))


_segments = KeptQuery(_query_segments)
_segments_and_request = KeptQuery(
    lambda slip_id, request_id: _query_segments(slip_id).annotate(
        is_request_recorded=Exists(SlipRequest.objects.filter(pk=request_id))
    )
)


def table_of(segment: PlaySegment) -> GamingTable:
    """The table of a segment that was read by `with_tables`, with the values of its game."""
    segment.table.values_of_game = segment.values_of_game  # type: ignore[attr-defined]
    return segment.table


def begin_segment(
    *,
    slip: RatingSlip,
    seq: int,
    table: GamingTable,
    seat: int,
    average_bet: Decimal,
    at: datetime,
    started_as: PlaySegment.Start,
    actor: User,
    correlation_id: UUID,
) -> PlaySegment:
    """A new open segment, not saved yet, with its table's pit and its game's figures at `at` frozen in it.

    :raises NoGameValues: see `figures_in_force`.
    """
    figures = figures_in_force(table, at=at)
    return PlaySegment(
        slip=slip,
        seq=seq,
        table=table,
        pit_id=table.pit_id,
        seat=seat,
        average_bet=average_bet,
        house_edge_percent=figures.house_edge_percent,
        decisions_per_hour=figures.decisions_per_hour,
        started_at=at,
        started_as=started_as,
        started_by=actor,
        start_correlation_id=correlation_id,
    )


def end_segment(
    segment: PlaySegment, *, at: datetime, ended_as: PlaySegment.End, actor: User, correlation_id: UUID
) -> None:
    """Set the end of an open segment; it is not saved yet."""
    segment.ended_at = at
    segment.ended_as = ended_as
    segment.ended_by = actor
    segment.end_correlation_id = correlation_id


SEGMENT_END_FIELDS = ("ended_at", "ended_as", "ended_by", "end_correlation_id")


def require_version(slip: RatingSlip, *, last: PlaySegment, expected: SlipVersion | None) -> None:
    """Refuse a locked slip that has changed since the page was shown, which had the version `expected`, if any.

    :raises SlipChanged: `expected` is not its version, which is that of its `last` segment.
    """
    if expected is not None and expected != SlipVersion(seq=last.seq, status=slip.status):
        raise SlipChanged.meanwhile(slip.slip_number)


def require_not_void(slip: RatingSlip) -> None:
    """:raises SlipIsVoid: the slip is void."""
    if slip.is_void:
        followed_by = RatingSlip.objects.filter(reassigned_from=slip).first()
        where = f"its play is on slip {followed_by.slip_number}" if followed_by else "it counts nowhere"
        raise SlipIsVoid(f"Slip {slip.slip_number} is void: {where}, and nothing can be done with it.")


def require_live(slip: RatingSlip) -> None:
    """Refuse a slip that is not live.

    :raises SlipIsVoid: the slip is void.
    :raises SlipClosed: play has ended.
    """
    require_not_void(slip)
    if slip.is_closed:
        raise SlipClosed(f"Slip {slip.slip_number} is closed: only “Correct play” on its page changes its play.")


def require_state_for(kind: RequestKind, *, slip: RatingSlip) -> None:
    """Refuse to pause a slip that is paused, and to resume one that is not.

    :raises SlipNotOpen: it is to be paused, and is paused already.
    :raises SlipNotPaused: it is to be resumed, and is not paused.
    """
    is_paused = slip.status == RatingSlip.Status.PAUSED
    if kind == RequestKind.PAUSE and is_paused:
        raise SlipNotOpen(f"Slip {slip.slip_number} is already paused.")
    if kind == RequestKind.RESUME and not is_paused:
        raise SlipNotPaused(f"Slip {slip.slip_number} is not paused.")
