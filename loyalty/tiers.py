"""The tier that lifetime points reach, and the progress to the next one. Pure functions; see docs/money-rules.md."""

from collections.abc import Sequence
from typing import Protocol, TypeVar


class Step(Protocol):
    """A tier: it begins at `threshold_points` lifetime points."""

    threshold_points: int


S = TypeVar("S", bound=Step)


def tier_at(lifetime_points: int, tiers: Sequence[S]) -> S:
    """Return the highest of `tiers` (ascending, the first at 0) that `lifetime_points` have reached."""
    return next(tier for tier in reversed(tiers) if tier.threshold_points <= lifetime_points)


def next_tier(lifetime_points: int, tiers: Sequence[S]) -> S | None:
    """Return the lowest of `tiers` (ascending) that `lifetime_points` have not reached; None in the highest tier."""
    return next((tier for tier in tiers if tier.threshold_points > lifetime_points), None)


def progress_percent(lifetime_points: int, tiers: Sequence[S]) -> int:
    """Return the progress from the tier's threshold to the next one, in whole percent; 100 in the highest tier."""
    following = next_tier(lifetime_points, tiers)
    if following is None:
        return 100
    start = tier_at(lifetime_points, tiers).threshold_points
    return 100 * (lifetime_points - start) // (following.threshold_points - start)
