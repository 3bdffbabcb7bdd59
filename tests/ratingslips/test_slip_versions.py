"""A slip is changed only as it was seen: two tablets that decide on one version do not both act."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from core.models import User
from ratingslips.events import SlipVersion
from ratingslips.models import RatingSlip
from ratingslips.services import (
    SlipChanged,
    change_average_bet,
    move_rating_slip,
    pause_rating_slip,
    resume_rating_slip,
)
from tests.concurrency import in_turn
from tests.floor import Floor
from tests.refusals import refused

AS_OPENED = SlipVersion(seq=1, status="OPEN")
ACTS: dict[str, Callable[..., RatingSlip]] = {
    "bet": lambda **given: change_average_bet(average_bet=Decimal(90), **given),
    "move": lambda **given: move_rating_slip(seat=5, **given),
    "pause": pause_rating_slip,
}


@pytest.fixture(params=ACTS)
def act(request: pytest.FixtureRequest) -> Callable[..., RatingSlip]:
    return ACTS[request.param]


class TestSeenVersion:
    def test_lets_an_act_on_the_present_version_pass(self, floor: Floor, act: Callable[..., RatingSlip]) -> None:
        slip = floor.open_slip()

        changed = act(slip=slip, actor=floor.boss, at=floor.now, expected_version=AS_OPENED)

        assert changed == slip

    def test_refuses_one_that_was_decided_before_another(self, floor: Floor, act: Callable[..., RatingSlip]) -> None:
        slip = floor.open_slip()
        change_average_bet(slip=slip, average_bet=Decimal(60), actor=floor.supervisor, at=floor.ago(minutes=5))

        with refused(SlipChanged, "changed by somebody else meanwhile"):
            act(slip=slip, actor=floor.boss, at=floor.now, expected_version=AS_OPENED)

    def test_tells_a_pause_from_none(self, floor: Floor, slip: RatingSlip) -> None:
        pause_rating_slip(slip=slip, actor=floor.supervisor, at=floor.ago(minutes=5))

        with refused(SlipChanged):
            change_average_bet(
                slip=slip, average_bet=Decimal(60), actor=floor.boss, at=floor.now, expected_version=AS_OPENED
            )

    def test_refuses_to_resume_a_later_pause(self, floor: Floor, slip: RatingSlip) -> None:
        first_pause = SlipVersion(seq=1, status="PAUSED")
        for at, switch in ((30, pause_rating_slip), (20, resume_rating_slip), (10, pause_rating_slip)):
            switch(slip=slip, actor=floor.supervisor, at=floor.ago(minutes=at))

        with refused(SlipChanged):
            resume_rating_slip(slip=slip, actor=floor.boss, at=floor.now, expected_version=first_pause)


def _change_on_two_tablets(floor: Floor, **seen: Any) -> list[Any]:
    """Both look, one decides on 60 and the other on 90; the second waits for the first to commit."""
    slip = floor.open_slip()

    def bet(amount: int, actor: User) -> RatingSlip:
        bets = {"average_bet": Decimal(amount)} | seen
        return change_average_bet(slip=slip.pk, actor=actor, at=floor.now, **bets)

    first, second = in_turn(lambda: bet(60, floor.supervisor), lambda: bet(90, floor.boss))
    return [first.outcome(), second.outcome(), [int(segment.average_bet) for segment in slip.segments.all()]]


class TestTwoTabletsOnOneSlip:
    def test_do_not_both_act_on_what_both_saw(self, committed_floor: Floor) -> None:
        first, second, bets = _change_on_two_tablets(committed_floor, expected_version=AS_OPENED)

        assert isinstance(first, RatingSlip)
        assert isinstance(second, SlipChanged)
        assert bets == [40, 60]

    @pytest.mark.shows(39)
    def test_overwrite_one_another_without_the_version(self, committed_floor: Floor) -> None:
        """The control: this is what the version is for."""
        _first, second, bets = _change_on_two_tablets(committed_floor)

        assert isinstance(second, RatingSlip)
        assert bets == [40, 60, 90]
