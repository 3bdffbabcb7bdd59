"""Award points by hand, once for each request, within the limits of one award and of one minute."""

from datetime import datetime
from typing import Final

import structlog

from core import correlation
from core.errors import DomainError
from core.idempotency import IdempotencyConflict
from core.locks import lock_name
from core.models import Player, User
from core.permissions import require_permission
from core.reasons.codes import GivenReason, given_reason
from core.reasons.models import Operation
from core.replays import count_replay
from core.retries import retried
from core.transactions import operation
from loyalty.models import PlayerLoyalty
from loyalty.permissions import AWARD
from loyalty.services.accounts import lock_account
from loyalty.services.by_hand import (
    MAX_GIVEN_POINTS,
    checked_request_time,
    contents_by_hand,
    daily_key,
    is_outside_id,
    is_whole,
    lock_staff,
    require_active_and_rate,
)
from loyalty.services.posting import EntryKind, LoyaltyPosting, increment_player_loyalty

log = structlog.get_logger(__name__)

MIN_AWARD_POINTS: Final = 1
MAX_AWARD_POINTS: Final = MAX_GIVEN_POINTS


class InvalidAward(DomainError):
    """The number of points or the reward id is not allowed."""

    code = "INVALID_AWARD"


@retried
def manual_reward(
    *,
    player: Player | int,
    points: int,
    reason: str,
    actor: User,
    at: datetime,
    reason_code: str | None = None,
    reward_id: str | None = None,
    requested_at: datetime | None = None,
) -> LoyaltyPosting:
    """Award points by hand, once for each request.

    `reason_code` is one of the casino's codes, beside which `reason` may be short or empty.
    A `reward_id`, which another system gives, identifies the award for ever. Without one, the same award by the same
    person is made once in a gaming day, also if the reason differs in letter case, spaces or Unicode form. This is the
    day of `requested_at`, when the form was opened: a form that is sent again on the next gaming day does not make a
    second award. A repeated request gets the first result, before permission, limits and balance are checked.

    :raises InvalidAward: the number of points or the reward id is not allowed.
    :raises InvalidReason: the reason is too short or too long.
    :raises InvalidReasonCode: the casino has no such code, or it is not for awards.
    :raises InvalidTime: `at` is in the future, or `requested_at` is after it or more than a day before it.
    :raises NotFound: there is no such player.
    :raises NotPermitted: the actor does not hold `loyalty.award` on the player's programme.
    :raises IdempotencyConflict: the reward id was used for another award.
    :raises OwnPlay: the account is the actor's own.
    :raises PlayerNotActive: the player is barred or inactive.
    :raises AwardRateExceeded: see `require_rate`.
    :raises ProgramPaused: the programme is paused.
    :raises Busy: the account or the actor was locked for too long.
    """
    require_award_points(points)
    requested_at = checked_request_time(requested_at or at, at=at)
    _require_reward_id(reward_id)
    player_id = player if isinstance(player, int) else player.pk
    with operation("loyalty.manual_reward", actor_id=actor.pk):
        if reward_id:
            lock_name("reward", reward_id)
        staff = lock_staff(actor)
        account = lock_account(player_id=player_id, at=at)
        posting = _post_award(
            account=account,
            staff=staff,
            points=points,
            reason=reason,
            reason_code=reason_code,
            at=at,
            reward_id=reward_id,
            requested_at=requested_at,
        )
    if posting.replayed:
        count_replay(casino=account.player.casino, operation="loyalty.manual_reward", at=at)
    event = "loyalty.reward_replayed" if posting.replayed else "loyalty.points_posted"
    log.info(event, entry_id=posting.entry_id, kind=EntryKind.MANUAL_BONUS.value, points=points, actor_id=actor.pk)
    return posting


def _post_award(
    *,
    account: PlayerLoyalty,
    staff: User,
    points: int,
    reason: str,
    reason_code: str | None,
    at: datetime,
    reward_id: str | None,
    requested_at: datetime,
) -> LoyaltyPosting:
    """Post the award in the caller's transaction, which has locked the member of staff and the account.

    The entry keeps the reason as it was typed; key and contents hold it normalised.

    :raises IdempotencyConflict: the reward id was used for another award.
    """
    given = given_reason(casino_id=account.program.casino_id, operation=Operation.AWARD, code=reason_code, text=reason)
    contents = contents_by_hand(
        EntryKind.MANUAL_BONUS, account=account, staff=staff, points=points, reason=reason, reason_code=reason_code
    )
    gaming_day = account.player.casino.gaming_day_at(requested_at)
    try:
        return increment_player_loyalty(
            player=account.player_id,
            locked_account=account,
            kind=EntryKind.MANUAL_BONUS,
            points=points,
            reason=given.text,
            reason_code=given.code,
            idempotency_key=f"reward:{reward_id}"
            if reward_id
            else daily_key("manual", contents, gaming_day=gaming_day),
            # Awards made before 2026-12 have the reason as it was typed in their daily key.
            former_key=""
            if reward_id
            else daily_key("manual", {**contents, "reason": given.text}, gaming_day=gaming_day),
            contents=contents,
            staff=staff,
            at=at,
            gaming_day=gaming_day,
            correlation_id=correlation.current(),
            calculation={"requested_at": requested_at},
            check=lambda: _require_award_allowed(given, staff=staff, account=account, at=at),
        )
    except IdempotencyConflict:
        # Only staff who may award points here get this error: it shows that the award exists.
        require_permission(staff, AWARD, account.program)
        raise


def require_award_points(points: int) -> None:
    """Refuse a number of points that is not allowed.

    :raises InvalidAward: not a whole number from `MIN_AWARD_POINTS` to `MAX_AWARD_POINTS`.
    """
    if not is_whole(points) or not MIN_AWARD_POINTS <= points <= MAX_AWARD_POINTS:
        raise InvalidAward(f"An award is {MIN_AWARD_POINTS} to {MAX_AWARD_POINTS:,} whole points.")


def _require_reward_id(reward_id: str | None) -> None:
    if reward_id is not None and not is_outside_id(reward_id):
        raise InvalidAward("A reward id is 1 to 100 letters, digits or . _ : / - without spaces.")


def _require_award_allowed(given: GivenReason, *, staff: User, account: PlayerLoyalty, at: datetime) -> None:
    require_permission(staff, AWARD, account.program, player_id=account.player_id)
    given.require_allowed()
    require_active_and_rate(account.player_id, otherwise="no award was made", staff=staff, at=at)
