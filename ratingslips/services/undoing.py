"""Undo an opening shortly after it was recorded."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from core.errors import DomainError
from core.models import User
from core.permissions import require_permission
from core.reasons.codes import GivenReason
from core.reasons.defaults import UNDONE
from core.retries import retried
from core.transactions import operation
from ratingslips.models import PlaySegment, RatingSlip, SlipRequest
from ratingslips.permissions import CORRECT_SLIP, OPERATE_PIT
from ratingslips.services.corrections import CorrectedSlip
from ratingslips.services.requests import RequestKind, lock_request
from ratingslips.services.segments import SlipChanged, require_not_void, slip_key
from ratingslips.services.voiding import void_by_request

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

        def may_undo(slip: RatingSlip, segments: Sequence[PlaySegment]) -> GivenReason:
            _require_may_undo(slip, actor=actor, at=at)
            return GivenReason(code=UNDONE, text="Undone on the floor")

        result = void_by_request(request, slip_id=slip_id, at=at, may_void=may_undo)
    log.info(
        "ratingslips.undo_replayed" if result.replayed else "ratingslips.opening_undone",
        slip_id=str(slip_id),
        actor_id=actor.pk,
    )
    return result


def _require_may_undo(slip: RatingSlip, *, actor: User, at: datetime) -> None:
    """Refuse what `undo_opening` says."""
    require_permission(actor, OPERATE_PIT, slip.pit, player_id=slip.player_id)
    if slip.opened_by_id != actor.pk:
        require_permission(actor, CORRECT_SLIP, slip.pit)
    require_not_void(slip)
    requests = list(SlipRequest.objects.filter(slip=slip).order_by("recorded_at")[:2])
    opening = requests[0] if requests else None
    if len(requests) > 1 or (opening and opening.kind not in {RequestKind.OPEN, RequestKind.CONTINUE}):
        raise SlipChanged(
            f"Slip {slip.slip_number} was changed since it was opened, so its opening cannot be undone. "
            "Void the slip instead."
        )
    require_recent(opening, at=at, what=f"Slip {slip.slip_number} was opened", instead="Void the slip.")


def require_recent(recorded: SlipRequest | None, *, at: datetime, what: str, instead: str) -> None:
    """Refuse to undo what was `recorded` more than `UNDO_MINUTES` before `at`.

    :raises UndoTooLate: saying `what` was done too long ago, and what to do `instead`.
    """
    if recorded is None or at - recorded.recorded_at > timedelta(minutes=UNDO_MINUTES):
        raise UndoTooLate(f"{what} more than {UNDO_MINUTES} minutes ago. {instead}")
