"""Undo an opening shortly after it was recorded."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from core.clock import checked_event_time
from core.errors import DomainError
from core.models import User
from core.permissions import require_permission
from core.reasons.codes import GivenReason
from core.reasons.defaults import UNDONE
from core.retries import retried
from core.transactions import operation
from ratingslips.models import RatingSlip, SlipRequest
from ratingslips.permissions import CORRECT_SLIP, OPERATE_PIT
from ratingslips.services.corrections import CorrectedSlip, first_result, void_play
from ratingslips.services.requests import RequestKind, lock_request, record
from ratingslips.services.segments import SlipChanged, lock_slip, read_segments, require_not_void, slip_key

log = structlog.get_logger(__name__)

UNDO_MINUTES: Final = 10


class UndoTooLate(DomainError):
    """What is to be undone was recorded more than `UNDO_MINUTES` ago."""

    code = "UNDO_TOO_LATE"


@retried
def undo_opening(
    *, slip: RatingSlip | UUID | str, actor: User, at: datetime, request_id: UUID | None = None
) -> CorrectedSlip:
    """Void a slip opened by mistake at most `UNDO_MINUTES` after it was recorded, if nothing else was done to it.

    The reason is a fixed code of its own. The same request again gives the first result.

    :raises NotFound: there is no such slip.
    :raises NotPermitted: the actor does not operate the pit of the slip, or did not open it and does not hold
        `ratingslips.correct_slip` on the pit.
    :raises OwnPlay: the player account is the actor's own.
    :raises SlipIsVoid: the slip is void already.
    :raises SlipChanged: something else was done to it.
    :raises UndoTooLate: it was opened too long ago.
    :raises IdempotencyConflict: see `lock_request`.
    :raises Busy: the slip was locked for too long; nothing was changed.
    """
    with operation("ratingslips.undo_opening", actor_id=actor.pk):
        slip_id = slip_key(slip)
        request = lock_request(
            RequestKind.VOID, request_id=request_id, actor=actor, slip_id=slip_id, contents={"undo": "opening"}
        )
        if request.is_recorded:
            result = first_result(request)
        else:
            locked = lock_slip(slip_id)
            assert locked is not None
            segments = read_segments(locked)
            _require_may_undo(locked, actor=actor)
            require_not_void(locked)
            opening, *others = SlipRequest.objects.filter(slip=locked).order_by("recorded_at")[:2]
            if others or opening.kind not in {RequestKind.OPEN, RequestKind.CONTINUE}:
                raise SlipChanged(
                    f"Slip {locked.slip_number} was changed since it was opened, so its opening cannot be undone. "
                    "Void the slip instead."
                )
            require_recent(opening, at=at, what=f"Slip {locked.slip_number} was opened", instead="Void the slip.")
            request.happened_at = checked_event_time(at, not_before=segments[-1].started_at)
            record(request, slip=locked)
            reason = GivenReason(code=UNDONE, text="Undone on the floor")
            result = void_play(locked, segments=segments, request=request, reason=reason)
    log.info(
        "ratingslips.undo_replayed" if result.replayed else "ratingslips.opening_undone",
        slip_id=str(slip_id),
        actor_id=actor.pk,
    )
    return result


def _require_may_undo(slip: RatingSlip, *, actor: User) -> None:
    require_permission(actor, OPERATE_PIT, slip.pit, player_id=slip.player_id)
    if slip.opened_by_id != actor.pk:
        require_permission(actor, CORRECT_SLIP, slip.pit)


def require_recent(recorded: SlipRequest | None, *, at: datetime, what: str, instead: str) -> None:
    """Refuse to undo what was `recorded` more than `UNDO_MINUTES` before `at`.

    :raises UndoTooLate: saying `what` was done too long ago, and what to do `instead`.
    """
    if recorded is None or at - recorded.recorded_at > timedelta(minutes=UNDO_MINUTES):
        raise UndoTooLate(f"{what} more than {UNDO_MINUTES} minutes ago. {instead}")
