"""What happens between sitting down and leaving: pauses, bets, moves."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import structlog

from core.errors import DomainError
from core.models import User
from core.permissions import require_permission
from core.retries import retried
from core.transactions import operation
from ratingslips.history import SlipVersion
from ratingslips.models import GamingTable, PlaySegment, RatingSlip
from ratingslips.permissions import OPERATE_PIT
from ratingslips.services.seats import AlreadySeated, NoSuchSeat, TableNotActive, lock_table, require_free_seat
from ratingslips.services.segments import LiveSlip, lock_slip, read_segments
from ratingslips.services.stakes import require_average_bet

log = structlog.get_logger(__name__)

Start = PlaySegment.Start
End = PlaySegment.End


class SlipNotOpen(DomainError):
    """The slip is paused already."""

    code = "SLIP_NOT_OPEN"


class SlipNotPaused(DomainError):
    """The slip is not paused."""

    code = "SLIP_NOT_PAUSED"


def _slip_if_recorded(left: PlaySegment) -> RatingSlip | None:
    """The slip, if this segment stands as a lost attempt left it: with its end, if the attempt ended it."""
    with operation("ratingslips.look_for_own_event", actor_id=None):
        locked = lock_slip(left.slip_id)
        assert locked is not None
        segments = read_segments(locked)
    # By its request as well as by its key, which a server that crashed may give out again.
    is_recorded = any(
        (segment.pk, segment.start_correlation_id) == (left.pk, left.start_correlation_id)
        and left.end_correlation_id in {None, segment.end_correlation_id}
        for segment in segments
    )
    return locked if is_recorded else None


@retried(done=_slip_if_recorded)
def pause_rating_slip(
    *, slip: RatingSlip | UUID | str, actor: User, at: datetime, expected_version: SlipVersion | None = None
) -> RatingSlip:
    """Stop the clock while the player is away; the seat stays theirs.

    :raises SlipNotOpen: it is paused already.
    :raises NotFound, NotPermitted, SlipClosed, SlipChanged, InvalidTime, Busy: see `LiveSlip.lock`, `operation`.
    """
    with operation("ratingslips.pause", actor_id=actor.pk):
        live = LiveSlip.lock(slip, actor=actor, at=at, expected_version=expected_version)
        if live.is_paused:
            raise SlipNotOpen(f"Slip {live.slip.slip_number} is already paused.")
        live.end(End.PAUSED)
        live.slip.status = RatingSlip.Status.PAUSED
        live.slip.save(update_fields=["status"])
    log.info("ratingslips.slip_paused", slip_id=str(live.slip.pk), actor_id=actor.pk)
    return live.slip


@retried(done=_slip_if_recorded)
def resume_rating_slip(
    *, slip: RatingSlip | UUID | str, actor: User, at: datetime, expected_version: SlipVersion | None = None
) -> RatingSlip:
    """Let the clock run again, at the last bet, where the slip now is.

    :raises SlipNotPaused: it is not paused.
    :raises NotFound, NotPermitted, SlipClosed, SlipChanged, InvalidTime, Busy: see `LiveSlip.lock`, `operation`.
    """
    with operation("ratingslips.resume", actor_id=actor.pk):
        live = LiveSlip.lock(slip, actor=actor, at=at, expected_version=expected_version)
        if not live.is_paused:
            raise SlipNotPaused(f"Slip {live.slip.slip_number} is not paused.")
        live.begin(Start.RESUMED)
        live.slip.status = RatingSlip.Status.OPEN
        live.slip.save(update_fields=["status"])
    log.info("ratingslips.slip_resumed", slip_id=str(live.slip.pk), actor_id=actor.pk)
    return live.slip


@retried(done=_slip_if_recorded)
def change_average_bet(
    *,
    slip: RatingSlip | UUID | str,
    average_bet: Decimal,
    actor: User,
    at: datetime,
    expected_version: SlipVersion | None = None,
) -> RatingSlip:
    """Record the average bet from `at` on; what was played before keeps its own.

    The same bet again is recorded as well: somebody looked, and it was still so.

    :raises InvalidAverageBet: it is not a positive amount with two decimals under the limit.
    :raises NotFound, NotPermitted, SlipClosed, SlipChanged, InvalidTime, Busy: see `LiveSlip.lock`, `operation`.
    """
    require_average_bet(average_bet)
    with operation("ratingslips.change_average_bet", actor_id=actor.pk):
        live = LiveSlip.lock(slip, actor=actor, at=at, expected_version=expected_version)
        if not live.is_paused:
            live.end(End.BET_CHANGED)
        live.begin(Start.BET_CHANGED, average_bet=average_bet, stays_paused=live.is_paused)
    log.info("ratingslips.average_bet_changed", slip_id=str(live.slip.pk), actor_id=actor.pk)
    return live.slip


@retried(done=_slip_if_recorded)
def move_rating_slip(
    *,
    slip: RatingSlip | UUID | str,
    actor: User,
    at: datetime,
    table: GamingTable | int | None = None,
    seat: int | None = None,
    average_bet: Decimal | None = None,
    expected_version: SlipVersion | None = None,
) -> RatingSlip:
    """Move the player to another table, another seat, or both, and to another bet if one is given.

    :raises NoSuchSeat: the table lacks the seat, or none was given.
    :raises SeatTaken: saying who holds it and which seats are free.
    :raises AlreadySeated: the slip is there already.
    :raises TableNotActive: the table is not in use, or is another casino's.
    :raises InvalidAverageBet: the bet is not a positive amount with two decimals under the limit.
    :raises NotFound, NotPermitted, SlipClosed, SlipChanged, InvalidTime, Busy: see `LiveSlip.lock`, `operation`; the
        actor must operate the pit that the table is in, too.
    """
    if average_bet is not None:
        require_average_bet(average_bet)
    with operation("ratingslips.move", actor_id=actor.pk):
        live = LiveSlip.lock(slip, actor=actor, at=at, expected_version=expected_version)
        destination = _lock_destination(live, table=table)
        if seat is None:
            raise NoSuchSeat(f"Say which seat at {destination.name}: 1 to {destination.seats}.")
        if (destination.pk, seat) == (live.slip.table_id, live.slip.seat):
            raise AlreadySeated(f"Slip {live.slip.slip_number} is already at {live.slip.place}.")
        live.at = require_free_seat(table=destination, seat=seat, at=live.at)
        if not live.is_paused:
            live.end(End.MOVED)
        live.begin(Start.MOVED, table=destination, seat=seat, average_bet=average_bet, stays_paused=live.is_paused)
        live.slip.table, live.slip.seat = destination, seat
        live.slip.save(update_fields=["table", "seat"])
    log.info("ratingslips.slip_moved", slip_id=str(live.slip.pk), actor_id=actor.pk, table_id=destination.pk, seat=seat)
    return live.slip


def _lock_destination(live: LiveSlip, *, table: GamingTable | int | None) -> GamingTable:
    table_id = live.slip.table_id if table is None else table if isinstance(table, int) else table.pk
    destination = lock_table(table_id=table_id)
    if destination.casino_id != live.slip.casino_id:
        raise TableNotActive(f"{destination.name} belongs to another casino.")
    if destination.pit_id != live.slip.table.pit_id:
        require_permission(live.actor, OPERATE_PIT, destination.pit)
    return destination
