"""Points for play: the theoretical win of a slip becomes one gameplay entry, and adjustments if it is corrected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Q

from core.errors import DomainError
from core.local_time import exact_time_in
from core.models import User
from core.transactions import transaction_required
from loyalty.models import EarningRate, LedgerEntry, PlayerLoyalty
from loyalty.points import exact_points, points_for
from loyalty.services.accounts import ProgramRules, lock_account
from loyalty.services.batches import PostingBatch
from loyalty.services.posting import Calculation, EntryKind, LoyaltyPosting, increment_player_loyalty


class NoEarningRate(DomainError):
    """No earning rate was in force when the play ended."""

    code = "NO_EARNING_RATE"


class _WorthNothing(Exception):
    """The play is worth 0 points."""


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
    batch: PostingBatch | None = None,
    is_new: bool = False,
) -> LoyaltyPosting | None:
    """Credit play worth `theoretical_win` that ended at `earned_at`, in the caller's transaction.

    Points = theo × the rate in force at `earned_at` × the multiplier of the player's tier, read under the account's
    lock. Play that is worth 0 points gets no entry: the result is None. The entry keeps `play` unchanged, to
    show later how the theo was calculated. For `batch` and `is_new`, see `increment_player_loyalty`.

    :raises IdempotencyConflict: the key was used for other play.
    :raises ProgramPaused: the programme is paused, and the play is worth points.
    :raises NoEarningRate: the programme had no rate at `earned_at`.
    :raises NotFound: there is no such player.
    """
    try:
        return increment_player_loyalty(
            player=player_id,
            kind=EntryKind.GAMEPLAY,
            points=partial(_count_points, theoretical_win=theoretical_win, earned_at=earned_at, play=play),
            reason=reason,
            idempotency_key=idempotency_key,
            staff=None,
            at=at,
            correlation_id=correlation_id,
            contents={
                "kind": str(EntryKind.GAMEPLAY),
                "player": player_id,
                "theoretical_win": str(theoretical_win),
                "earned_at": earned_at.astimezone(UTC).isoformat(),
            },
            earned_at=earned_at,
            batch=batch,
            is_new=is_new,
        )
    except _WorthNothing:
        return None


def _count_points(
    account: PlayerLoyalty,
    rules: ProgramRules,
    *,
    theoretical_win: Decimal,
    earned_at: datetime,
    play: Mapping[str, Any],
) -> tuple[int, Calculation]:
    """The points that play earns, and how they were calculated.

    :raises NoEarningRate: no rate was in force.
    :raises _WorthNothing: they are 0.
    """
    if rules.points_per_unit is None:
        earned = exact_time_in(earned_at, rules.program.casino)
        raise NoEarningRate(f"{rules.program} had no earning rate at {earned}: add one, then pay the points owed.")
    tier = rules.tier_of(account)
    factors = {
        "theoretical_win": theoretical_win,
        "points_per_unit": rules.points_per_unit,
        "multiplier": tier.multiplier,
    }
    points = points_for(**factors)
    if points == 0:
        raise _WorthNothing
    return points, {**factors, "tier": tier.name, "exact_points": exact_points(**factors), "play": play}


@dataclass(frozen=True, kw_only=True, slots=True)
class AdjustedPlay:
    """The points that corrected play is worth, and the adjustment; None if nothing changes or can be collected.

    `posted_before` are the points of the entry and its earlier adjustments. `uncollected` points are still to be taken
    back: the balance did not cover them.
    """

    points: int
    posted_before: int
    uncollected: int
    posting: LoyaltyPosting | None


def points_of_play(entry: LedgerEntry, *, theoretical_win: Decimal) -> int:
    """The points that play of this theo is worth by the rate and the multiplier of `entry`, which was posted for it."""
    return points_for(theoretical_win=theoretical_win, **_factors_of(entry))


@transaction_required
def adjust_play(
    *,
    player_id: int,
    entry_id: int,
    theoretical_win: Decimal,
    reason: str,
    reason_code: str | None,
    staff: User,
    idempotency_key: str,
    at: datetime,
    correlation_id: UUID,
    play: Mapping[str, Any],
) -> AdjustedPlay:
    """Adjust the points of play that was credited by `entry_id`, in the caller's transaction: it is worth another theo.

    One adjustment makes the entry and all its adjustments add up to the points of the play, by the rate and the
    multiplier of the entry. It never takes more than the balance.

    :raises ProgramPaused: the programme is paused, and an adjustment is needed.
    :raises NotFound: there is no such player.
    """
    account = lock_account(player_id=player_id, at=at)
    posted = list(LedgerEntry.objects.filter(Q(pk=entry_id) | Q(adjusts=entry_id)).order_by("pk"))
    adjusted, factors = posted[0], {"theoretical_win": theoretical_win, **_factors_of(posted[0])}
    points, before = points_for(**factors), sum(entry.points for entry in posted)
    difference = max(points - before, -account.balance)
    uncollected = before + difference - points
    posting = difference and increment_player_loyalty(
        player=player_id,
        kind=EntryKind.ADJUSTMENT,
        points=difference,
        reason=reason,
        reason_code=reason_code,
        idempotency_key=idempotency_key,
        staff=staff,
        at=at,
        correlation_id=correlation_id,
        adjusts=adjusted,
        calculation={
            **factors,
            "exact_points": exact_points(**factors),
            "points_of_play": points,
            "posted_before": before,
            "uncollected": uncollected,
            "play": play,
        },
        locked_account=account,
        is_new=True,  # its entry would be among those that were posted, and nothing would differ
    )
    return AdjustedPlay(points=points, posted_before=before, uncollected=uncollected, posting=posting or None)


def _factors_of(entry: LedgerEntry) -> dict[str, Decimal]:
    """The rate and the multiplier of an entry for play."""
    calculation = entry.inputs["calculation"]
    return {name: Decimal(calculation[name]) for name in ("points_per_unit", "multiplier")}


def estimate_points(account: PlayerLoyalty, plays: Sequence[tuple[Decimal, datetime]]) -> list[int]:
    """About how many points each play (theo, when it ended) will earn.

    The account's current tier counts, and may change until then. A play without a rate in force counts 0.
    """
    rates = list(
        EarningRate.objects.filter(program=account.program_id)
        .order_by("-effective_from")
        .values_list("effective_from", "points_per_unit")
    )
    points = []
    for theo, ended_at in plays:
        rate = next((per_unit for since, per_unit in rates if since <= ended_at), Decimal(0))
        points.append(points_for(theoretical_win=theo, points_per_unit=rate, multiplier=account.tier.multiplier))
    return points
