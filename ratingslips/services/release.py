"""Release the points of a slip that were withheld because its player was not active when it closed."""

from datetime import datetime
from uuid import UUID

import structlog

from core.clock import checked_event_time
from core.errors import DomainError
from core.models import Player, User
from core.permissions import require_permission
from core.reasons.codes import given_reason, reason_contents
from core.reasons.models import Operation
from core.retries import retried
from core.transactions import operation
from loyalty.models import LoyaltyProgram
from loyalty.permissions import AWARD
from loyalty.services import PlayerNotActive
from ratingslips.events import SlipVersion
from ratingslips.models import Pit, RatingSlip, SlipRequest
from ratingslips.permissions import RECOVER_LOYALTY
from ratingslips.services.requests import RequestKind, is_own_commit, lock_request, record
from ratingslips.services.segments import lock_slip, read_segments, require_not_void, require_version, slip_key
from ratingslips.services.settlement import SlipSettlement, credit, first_settlement

log = structlog.get_logger(__name__)


class NothingWithheld(DomainError):
    """The slip has no points that were withheld."""

    code = "NOTHING_WITHHELD"


@retried
def release_withheld_points(
    *,
    slip: RatingSlip | UUID | str,
    actor: User,
    reason: str,
    at: datetime,
    reason_code: str | None = None,
    expected_version: SlipVersion | None = None,
    request_id: UUID | None = None,
) -> SlipSettlement:
    """Post the points of a slip that were withheld when it closed; for a released slip, return the first result.

    The entry has the slip's key and correlation id; the rate is that of the closing, the tier is the current one. Play
    that is worth 0 points is released without an entry. The
    row of the request keeps the `reason`, who released the points and when. `reason_code` is one of the casino's codes,
    beside which `reason` may be short or empty. `expected_version` is the version that the page showed, if any. The
    same request again gives the first result.

    :raises IdempotencyConflict: see `lock_request`.
    :raises InvalidReason: the reason is too short or too long.
    :raises InvalidReasonCode: the casino has no such code, or it is not for releases.
    :raises NotFound: there is no such slip.
    :raises NotPermitted: the actor does not hold `loyalty.award` on the programme of the slip's casino, and
        `ratingslips.recover_loyalty` on the slip's pit.
    :raises NothingWithheld: the slip is live, or its points were not withheld.
    :raises OwnPlay: the player account is the actor's own.
    :raises SlipChanged: the slip is no longer at `expected_version`.
    :raises SlipIsVoid: the slip is void.
    :raises PlayerNotActive: the player is still barred or inactive.
    :raises InvalidTime: `at` is in the future or before the slip was settled.
    :raises DomainError: `accrue_play` refused, for example because the programme is paused; nothing was changed.
    :raises Busy: the slip, the player or the account was locked for too long.
    """
    contents = reason_contents(reason, reason_code)
    with operation("ratingslips.release", actor_id=actor.pk):
        slip_id = slip_key(slip)
        request = lock_request(
            RequestKind.RELEASE, request_id=request_id, actor=actor, slip_id=slip_id, contents=contents
        )
        locked = lock_slip(slip_id, with_player=True)
        assert locked is not None
        if not request.is_recorded:
            require_permission(actor, AWARD, LoyaltyProgram.objects.get(casino=locked.casino_id))
            require_permission(actor, RECOVER_LOYALTY, Pit.objects.get(pk=locked.pit_id), player_id=locked.player_id)
            require_not_void(locked)
        is_released = locked.released_at is not None
        if not is_released:
            given_reason(
                casino_id=locked.casino_id, operation=Operation.RELEASE, code=reason_code, text=reason
            ).require_allowed()
            _release(locked, request=request, at=at, expected_version=expected_version)
        settlement = first_settlement(locked, replayed=is_released and not is_own_commit(request))
    log.info(
        "ratingslips.release_replayed" if settlement.replayed else "ratingslips.points_released",
        slip_id=str(locked.pk),
        actor_id=actor.pk,
        slip_correlation_id=str(locked.correlation_id),
        points=settlement.points,
    )
    return settlement


def _release(slip: RatingSlip, *, request: SlipRequest, at: datetime, expected_version: SlipVersion | None) -> None:
    """Post the points of the locked `slip`, if there are any, and record the request."""
    _require_may_be_released(slip)
    segments = read_segments(slip)
    require_version(slip, last=segments[-1], expected=expected_version)
    request.happened_at = checked_event_time(at, not_before=slip.settled_at)
    posting = credit(slip, segments=segments, at=request.happened_at)
    slip.released_at = request.happened_at
    slip.ledger_entry_id = posting.entry_id if posting else None
    slip.save(update_fields=["released_at", "ledger_entry"])
    record(request, slip=slip)


def _require_may_be_released(slip: RatingSlip) -> None:
    if not slip.is_withheld:
        raise NothingWithheld(f"No points of slip {slip.slip_number} are withheld.")
    if slip.player.status != Player.Status.ACTIVE:
        status = slip.player.get_status_display().lower()
        raise PlayerNotActive(f"{slip.player} is {status}: the points stay withheld.")
