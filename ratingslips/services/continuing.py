"""Go on with play whose slip was closed by mistake: a new slip from the instant of the closing."""

from datetime import datetime
from uuid import UUID

import structlog

from core.errors import DomainError
from core.models import User
from core.permissions import require_permission
from core.retries import retried
from core.text import isolated
from core.transactions import operation
from ratingslips.models import GamingTable, MoneyRow, PlaySegment, RatingSlip, SlipRequest
from ratingslips.permissions import OPERATE_PIT
from ratingslips.services.money import chips_taken_away, new_row
from ratingslips.services.opening import first_segment, free_at, next_number
from ratingslips.services.recovery import SlipNotClosed
from ratingslips.services.requests import RequestKind, lock_request, record, repeated
from ratingslips.services.seats import TableNotActive, lock_table
from ratingslips.services.segments import end_segment, lock_slip, read_segments, require_not_void, slip_key
from ratingslips.services.undoing import require_recent

log = structlog.get_logger(__name__)


class SlipContinued(DomainError):
    """Another slip continues this one already."""

    code = "SLIP_CONTINUED"


class SlipCorrected(DomainError):
    """The slip was corrected since it closed, or has the closed play of a slip of the wrong player."""

    code = "SLIP_CORRECTED"


@retried
def continue_rating_slip(
    *, slip: RatingSlip | UUID | str, actor: User, at: datetime, request_id: UUID | None = None
) -> RatingSlip:
    """Open a slip that continues `slip`, which was closed by mistake at most `UNDO_MINUTES` before `at`.

    The new slip opens at the instant of the closing, in the same seat, at the last bet, paused if the old one was
    paused, and with the chips out of the old one as its buy-in. The old slip stays as it is. Both are one visit.

    The same request sent again returns the slip that the first one opened: see `lock_request`.

    :raises NotFound: there is no such slip.
    :raises NotPermitted: the actor does not operate the pit in which the slip closed.
    :raises OwnPlay: the player account is the actor's own.
    :raises SlipIsVoid: the slip was voided.
    :raises SlipNotClosed: it is live.
    :raises SlipCorrected: it was corrected, or was never live: `reassign_rating_slip` gave it closed play.
    :raises UndoTooLate: it was closed too long ago.
    :raises SlipContinued: naming the slip that continues it.
    :raises PlayerNotActive: the player is barred or inactive.
    :raises PlayerHasLiveSlip, PlayerStillPlayed: the player sits elsewhere, or has played since.
    :raises TableNotActive: the table is closed, or is in another pit now.
    :raises NoSuchSeat, SeatTaken: see `checked_seat_time`.
    :raises IdempotencyConflict: see `lock_request`.
    :raises Busy: the slip, the player or the table was locked for too long.
    """
    old_id = slip_key(slip)
    with operation("ratingslips.continue", actor_id=actor.pk):
        request = lock_request(
            RequestKind.CONTINUE, request_id=request_id, actor=actor, contents={"continues": str(old_id)}
        )
        if request.is_recorded:
            return repeated(request)
        old = lock_slip(old_id, with_player=True)
        assert old is not None
        last = read_segments(old)[-1]
        require_permission(actor, OPERATE_PIT, old.pit, player_id=old.player_id)
        _require_may_continue(old, at=at)
        new = _continuation(old, last=last, request=request, table=_locked_table(old))
        new.save(force_insert=True)
        first = first_segment(new, average_bet=last.average_bet)
        if new.status == RatingSlip.Status.PAUSED:
            paused = PlaySegment.End.PAUSED
            end_segment(first, at=new.opened_at, ended_as=paused, actor=actor, correlation_id=new.correlation_id)
        first.save()
        request.happened_at = new.opened_at
        record(request, slip=new)
        if chips := chips_taken_away(old):
            new_row(MoneyRow.Kind.BUY_IN, slip=new, amount=chips, means=MoneyRow.Means.CHIPS, request=request).save()
    log.info("ratingslips.slip_continued", slip_id=str(old.pk), actor_id=actor.pk, continued_by=str(new.pk))
    return new


def _require_may_continue(old: RatingSlip, *, at: datetime) -> None:
    require_not_void(old)
    if not old.is_closed:
        raise SlipNotClosed(f"Slip {old.slip_number} is not closed: the player is still rated.")
    if old.is_corrected:
        raise SlipCorrected(f"Slip {old.slip_number} was corrected. Open a new slip for {old.player}.")
    continued_by = RatingSlip.objects.filter(continues=old).first()
    if continued_by is not None:
        undone = f" It is void: open a new slip for {old.player}." if continued_by.is_void else ""
        raise SlipContinued(f"Slip {continued_by.slip_number} continues slip {old.slip_number} already.{undone}")
    closing = SlipRequest.objects.filter(slip=old, kind=RequestKind.CLOSE).first()
    instead = f"Open a new slip for {old.player}."
    if closing is None and old.reassigned_from is not None:
        was_closed = f"was closed on slip {old.reassigned_from.slip_number}, for the wrong player"
        raise SlipCorrected(f"The play of slip {old.slip_number} {was_closed}. {instead}")
    require_recent(closing, at=at, what=f"Slip {old.slip_number} was closed", instead=instead)


def _locked_table(old: RatingSlip) -> GamingTable:
    """:raises TableNotActive: the table is in another pit now."""
    table = lock_table(table_id=old.table_id)
    if table.pit_id != old.pit_id:
        raise TableNotActive(f"{isolated(table.name)} is in {isolated(table.pit.name)} now. Open a new slip there.")
    return table


def _continuation(old: RatingSlip, *, last: PlaySegment, request: SlipRequest, table: GamingTable) -> RatingSlip:
    """The slip that continues `old`, not saved; player and seat must be free since it closed."""
    assert old.closed_at is not None
    at = free_at(old.closed_at, player=old.player, table=table, seat=old.seat, to_the_minute=False)
    was_paused = last.ended_as == PlaySegment.End.PAUSED
    return RatingSlip(
        casino=old.casino,
        slip_number=next_number(),
        player=old.player,
        table=table,
        pit=table.pit,
        seat=old.seat,
        status=RatingSlip.Status.PAUSED if was_paused else RatingSlip.Status.OPEN,
        opened_at=at,
        opened_by=request.actor,
        gaming_day=old.casino.gaming_day_at(at),
        continues=old,
        correlation_id=request.correlation_id,
    )
