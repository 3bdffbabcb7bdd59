"""Play earns points: theoretical win in, one gameplay entry out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from core.errors import DomainError
from core.idempotency import Request
from core.transactions import transaction_required
from loyalty.points import exact_points, points_for
from loyalty.services.accounts import lock_account, rules_in_force
from loyalty.services.posting import (
    Kind,
    LoyaltyPosting,
    PostingRequest,
    entry_with_key,
    post,
    replay_of,
    require_running,
)


class NoEarningRate(DomainError):
    """No earning rate was in force when the play ended."""

    code = "NO_EARNING_RATE"


@dataclass(frozen=True, kw_only=True, slots=True)
class PlayAccrual:
    """What play earned: `posting` is none where it came to 0 points, which needs no entry."""

    points: int
    posting: LoyaltyPosting | None


@transaction_required
def accrue_play(
    *,
    player_id: int,
    theoretical_win: Decimal,
    earned_at: datetime,
    reason: str,
    idempotency_key: str,
    at: datetime,
    correlation_id: UUID,
    play: Mapping[str, Any],
) -> PlayAccrual:
    """Credit play worth `theoretical_win` that ended at `earned_at`, in the caller's transaction.

    Points = theo × the rate in force at `earned_at` × the multiplier of the tier that the player holds now, under the
    lock. `play` is kept with the entry as it is, to show later what the theo was made of.

    :raises IdempotencyConflict: the key was used for other play.
    :raises ProgramPaused: the programme takes no postings just now.
    :raises NoEarningRate: the programme had no rate at `earned_at`.
    :raises NotFound: there is no such player.
    """
    account = lock_account(player_id=player_id, at=at)
    contents: Request = {
        "kind": str(Kind.GAMEPLAY),
        "player": player_id,
        "theoretical_win": str(theoretical_win),
        "earned_at": earned_at.astimezone(UTC).isoformat(),
    }
    if first := entry_with_key(idempotency_key):
        posting = replay_of(first, contents=contents)
        return PlayAccrual(points=posting.points, posting=posting)
    rules = rules_in_force(program_id=account.program_id, earned_at=earned_at)
    require_running(rules)
    if rules.points_per_unit is None:
        raise NoEarningRate(f"{rules.program} had no earning rate at {earned_at.isoformat()}: add one, then recover.")
    tier = rules.tier_of(account)
    factors = {
        "theoretical_win": theoretical_win,
        "points_per_unit": rules.points_per_unit,
        "multiplier": tier.multiplier,
    }
    points = points_for(**factors)
    if points == 0:
        return PlayAccrual(points=0, posting=None)
    calculation = {**factors, "tier": tier.name, "exact_points": exact_points(**factors), "play": play}
    request = PostingRequest(
        kind=Kind.GAMEPLAY,
        reason=reason,
        idempotency_key=idempotency_key,
        contents=contents,
        staff=None,
        at=at,
        gaming_day=account.player.casino.gaming_day_at(at),
        correlation_id=correlation_id,
        calculation=calculation,
    )
    return PlayAccrual(points=points, posting=post(account=account, rules=rules, points=points, request=request))
