"""Which tier lifetime points stand for, and how far the next one is."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.tiers import next_tier, progress_percent, tier_at
from tests.properties import property_settings


@dataclass
class Step:
    name: str
    threshold_points: int


TIERS = (Step("Bronze", 0), Step("Silver", 1_000), Step("Gold", 5_000), Step("Platinum", 20_000))

ladders = st.sets(st.integers(1, 10**6), max_size=6).map(
    lambda thresholds: [Step(str(threshold), threshold) for threshold in sorted({0, *thresholds})]
)


class TestTierAt:
    @pytest.mark.parametrize(
        ("lifetime_points", "name"),
        [
            (0, "Bronze"),
            (999, "Bronze"),
            (1_000, "Silver"),
            (4_999, "Silver"),
            (5_000, "Gold"),
            (19_999, "Gold"),
            (20_000, "Platinum"),
            (10**15, "Platinum"),
        ],
    )
    def test_begins_at_its_threshold(self, lifetime_points: int, name: str) -> None:
        assert tier_at(lifetime_points, TIERS).name == name

    @property_settings
    @given(ladder=ladders, lifetime_points=st.integers(0, 2 * 10**6))
    def test_is_the_last_one_that_is_reached(self, ladder: list[Step], lifetime_points: int) -> None:
        reached = [step for step in ladder if step.threshold_points <= lifetime_points]

        assert tier_at(lifetime_points, ladder) == max(reached, key=lambda step: step.threshold_points)


class TestNextTier:
    @pytest.mark.parametrize(("lifetime_points", "name"), [(0, "Silver"), (999, "Silver"), (1_000, "Gold")])
    def test_is_the_first_one_that_is_not_reached(self, lifetime_points: int, name: str) -> None:
        following = next_tier(lifetime_points, TIERS)

        assert following is not None
        assert following.name == name

    def test_is_none_at_the_top(self) -> None:
        assert next_tier(20_000, TIERS) is None


class TestProgressPercent:
    @pytest.mark.parametrize(
        ("lifetime_points", "percent"),
        [
            (0, 0),
            (9, 0),
            (10, 1),
            (995, 99),
            (999, 99),
            (1_000, 0),
            (1_039, 0),
            (1_040, 1),
            (19_999, 99),
            (20_000, 100),
        ],
    )
    def test_is_rounded_down_and_full_only_at_the_top(self, lifetime_points: int, percent: int) -> None:
        assert progress_percent(lifetime_points, TIERS) == percent

    @property_settings
    @given(ladder=ladders, lifetime_points=st.integers(0, 2 * 10**6))
    def test_leaves_less_than_one_percent_untold(self, ladder: list[Step], lifetime_points: int) -> None:
        percent = progress_percent(lifetime_points, ladder)

        following = [step.threshold_points for step in ladder if step.threshold_points > lifetime_points]
        if following:
            start = max(step.threshold_points for step in ladder if step.threshold_points <= lifetime_points)
            way, gone = following[0] - start, lifetime_points - start
            assert percent * way <= 100 * gone < (percent + 1) * way
        else:
            assert percent == 100
