"""Correct the play of a slip: times, bets, table and seat, and pauses."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import structlog

from core.clock import checked_event_time
from core.errors import NotFound
from core.idempotency import Request
from core.models import User
from core.reasons.codes import GivenReason, given_reason, reason_contents
from core.reasons.models import Operation
from core.reasons.text import checked_remark
from core.retries import retried
from core.transactions import operation
from loyalty.models import PlayerLoyalty
from loyalty.services import estimate_points, points_of_play
from ratingslips.events import SlipVersion
from ratingslips.models import PlaySegment, RatingSlip, SlipRequest
from ratingslips.services.corrected_play import CorrectedPlay
from ratingslips.services.correction_plan import CorrectionPlan
from ratingslips.services.corrections import CorrectedSlip, Kind, begin_correction, first_result, write_correction
from ratingslips.services.long_play import describe_long_play, require_long_play_confirmed
from ratingslips.services.requests import RequestKind, lock_request, record
from ratingslips.services.segments import slip_key
from ratingslips.theo import Play, theoretical_win

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class CorrectionPreview:
    """What a correction would make of theo and points; points are estimates unless the slip was credited.

    Theo of a live slip counts until the instant of the preview. `uncollected` points would not be covered by the
    balance as it is now; `lifetime_points` are those of the account afterwards, of a slip that was credited. Points are
    None if the player has no account. `long_play` says how long the play would be if
    that is more than the casino's limit; it is empty otherwise.
    """

    theoretical_win_before: Decimal
    theoretical_win: Decimal
    points_before: int | None
    points: int | None
    uncollected: int
    lifetime_points: int | None
    is_estimate: bool
    long_play: str


@retried
def correct_rating_slip(
    *,
    slip: RatingSlip | UUID | str,
    segments: Sequence[CorrectedPlay],
    actor: User,
    at: datetime,
    reason: str = "",
    reason_code: str | None = None,
    long_play_confirmed: bool | None = None,
    request_id: UUID | None = None,
    expected_version: SlipVersion | None = None,
) -> CorrectedSlip:
    """Give a live or closed slip a new list of `segments`; the old list stays, superseded, and its points follow.

    A live slip stays live: its last segment may go on, else it is paused. A closed slip closes when its last segment
    ends, or as before if that end is as before. The same request again gives the first result. docs/money-rules.md says
    what becomes of the points. `long_play_confirmed` is as in `complete_rating_slip`: with False, play that is longer
    than the casino's limit is refused.

    :raises IdempotencyConflict: see `lock_request`.
    :raises InvalidPlay, InvalidAverageBet: see `require_play`.
    :raises InvalidReason, InvalidReasonCode: see `given_reason`.
    :raises InvalidTime: `at` is in the future or before the slip's last event.
    :raises LongPlayNotConfirmed: see `require_long_play_confirmed`; nothing was changed.
    :raises NoGameValues, NoEarningRate: there were none in force then.
    :raises NotFound: there is no such slip or table.
    :raises NothingCorrected: the play is recorded so already.
    :raises NotPermitted: the actor does not hold `ratingslips.correct_slip` on every pit of the old and the new list;
        of a live slip, `ratingslips.operate_pit` on all of them is enough.
    :raises OwnPlay: the player account is the actor's own.
    :raises PlayerHasLiveSlip, PlayerStillPlayed, SeatTaken, PlayHasNoEnd: see `require_no_overlap`.
    :raises ProgramPaused: the programme is paused, and a ledger entry is needed; nothing was changed.
    :raises SlipChanged: the slip is no longer at `expected_version`.
    :raises SlipIsVoid: the slip is void.
    :raises TableNotActive, NoSuchSeat: see `require_places`.
    :raises TooLongAgo: see `CorrectionPlan.require_within_reach`.
    :raises Busy: a row was locked for too long; nothing was changed.
    """
    play = {f"segment_{number}": stretch.text for number, stretch in enumerate(segments, start=1)}
    contents: Request = {**play, **reason_contents(checked_remark(reason), reason_code)}
    with operation("ratingslips.correct", actor_id=actor.pk):
        slip_id = slip_key(slip)
        request = lock_request(
            RequestKind.CORRECT, request_id=request_id, actor=actor, slip_id=slip_id, contents=contents
        )
        if request.is_recorded:
            result = first_result(request)
        else:
            plan = CorrectionPlan.lock(slip_id, segments, actor=actor, at=at, expected_version=expected_version)
            given = given_reason(
                casino_id=plan.slip.casino_id, operation=Operation.CORRECT, code=reason_code, text=reason
            )
            given.require_allowed()
            result = _correct(plan, request=request, at=at, reason=given, long_play_confirmed=long_play_confirmed)
    log.info(
        "ratingslips.correction_replayed" if result.replayed else "ratingslips.slip_corrected",
        slip_id=str(slip_id),
        actor_id=actor.pk,
        number=result.number,
        points=result.posting.points if result.posting else 0,
        uncollected_points=result.uncollected,
    )
    return result


def _correct(
    plan: CorrectionPlan, *, request: SlipRequest, at: datetime, reason: GivenReason, long_play_confirmed: bool | None
) -> CorrectedSlip:
    """Refuse what `correct_rating_slip` says of the new play, or write it."""
    slip, last = plan.slip, plan.kept[-1]
    request.happened_at = checked_event_time(at, not_before=slip.closed_at or last.ended_at or last.started_at)
    correction = begin_correction(slip, kind=Kind.CORRECTED, segments=plan.kept, request=request, reason=reason)
    new = plan.applied(actor=request.actor, correlation_id=request.correlation_id)
    plan.require_permitted(request.actor, new)
    plan.require_within_reach(request.actor, at=at)
    plan.require_free()
    if long_play_confirmed is False:
        because = "is not corrected: it would be"
        require_long_play_confirmed(slip, played=_played(new, at=at), because=because)
    record(request, slip=slip)
    return write_correction(correction, play=new)


def preview_correction(
    *, slip: RatingSlip | UUID | str, segments: Sequence[CorrectedPlay], actor: User, at: datetime
) -> CorrectionPreview:
    """Say what `correct_rating_slip` would make of theo and points; nothing is locked or written.

    :raises DomainError: `correct_rating_slip` would refuse the play, or the actor.
    """
    related = ("player__loyalty__tier", "ledger_entry", "casino")
    found = RatingSlip.objects.select_related(*related).filter(pk=slip_key(slip)).first()
    if found is None:
        raise NotFound(f"There is no rating slip {slip}.")
    plan = CorrectionPlan.read(found, segments, actor=actor, at=at)
    before, points_before = _theo(plan.kept, at=at), found.points
    plays = [(before, found.closed_at or at)]
    new = plan.applied(actor=actor, correlation_id=found.correlation_id)
    plan.require_permitted(actor, new)
    plan.require_within_reach(actor, at=at)
    plan.require_free()
    after = _theo(new, at=at)
    plays.append((after, found.closed_at or at))
    account: PlayerLoyalty | None = getattr(found.player, "loyalty", None)
    points, uncollected, lifetime_points = None, 0, None
    if found.ledger_entry is not None and account is not None and points_before is not None:
        points = points_of_play(found.ledger_entry, theoretical_win=after)
        posted = points_before + found.uncollected_points
        uncollected = max(0, posted - points - account.balance)
        lifetime_points = account.lifetime_points + points + uncollected - posted
    elif account is not None:
        estimated, points = estimate_points(account, plays)
        points_before = estimated if points_before is None else points_before
    return CorrectionPreview(
        theoretical_win_before=before,
        theoretical_win=after,
        points_before=points_before,
        points=points,
        uncollected=uncollected,
        lifetime_points=lifetime_points,
        is_estimate=found.ledger_entry is None,
        long_play=describe_long_play(found, played=_played(new, at=at)),
    )


def _played(segments: Sequence[PlaySegment], *, at: datetime) -> timedelta:
    """The length of segments; one that is open counts until `at`."""
    return sum(((segment.ended_at or at) - segment.started_at for segment in segments), timedelta())


def _theo(segments: Sequence[PlaySegment], *, at: datetime) -> Decimal:
    """The theo of segments; one that is open counts until `at`."""
    return theoretical_win(
        Play(
            average_bet=segment.average_bet,
            house_edge_percent=segment.house_edge_percent,
            decisions_per_hour=segment.decisions_per_hour,
            played=max((segment.ended_at or at) - segment.started_at, timedelta(0)),
        )
        for segment in segments
    )
