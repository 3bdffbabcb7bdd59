"""Changes of a live slip: pause, resume, change the average bet, move."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import structlog

from core.models import User
from core.permissions import require_permission
from core.retries import retried
from core.text import isolated
from core.transactions import operation
from ratingslips.events import SlipVersion
from ratingslips.models import GamingTable, PlaySegment, RatingSlip
from ratingslips.permissions import OPERATE_PIT
from ratingslips.services.live_slips import LiveSlip
from ratingslips.services.requests import RequestKind, amount_text, lock_request, repeated
from ratingslips.services.seats import NoSuchSeat, TableNotActive, checked_seat_time, lock_table, require_other_place
from ratingslips.services.segments import require_state_for, slip_key
from ratingslips.services.stakes import require_average_bet
from ratingslips.services.times import ChosenTime, with_time

log = structlog.get_logger(__name__)

Start = PlaySegment.Start
End = PlaySegment.End


@retried
def pause_rating_slip(
    *,
    slip: RatingSlip | UUID | str,
    actor: User,
    at: datetime,
    chosen_time: ChosenTime | None = None,
    request_id: UUID | None = None,
    expected_version: SlipVersion | None = None,
) -> RatingSlip:
    """Stop counting play time while the player is away; the seat stays taken.

    The same request sent again returns the slip and changes nothing: see `lock_request`. For
    `chosen_time`, see `LiveSlip.lock`.

    :raises SlipNotOpen: it is paused already.
    :raises IdempotencyConflict: see `lock_request`.
    :raises NotFound, NotPermitted, OwnPlay, SlipClosed, SlipChanged, TooLongAgo, BeforeLastEvent, InvalidTime, Busy:
        see `LiveSlip.lock` and `operation`.
    """
    with operation("ratingslips.pause", actor_id=actor.pk):
        slip_id = slip_key(slip)
        request = lock_request(
            RequestKind.PAUSE, request_id=request_id, actor=actor, slip_id=slip_id, contents=with_time({}, chosen_time)
        )
        if request.is_recorded:
            return repeated(request)
        live = LiveSlip.lock(
            slip_id, request=request, actor=actor, at=at, chosen_time=chosen_time, expected_version=expected_version
        )
        require_state_for(RequestKind.PAUSE, slip=live.slip)
        live.end(End.PAUSED)
        live.slip.status = RatingSlip.Status.PAUSED
        live.save("status")
    log.info("ratingslips.slip_paused", slip_id=str(live.slip.pk), actor_id=actor.pk)
    return live.slip


@retried
def resume_rating_slip(
    *,
    slip: RatingSlip | UUID | str,
    actor: User,
    at: datetime,
    chosen_time: ChosenTime | None = None,
    request_id: UUID | None = None,
    expected_version: SlipVersion | None = None,
) -> RatingSlip:
    """Count play time again, at the last bet, at the table and seat where the slip now is.

    The same request sent again returns the slip and changes nothing: see `lock_request`. For
    `chosen_time`, see `LiveSlip.lock`.

    :raises SlipNotPaused: it is not paused.
    :raises IdempotencyConflict: see `lock_request`.
    :raises NotFound, NotPermitted, OwnPlay, SlipClosed, SlipChanged, TooLongAgo, BeforeLastEvent, InvalidTime, Busy:
        see `LiveSlip.lock` and `operation`.
    """
    with operation("ratingslips.resume", actor_id=actor.pk):
        slip_id = slip_key(slip)
        request = lock_request(
            RequestKind.RESUME, request_id=request_id, actor=actor, slip_id=slip_id, contents=with_time({}, chosen_time)
        )
        if request.is_recorded:
            return repeated(request)
        live = LiveSlip.lock(
            slip_id, request=request, actor=actor, at=at, chosen_time=chosen_time, expected_version=expected_version
        )
        require_state_for(RequestKind.RESUME, slip=live.slip)
        live.begin(Start.RESUMED)
        live.slip.status = RatingSlip.Status.OPEN
        live.save("status")
    log.info("ratingslips.slip_resumed", slip_id=str(live.slip.pk), actor_id=actor.pk)
    return live.slip


@retried
def change_average_bet(
    *,
    slip: RatingSlip | UUID | str,
    average_bet: Decimal,
    actor: User,
    at: datetime,
    chosen_time: ChosenTime | None = None,
    request_id: UUID | None = None,
    expected_version: SlipVersion | None = None,
) -> RatingSlip:
    """Record the average bet from `at` on; earlier play keeps its bet.

    An unchanged bet begins no segment. The same request sent again returns the slip and changes nothing: see
    `lock_request`. For `chosen_time`, see `LiveSlip.lock`.

    :raises InvalidAverageBet: it is not a positive amount with two decimals under the limit.
    :raises IdempotencyConflict: see `lock_request`.
    :raises NotFound, NotPermitted, OwnPlay, SlipClosed, SlipChanged, TooLongAgo, BeforeLastEvent, InvalidTime, Busy:
        see `LiveSlip.lock` and `operation`.
    """
    require_average_bet(average_bet)
    contents = with_time({"average_bet": amount_text(average_bet)}, chosen_time)
    with operation("ratingslips.change_average_bet", actor_id=actor.pk):
        slip_id = slip_key(slip)
        request = lock_request(
            RequestKind.CHANGE_BET, request_id=request_id, actor=actor, slip_id=slip_id, contents=contents
        )
        if request.is_recorded:
            return repeated(request)
        live = LiveSlip.lock(
            slip_id, request=request, actor=actor, at=at, chosen_time=chosen_time, expected_version=expected_version
        )
        is_changed = average_bet != live.last.average_bet
        if is_changed:
            if not live.is_paused:
                live.end(End.BET_CHANGED)
            live.begin(Start.BET_CHANGED, average_bet=average_bet, stays_paused=live.is_paused)
        live.save()
    event = "ratingslips.average_bet_changed" if is_changed else "ratingslips.average_bet_unchanged"
    log.info(event, slip_id=str(live.slip.pk), actor_id=actor.pk)
    return live.slip


@retried
def move_rating_slip(
    *,
    slip: RatingSlip | UUID | str,
    actor: User,
    at: datetime,
    table: GamingTable | int | None = None,
    seat: int | None = None,
    average_bet: Decimal | None = None,
    chosen_time: ChosenTime | None = None,
    request_id: UUID | None = None,
    expected_version: SlipVersion | None = None,
) -> RatingSlip:
    """Move the player to another table, another seat, or both, and to another bet if one is given.

    The same request sent again returns the slip and changes nothing: see `lock_request`. For
    `chosen_time`, see `LiveSlip.lock`.

    :raises NoSuchSeat: the table lacks the seat, or none was given.
    :raises SeatTaken: names who holds it and which seats are free.
    :raises AlreadySeated: the slip is there already.
    :raises TableNotActive: the table is not in use, or belongs to another casino.
    :raises InvalidAverageBet: the bet is not a positive amount with two decimals under the limit.
    :raises IdempotencyConflict: see `lock_request`.
    :raises NotFound, NotPermitted, OwnPlay, SlipClosed, SlipChanged, TooLongAgo, BeforeLastEvent, InvalidTime, Busy:
        see `LiveSlip.lock` and `operation`; the actor must operate the pit that the table is in, too.
    """
    if average_bet is not None:
        require_average_bet(average_bet)
    table_id = table.pk if isinstance(table, GamingTable) else table
    contents = with_time({"table": table_id, "seat": seat, "average_bet": amount_text(average_bet)}, chosen_time)
    with operation("ratingslips.move", actor_id=actor.pk):
        slip_id = slip_key(slip)
        request = lock_request(RequestKind.MOVE, request_id=request_id, actor=actor, slip_id=slip_id, contents=contents)
        if request.is_recorded:
            return repeated(request)
        live = LiveSlip.lock(
            slip_id, request=request, actor=actor, at=at, chosen_time=chosen_time, expected_version=expected_version
        )
        destination = _lock_destination(live, table_id=live.slip.table_id if table_id is None else table_id)
        if seat is None:
            raise NoSuchSeat(f"Say which seat at {isolated(destination.name)}: 1 to {destination.seats}.")
        require_other_place(live.slip, table=destination, seat=seat)
        live.at = checked_seat_time(
            table=destination, seat=seat, at=live.at, to_the_minute=live.chosen_time is not None
        )
        if not live.is_paused:
            live.end(End.MOVED)
        live.begin(Start.MOVED, table=destination, seat=seat, average_bet=average_bet, stays_paused=live.is_paused)
        live.slip.table, live.slip.pit, live.slip.seat = destination, destination.pit, seat
        live.save("table", "pit", "seat")
    log.info("ratingslips.slip_moved", slip_id=str(live.slip.pk), actor_id=actor.pk, table_id=destination.pk, seat=seat)
    return live.slip


def _lock_destination(live: LiveSlip, *, table_id: int) -> GamingTable:
    destination = lock_table(table_id=table_id)
    if destination.casino_id != live.slip.casino_id:
        raise TableNotActive(f"{isolated(destination.name)} belongs to another casino.")
    if destination.pit_id != live.slip.pit_id:
        require_permission(live.actor, OPERATE_PIT, destination.pit)
    return destination
