"""The tier that lifetime points reach, and the progress to the next one. Pure functions."""

from collections.abc import Sequence
from typing import Protocol, TypeVar


class Step(Protocol):
    """A tier: it begins at `threshold_points` lifetime points."""

    threshold_points: int


S = TypeVar("S", bound=Step)


def tier_at(lifetime_points: int, tiers: Sequence[S]) -> S:
    """The highest of `tiers` (ascending, the first at 0) that `lifetime_points` reach."""
    return next(tier for tier in reversed(tiers) if tier.threshold_points <= lifetime_points)


def next_tier(lifetime_points: int, tiers: Sequence[S]) -> S | None:
    """The lowest of `tiers` (ascending) that `lifetime_points` do not reach yet; none at the top."""
    return next((tier for tier in tiers if tier.threshold_points > lifetime_points), None)


def progress_percent(lifetime_points: int, tiers: Sequence[S]) -> int:
    """Whole percent, rounded down, of the way from the tier's threshold to the next one; 100 at the top."""
    following = next_tier(lifetime_points, tiers)
    if following is None:
        return 100
    start = tier_at(lifetime_points, tiers).threshold_points
    return 100 * (lifetime_points - start) // (following.threshold_points - start)
