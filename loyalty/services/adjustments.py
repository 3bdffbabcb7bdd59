"""Raise or lower a balance by hand, once for each request."""

from dataclasses import dataclass
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
from loyalty.permissions import ADJUST
from loyalty.services.accounts import ProgramRules, lock_account
from loyalty.services.by_hand import (
    MAX_GIVEN_POINTS,
    checked_request_time,
    contents_by_hand,
    daily_key,
    is_outside_id,
    is_whole,
    lock_staff,
    require_active_and_rate,
    require_rate,
    require_unchanged,
)
from loyalty.services.posting import (
    Calculation,
    EntryKind,
    InsufficientBalance,
    LoyaltyPosting,
    increment_player_loyalty,
)

log = structlog.get_logger(__name__)

# Of points that are taken, only what is there is taken; this is the largest number that a balance can be.
MAX_TAKEN_POINTS: Final = 2**63 - 1


class InvalidAdjustment(DomainError):
    """The number of points or the adjustment id is not allowed."""

    code = "INVALID_ADJUSTMENT"


@dataclass(frozen=True, kw_only=True, slots=True)
class Adjustment:
    """The result of an adjustment, and how many of the points that were to be taken were not there."""

    posting: LoyaltyPosting
    not_taken: int


@retried
def adjust_points(
    *,
    player: Player | int,
    points: int,
    reason: str,
    actor: User,
    at: datetime,
    reason_code: str | None = None,
    adjustment_id: str | None = None,
    requested_at: datetime | None = None,
    expected_entries: int | None = None,
) -> Adjustment:
    """Add points to a player's balance, or take points from it if they are negative, once for each request.

    Lifetime points and tier stay as they are. If the balance has fewer points than are to be taken, all of them are
    taken. `reason_code` is one of the casino's codes, beside which `reason` may be short or empty. `adjustment_id` and
    `requested_at` identify the request as in `manual_reward`. `expected_entries` is the number of entries that the
    account had when the page was shown. A repeated request gets the first result, before permission, limits and balance
    are checked.

    :raises InvalidAdjustment: the number of points or the adjustment id is not allowed.
    :raises InvalidReason: the reason is too short or too long.
    :raises InvalidReasonCode: the casino has no such code, or it is not for adjustments.
    :raises InvalidTime: `at` is in the future, or `requested_at` is after it or more than a day before it.
    :raises NotFound: there is no such player.
    :raises NotPermitted: the actor does not hold `loyalty.adjust` on the player's programme.
    :raises IdempotencyConflict: the adjustment id was used for another adjustment.
    :raises OwnPlay: the account is the actor's own.
    :raises PlayerNotActive: points are to be added, and the player is barred or inactive.
    :raises AwardRateExceeded: see `require_rate`.
    :raises AccountChanged: the account has more entries than `expected_entries`.
    :raises InsufficientBalance: points are to be taken, and the balance is 0.
    :raises ProgramPaused: the programme is paused.
    :raises Busy: the account or the actor was locked for too long.
    """
    _require_points(points)
    requested_at = checked_request_time(requested_at or at, at=at)
    if adjustment_id is not None and not is_outside_id(adjustment_id):
        raise InvalidAdjustment("An adjustment id is 1 to 100 letters, digits or . _ : / - without spaces.")
    with operation("loyalty.adjust_points", actor_id=actor.pk):
        if adjustment_id:
            lock_name("adjustment", adjustment_id)
        staff = lock_staff(actor)
        account = lock_account(player_id=player if isinstance(player, int) else player.pk, at=at)
        posting = _post(
            account=account,
            staff=staff,
            points=points,
            reason=reason,
            reason_code=reason_code,
            at=at,
            adjustment_id=adjustment_id,
            requested_at=requested_at,
            expected_entries=expected_entries,
        )
    if posting.replayed:
        count_replay(casino=account.player.casino, operation="loyalty.adjust_points", at=at)
    event = "loyalty.adjustment_replayed" if posting.replayed else "loyalty.points_adjusted"
    log.info(event, entry_id=posting.entry_id, points=posting.points, asked_points=points, actor_id=actor.pk)
    return Adjustment(posting=posting, not_taken=posting.points - points)


def _require_points(points: int) -> None:
    if not is_whole(points) or points == 0 or not -MAX_TAKEN_POINTS <= points <= MAX_GIVEN_POINTS:
        raise InvalidAdjustment(f"An adjustment adds 1 to {MAX_GIVEN_POINTS:,} whole points, or takes 1 or more.")


def _post(
    *,
    account: PlayerLoyalty,
    staff: User,
    points: int,
    reason: str,
    reason_code: str | None,
    at: datetime,
    adjustment_id: str | None,
    requested_at: datetime,
    expected_entries: int | None,
) -> LoyaltyPosting:
    """Post the adjustment in the caller's transaction, which has locked the member of staff and the account.

    :raises IdempotencyConflict: the adjustment id was used for another adjustment.
    """
    given = given_reason(casino_id=account.program.casino_id, operation=Operation.ADJUST, code=reason_code, text=reason)
    contents = contents_by_hand(
        EntryKind.ADJUSTMENT, account=account, staff=staff, points=points, reason=reason, reason_code=reason_code
    )
    gaming_day = account.player.casino.gaming_day_at(requested_at)

    def check() -> None:
        _require_allowed(given, staff=staff, account=account, points=points, at=at)
        require_unchanged(account, expected_entries)

    def count(account: PlayerLoyalty, _: ProgramRules) -> tuple[int, Calculation]:
        if points < 0 and account.balance == 0:
            raise InsufficientBalance("The balance is 0 points: there is nothing to take.")
        return max(points, -account.balance), {"requested_at": requested_at}

    try:
        return increment_player_loyalty(
            player=account.player_id,
            locked_account=account,
            kind=EntryKind.ADJUSTMENT,
            points=count,
            reason=given.text,
            reason_code=given.code,
            idempotency_key=f"adjustment:{adjustment_id}"
            if adjustment_id
            else daily_key("adjustment", contents, gaming_day=gaming_day),
            contents=contents,
            staff=staff,
            at=at,
            gaming_day=gaming_day,
            correlation_id=correlation.current(),
            check=check,
        )
    except IdempotencyConflict:
        # Only staff who may adjust points here get this error: it shows that the adjustment exists.
        require_permission(staff, ADJUST, account.program)
        raise


def _require_allowed(given: GivenReason, *, staff: User, account: PlayerLoyalty, points: int, at: datetime) -> None:
    require_permission(staff, ADJUST, account.program, player_id=account.player_id)
    given.require_allowed()
    if points > 0:
        require_active_and_rate(account.player_id, otherwise="no points were added", staff=staff, at=at)
    else:
        require_rate(staff=staff, at=at)
