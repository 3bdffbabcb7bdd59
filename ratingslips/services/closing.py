"""Close a slip in the caller's transaction: end its play, and credit its points or leave them owed; it is not saved."""

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import Final

from django.db import DatabaseError, InterfaceError, transaction

from core.errors import Busy, DomainError
from core.models import Player
from core.retries import is_bug, is_busy, is_connection_lost, will_retry
from core.transactions import transaction_required
from loyalty.services import PostingBatch
from ratingslips.models import PlaySegment, RatingSlip, SlipRequest
from ratingslips.services.segments import end_segment
from ratingslips.services.settlement import SlipSettlement, settle, withhold
from ratingslips.theo import theoretical_win

UNEXPECTED_ERROR: Final = "UNEXPECTED_ERROR"
CLOSING_FIELDS: Final = (
    *("status", "closed_at", "closed_by", "theoretical_win", "correlation_id"),
    *("settled_at", "ledger_entry", "owed_because", "withheld_because"),
)


class CreditFailed(Exception):
    """The credit failed with `error`, without a savepoint, so the transaction cannot go on."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


def close_play(
    slip: RatingSlip,
    *,
    segments: Sequence[PlaySegment],
    request: SlipRequest,
    at: datetime,
) -> None:
    """End the play of a live slip at `at`, which was checked, and set its theoretical win, unsaved."""
    last = segments[-1]
    actor = request.actor
    request.happened_at = at
    slip.correlation_id = request.correlation_id
    if last.ended_at is None:
        end_segment(last, at=at, ended_as=PlaySegment.End.CLOSED, actor=actor, correlation_id=slip.correlation_id)
    slip.status = RatingSlip.Status.CLOSED
    slip.closed_at = at
    slip.closed_by = actor
    slip.theoretical_win = theoretical_win(segment.play for segment in segments)


@transaction_required
def try_to_settle(
    slip: RatingSlip,
    *,
    segments: Sequence[PlaySegment],
    at: datetime,
    batch: PostingBatch | None = None,
    is_new: bool = False,
    in_savepoint: bool = True,
    failed: Exception | None = None,
) -> tuple[SlipSettlement | None, Exception | None]:
    """Credit the points; if that fails, set `owed_because` and return the error.

    Points of a player who is not active are withheld. A refusal leaves the transaction as it was, so the points are
    owed. After any other error the transaction can go on only from a savepoint: without one, `CreditFailed` is raised,
    and in a `batch` the error itself. An error is also raised if it has ended the transaction, or if the whole service
    will run again. `failed` is the error of the attempt before: if the account was locked for too long then, it is not
    waited for again. For `is_new`, see `increment_player_loyalty`.
    """
    if slip.player.status != Player.Status.ACTIVE:
        return withhold(slip, at=at), None
    if isinstance(failed, DatabaseError) and is_busy(failed):
        return None, _owe(slip, failed)
    try:
        with transaction.atomic() if in_savepoint and not batch else nullcontext():
            return settle(slip, segments=segments, at=at, batch=batch, is_new=is_new), None
    except Exception as error:
        if (in_savepoint and transaction.get_rollback()) or (batch and not isinstance(error, DomainError)):
            raise  # The connection is lost or the batch failed, and the closing is rolled back too.
        if isinstance(error, DatabaseError | InterfaceError) and (is_connection_lost(error) or _is_tried_again(error)):
            raise
        if not (in_savepoint or isinstance(error, DomainError)):
            raise CreditFailed(error) from error
        return None, _owe(slip, error)


def _owe(slip: RatingSlip, error: Exception) -> Exception:
    slip.settled_at, slip.ledger_entry_id = None, None
    slip.owed_because = code_of(error)
    return error


def _is_tried_again(error: DatabaseError | InterfaceError) -> bool:
    """Whether the whole service runs again after `error`, such as a deadlock, and is likely to credit the points."""
    return not is_busy(error) and will_retry(error)


def code_of(error: Exception) -> str:
    """The code by which a slip says why its points are owed."""
    if isinstance(error, DomainError):
        return error.code
    return Busy.code if isinstance(error, DatabaseError) and not is_bug(error) else UNEXPECTED_ERROR
