"""Pay the points that a closed slip is owed, and record who recovered them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from core.clock import checked_event_time, clamp_to_last_event
from core.errors import DomainError
from core.models import User
from core.permissions import require_permission
from core.replays import count_replay
from core.retries import retried
from core.transactions import operation
from loyalty.services import PostingBatch
from ratingslips.models import PlaySegment, RatingSlip, SlipRequest
from ratingslips.permissions import RECOVER_LOYALTY
from ratingslips.services.requests import RequestKind, is_own_commit, lock_request, record
from ratingslips.services.segments import lock_slip, read_segments, require_not_void, slip_key
from ratingslips.services.settlement import SlipSettlement, first_settlement, settle

log = structlog.get_logger(__name__)

RECOVERY_FIELDS: Final = ("settled_at", "ledger_entry", "recovered_by", "recovery_correlation_id")


class SlipNotClosed(DomainError):
    """The slip is live: its points are not owed yet."""

    code = "SLIP_NOT_CLOSED"


class SlipInHand(DomainError):
    """Another recovery has locked the slip and is paying it."""

    code = "SLIP_IN_HAND"


@retried
def recover_slip_loyalty(
    *,
    slip: RatingSlip | UUID | str,
    actor: User,
    at: datetime,
    skip_locked: bool = False,
    request_id: UUID | None = None,
) -> SlipSettlement:
    """Pay the points that a closed slip is owed; for a settled slip, return the first result.

    The key of the ledger entry is the slip's id, so the slip cannot be paid twice. The entry has the slip's correlation
    id, and the slip records who recovered it. With `skip_locked`, a slip that another transaction holds is refused.

    :raises IdempotencyConflict: see `lock_request`.
    :raises SlipNotClosed: the slip is live.
    :raises SlipIsVoid: the slip is void.
    :raises InvalidTime: `at` is in the future or before the slip closed.
    :raises SlipInHand: another transaction has locked the slip (only with `skip_locked`).
    :raises NotFound: there is no such slip.
    :raises NotPermitted: the actor does not hold `ratingslips.recover_loyalty` on the slip's pit.
    :raises OwnPlay: the player account is the actor's own; the points stay owed.
    :raises DomainError: `accrue_play` refused, for example because the programme is paused; the points stay owed.
    :raises Busy: the slip or the account was locked for too long; the points stay owed.
    """
    with operation("ratingslips.recover", actor_id=actor.pk):
        slip_id = slip_key(slip)
        request = lock_request(RequestKind.RECOVER, request_id=request_id, actor=actor, slip_id=slip_id, contents={})
        locked = lock_slip(slip_id, skip_locked=skip_locked and not request.is_recorded)
        if locked is None:
            raise SlipInHand("Another recovery is paying this slip just now.")
        segments = read_segments(locked)
        already_settled = locked.settled_at is not None
        replayed = already_settled and not is_own_commit(request)
        if not (request.is_recorded or (already_settled and locked.recovered_by_id == actor.pk)):
            require_permission(actor, RECOVER_LOYALTY, locked.pit, player_id=locked.player_id)
        if not request.is_recorded:
            require_not_void(locked)
        if not (locked.is_closed or request.is_recorded):
            raise SlipNotClosed(f"Slip {locked.slip_number} is still live: close it first.")
        if already_settled:
            at = clamp_to_last_event(at, last_event=locked.settled_at)
            settlement = first_settlement(locked, replayed=replayed)
        else:
            request.happened_at = checked_event_time(at, not_before=locked.closed_at)
            settlement = pay(locked, segments=segments, request=request)
            locked.save(update_fields=RECOVERY_FIELDS)
            record(request, slip=locked)
        # Read before the commit: a query that failed after it would lose the answer.
        replay_of_casino = locked.casino if replayed else None
    if replay_of_casino:
        count_replay(casino=replay_of_casino, operation="ratingslips.recover", at=at)
    log_recovery(locked, settlement, actor=actor, replayed=replayed)
    return settlement


def pay(
    slip: RatingSlip, *, segments: Sequence[PlaySegment], request: SlipRequest, batch: PostingBatch | None = None
) -> SlipSettlement:
    """Settle an owed slip, in a `batch` if one is given, and set who recovered it; the slip is not saved yet.

    :raises DomainError: the points cannot be posted.
    """
    settlement = settle(slip, segments=segments, at=request.happened_at, batch=batch)
    slip.recovered_by, slip.recovery_correlation_id = request.actor, request.correlation_id
    return settlement


def log_recovery(slip: RatingSlip, settlement: SlipSettlement, *, actor: User, replayed: bool) -> None:
    """Log that a slip was paid, after the commit."""
    log.info(
        "ratingslips.recovery_replayed" if replayed else "ratingslips.loyalty_recovered",
        slip_id=str(slip.pk),
        actor_id=actor.pk,
        slip_correlation_id=str(slip.correlation_id),
        points=settlement.points,
    )
