"""Void a slip that should not have been opened."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from core.clock import checked_event_time
from core.models import User
from core.permissions import require_permission, rights_in
from core.reasons.codes import GivenReason, given_reason, reason_contents
from core.reasons.models import Operation
from core.reasons.text import checked_remark
from core.retries import retried
from core.transactions import operation, transaction_required
from ratingslips.events import SlipVersion
from ratingslips.models import PlaySegment, RatingSlip, SlipRequest
from ratingslips.permissions import CORRECT_SLIP, OPERATE_PIT
from ratingslips.services.corrections import CorrectedSlip, first_result, void_play
from ratingslips.services.requests import RequestKind, lock_request, record
from ratingslips.services.segments import (
    lock_slip,
    read_lists,
    read_segments,
    require_not_void,
    require_version,
    slip_key,
)

log = structlog.get_logger(__name__)

VOID_OWN_MINUTES: Final = 10


@retried
def void_rating_slip(
    *,
    slip: RatingSlip | UUID | str,
    actor: User,
    at: datetime,
    reason: str = "",
    reason_code: str | None = None,
    request_id: UUID | None = None,
    expected_version: SlipVersion | None = None,
) -> CorrectedSlip:
    """Void a live or closed slip: it keeps its place in lists and counts nowhere, and its points are taken back.

    One adjustment takes back what the balance covers; the rest stays uncollected. Nothing is owed or
    withheld for it any more. A live slip ends at `at`, and its seat is free. The same request again gives the first
    result.

    :raises IdempotencyConflict: see `lock_request`.
    :raises InvalidReason, InvalidReasonCode: see `given_reason`.
    :raises InvalidTime: `at` is in the future or before the slip's last event.
    :raises NotFound: there is no such slip.
    :raises NotPermitted: the actor does not hold `ratingslips.correct_slip` on the pits of the slip. Who opened a live
        slip less than `VOID_OWN_MINUTES` ago needs `ratingslips.operate_pit`.
    :raises OwnPlay: the player account is the actor's own.
    :raises ProgramPaused: the programme is paused, and there are points to take back; nothing was changed.
    :raises SlipChanged: the slip is no longer at `expected_version`.
    :raises SlipIsVoid: the slip is void already.
    :raises Busy: the slip or the account was locked for too long; nothing was changed.
    """
    contents = reason_contents(checked_remark(reason), reason_code)
    with operation("ratingslips.void", actor_id=actor.pk):
        slip_id = slip_key(slip)
        request = lock_request(RequestKind.VOID, request_id=request_id, actor=actor, slip_id=slip_id, contents=contents)

        def may_void(slip: RatingSlip, segments: Sequence[PlaySegment]) -> GivenReason:
            _require_may_void(slip, segments=segments, actor=actor, at=at)
            require_not_void(slip)
            require_version(slip, last=segments[-1], expected=expected_version)
            given = given_reason(casino_id=slip.casino_id, operation=Operation.VOID, code=reason_code, text=reason)
            given.require_allowed()
            return given

        result = void_by_request(request, slip_id=slip_id, at=at, may_void=may_void)
    log.info(
        "ratingslips.void_replayed" if result.replayed else "ratingslips.slip_voided",
        slip_id=str(slip_id),
        actor_id=actor.pk,
        uncollected_points=result.uncollected,
    )
    return result


def is_own_and_new_slip(slip: RatingSlip, *, actor: User, at: datetime) -> bool:
    """Whether `slip` is live, and `actor` opened it less than `VOID_OWN_MINUTES` ago.

    Of the openings that were recorded of it, and of the slip that it came from, the earliest one counts.
    """
    if not slip.is_live or slip.opened_by_id != actor.pk:
        return False
    superseded = read_lists(slip)[0] if slip.is_corrected or slip.reassigned_from_id else []
    openings = [slip.opened_at, *(segment.started_at for segment in superseded)]
    return timedelta(0) <= at - min(openings) <= timedelta(minutes=VOID_OWN_MINUTES)


def _require_may_void(slip: RatingSlip, *, segments: Sequence[PlaySegment], actor: User, at: datetime) -> None:
    """Refuse an actor who may not void the slip; see `void_rating_slip`."""
    pits = {segment.pit_id: segment.pit for segment in segments}.values()
    rights = rights_in(slip.casino_id, actor, OPERATE_PIT, CORRECT_SLIP, player_id=slip.player_id)
    if all(OPERATE_PIT in rights.on(pit.pk) for pit in pits) and is_own_and_new_slip(slip, actor=actor, at=at):
        return
    for pit in pits:
        if CORRECT_SLIP not in rights.on(pit.pk):
            require_permission(actor, CORRECT_SLIP, pit, player_id=slip.player_id)


@transaction_required
def void_by_request(
    request: SlipRequest,
    *,
    slip_id: UUID,
    at: datetime,
    may_void: Callable[[RatingSlip, Sequence[PlaySegment]], GivenReason],
) -> CorrectedSlip:
    """Void a slip at `at` by a request that `lock_request` gave; a recorded one gets its first result.

    `may_void` is called with the locked slip and its current segments. It gives the reason, or refuses by raising.

    :raises NotFound: there is no such slip.
    :raises InvalidTime: `at` is in the future or before the slip's last event.
    :raises ProgramPaused: the programme is paused, and there are points to take back.
    """
    if request.is_recorded:
        return first_result(request)
    slip = lock_slip(slip_id)
    assert slip is not None
    segments = read_segments(slip)
    reason = may_void(slip, segments)
    last = segments[-1]
    request.happened_at = checked_event_time(at, not_before=slip.closed_at or last.ended_at or last.started_at)
    record(request, slip=slip)
    return void_play(slip, segments=segments, request=request, reason=reason)
