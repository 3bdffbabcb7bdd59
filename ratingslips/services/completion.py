"""Leaving: closing a slip and crediting its points in one commit, or closing it and owing them."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import structlog
from django.db import DatabaseError, transaction

from core import correlation
from core.clock import require_event_time
from core.errors import Busy, DomainError
from core.models import User
from core.permissions import require_permission
from core.replays import count_replay
from core.retries import is_bug, is_own, retried, will_retry
from core.transactions import operation
from ratingslips.models import PlaySegment, RatingSlip
from ratingslips.permissions import OPERATE_PIT
from ratingslips.services.segments import SEGMENT_END_FIELDS, end_segment, lock_slip, read_segments
from ratingslips.services.settlement import SlipSettlement, first_settlement, settle
from ratingslips.services.stakes import require_amount
from ratingslips.theo import theoretical_win

log = structlog.get_logger(__name__)

UNEXPECTED_ERROR = "UNEXPECTED_ERROR"


class PartialCompletion(DomainError):
    """The slip is closed and its points are owed: recovery will pay them, nothing is lost."""

    code = "PARTIAL_COMPLETION"

    def __init__(self, *, slip_id: UUID, slip_number: str, correlation_id: UUID, because: str, replayed: bool) -> None:
        super().__init__(
            f"Slip {slip_number} is closed. Its points could not be posted ({because}) and are owed: "
            f"they will be paid by recovery. Reference {correlation_id}."
        )
        self.slip_id = slip_id
        self.correlation_id = correlation_id
        self.because = because
        self.replayed = replayed


@retried()
def complete_rating_slip(
    *,
    slip: RatingSlip | UUID | str,
    actor: User,
    at: datetime,
    buy_in: Decimal | None = None,
    chips_out: Decimal | None = None,
) -> SlipSettlement:
    """Close a slip, freeze its theoretical win and credit its points, all in one commit.

    The credit runs in a savepoint: whatever goes wrong there, the slip still closes and its points are owed. Completing
    a completed slip gives the first result again, marked as a replay; to who closed it, without asking for a permission
    that may be gone by now.

    :raises PartialCompletion: after the commit: the slip is closed, its points are owed.
    :raises InvalidAmount: buy-in or chips out are not amounts of money.
    :raises InvalidTime: `at` is in the future or before the slip's last event.
    :raises NotFound: there is no such slip.
    :raises NotPermitted: the actor does not operate the pit that the slip is in.
    :raises Busy: the slip was locked for too long, or the connection was lost; nothing was changed.
    """
    require_amount(buy_in, name="buy-in")
    require_amount(chips_out, name="chips-out amount")
    failure: Exception | None = None
    with operation("ratingslips.complete", actor_id=actor.pk):
        locked = lock_slip(slip)
        assert locked is not None
        segments = read_segments(locked)
        stands = locked.is_closed
        replayed = stands and not is_own(locked.correlation_id)
        if not (stands and locked.closed_by_id == actor.pk):
            require_permission(actor, OPERATE_PIT, locked.table.pit)
        if stands:
            settlement = None if locked.is_owed else first_settlement(locked, replayed=replayed)
        else:
            _close(locked, segments=segments, actor=actor, at=at, buy_in=buy_in, chips_out=chips_out)
            settlement, failure = _try_to_settle(locked, segments=segments, at=at)
            _save(locked, last=segments[-1])
        # Read now: once it is committed, nothing may fail any more that would cost the answer.
        replay_of_casino = locked.casino if replayed else None
    if replay_of_casino:
        count_replay(casino=replay_of_casino, operation="ratingslips.complete", at=at)
    return _answer(locked, settlement=settlement, failure=failure, replayed=replayed, actor=actor)


def _close(
    slip: RatingSlip,
    *,
    segments: Sequence[PlaySegment],
    actor: User,
    at: datetime,
    buy_in: Decimal | None,
    chips_out: Decimal | None,
) -> None:
    """End the play of a live slip and freeze what it was worth; nothing is saved yet."""
    last = segments[-1]
    at = require_event_time(at, not_before=last.ended_at or last.started_at)
    slip.correlation_id = correlation.current()
    if last.ended_at is None:
        end_segment(last, at=at, ended_as=PlaySegment.End.CLOSED, actor=actor, correlation_id=slip.correlation_id)
    slip.status = RatingSlip.Status.CLOSED
    slip.closed_at = at
    slip.closed_by = actor
    slip.theoretical_win = theoretical_win(segment.play for segment in segments)
    slip.buy_in = slip.buy_in if buy_in is None else buy_in
    slip.chips_out = chips_out


def _try_to_settle(
    slip: RatingSlip, *, segments: Sequence[PlaySegment], at: datetime
) -> tuple[SlipSettlement | None, Exception | None]:
    try:
        with transaction.atomic():
            return settle(slip, segments=segments, at=at), None
    except Exception as error:
        if transaction.get_rollback():
            raise  # The connection is gone, and the close with it: nothing happened.
        if isinstance(error, DatabaseError) and will_retry(error):
            raise  # A deadlock: all of it once more, with new locks, is likely to pay.
        slip.settled_at, slip.ledger_entry_id = None, None
        slip.owed_because = _code_of(error)
        return None, error


def _code_of(error: Exception) -> str:
    if isinstance(error, DomainError):
        return error.code
    return Busy.code if isinstance(error, DatabaseError) and not is_bug(error) else UNEXPECTED_ERROR


def _save(slip: RatingSlip, *, last: PlaySegment) -> None:
    if last.ended_as == PlaySegment.End.CLOSED:
        last.save(update_fields=SEGMENT_END_FIELDS)
    slip.save(
        update_fields=[
            "status",
            "closed_at",
            "closed_by",
            "theoretical_win",
            "buy_in",
            "chips_out",
            "correlation_id",
            "settled_at",
            "ledger_entry",
            "owed_because",
        ]
    )


def _answer(
    slip: RatingSlip,
    *,
    settlement: SlipSettlement | None,
    failure: Exception | None,
    replayed: bool,
    actor: User,
) -> SlipSettlement:
    told = {"slip_id": str(slip.pk), "actor_id": actor.pk, "slip_correlation_id": str(slip.correlation_id)}
    if settlement is None:
        unexpected = failure if slip.owed_because == UNEXPECTED_ERROR else None
        log.warning(
            "ratingslips.partial_completion", **told, because=slip.owed_because, replayed=replayed, exc_info=unexpected
        )
        raise PartialCompletion(
            slip_id=slip.pk,
            slip_number=slip.slip_number,
            correlation_id=slip.correlation_id,
            because=slip.owed_because,
            replayed=replayed,
        ) from failure
    event = "ratingslips.completion_replayed" if replayed else "ratingslips.slip_completed"
    log.info(event, **told, points=settlement.points)
    return settlement
