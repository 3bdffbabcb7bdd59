"""The points of a slip follow its play: what a correction posts, what stays uncollected, and what is refused."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from core.models import Player
from loyalty.models import LedgerEntry
from loyalty.services import ProgramPaused, pause_program
from ratingslips.models import RatingSlip
from ratingslips.services import CorrectedPlay, preview_correction, recover_slip_loyalty, release_withheld_points
from tests.floor import Floor
from tests.invariants import broken_invariants
from tests.loyalty.postings import award
from tests.loyalty.rows import account_of
from tests.ratingslips.corrections import (
    REASON,
    close,
    closed,
    correct,
    current_play,
    last_at,
    live,
    paused,
    released,
    spend,
    spent,
    void,
    withheld,
    without_length,
    worth_nothing,
)
from tests.refusals import refused

# The bet of the last half hour, 100 before: its theo, its points.
UP, DOWN, TO_NOTHING = 200, 50, 0
THEO = {UP: Decimal("84.00"), DOWN: Decimal("44.63"), TO_NOTHING: Decimal("0.00")}
POINTS = {UP: 840, DOWN: 446, TO_NOTHING: 0}

# By what the slip was (worth 578 points) and the bet: the points that are posted, why none are, the uncollected.
CASES = {
    ("credited", UP): (262, "", 0),
    ("credited", DOWN): (-132, "", 0),
    ("credited", TO_NOTHING): (-578, "", 0),
    ("partly spent", UP): (262, "", 0),
    ("partly spent", DOWN): (-78, "", 54),
    ("partly spent", TO_NOTHING): (-78, "", 500),
    ("all spent", UP): (262, "", 0),
    ("all spent", DOWN): (None, "NOT_COVERED", 132),
    ("all spent", TO_NOTHING): (None, "NOT_COVERED", 578),
    ("released", UP): (262, "", 0),
    ("released", DOWN): (-132, "", 0),
    ("owed", UP): (None, "OWED", 0),
    ("owed", TO_NOTHING): (None, "OWED", 0),
    ("withheld", UP): (None, "WITHHELD", 0),
    ("withheld", TO_NOTHING): (None, "WITHHELD", 0),
    ("live", UP): (None, "LIVE", 0),
    ("paused", DOWN): (None, "LIVE", 0),
}
STATES: dict[str, Callable[[Floor], RatingSlip]] = {
    "credited": closed,
    "partly spent": spent(500),
    "all spent": spent(578),
    "released": released,
    "owed": Floor.owed_slip,
    "withheld": withheld,
    "live": live,
    "paused": paused,
}
every_case = pytest.mark.parametrize(("state", "bet"), CASES)


def _at(slip: RatingSlip, bet: int) -> list[CorrectedPlay]:
    return without_length(slip) if bet == TO_NOTHING else last_at(slip, bet)


def _pause(floor: Floor) -> None:
    pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Migration of the tiers")


class TestPoints:
    @every_case
    @pytest.mark.shows(5)
    def test_follow_what_the_slip_was_and_the_balance(self, floor: Floor, state: str, bet: int) -> None:
        posted, because, uncollected = CASES[state, bet]
        slip = STATES[state](floor)
        balance = account_of(slip.player).balance

        result = correct(floor, slip, _at(slip, bet))

        slip = RatingSlip.objects.get(pk=slip.pk)
        assert (result.posting and result.posting.points, result.no_entry_because) == (posted, because)
        assert (result.uncollected, slip.uncollected_points) == (uncollected, uncollected)
        assert slip.theoretical_win == (None if because == "LIVE" else THEO[bet])
        assert result.points is None or result.points == slip.points == POINTS[bet]
        assert account_of(slip.player).balance == balance + (posted or 0)
        assert broken_invariants() == {}

    @every_case
    def test_that_need_an_entry_are_refused_while_paused(self, floor: Floor, state: str, bet: int) -> None:
        slip = STATES[state](floor)
        _pause(floor)

        if CASES[state, bet][0] is None:
            assert correct(floor, slip, _at(slip, bet)).posting is None
        else:
            with refused(ProgramPaused):
                correct(floor, slip, _at(slip, bet))

    def test_are_asked_of_a_paused_programme_only_if_any(self, floor: Floor) -> None:
        slip = floor.open_slip(average_bet=Decimal(5), at=floor.ago(minutes=1))
        _pause(floor)

        assert close(floor, slip).points == 0
        assert correct(floor, slip, last_at(slip, 2)).no_entry_because == "SAME_POINTS"
        with refused(ProgramPaused):
            correct(floor, slip, last_at(slip, 900))

    def test_that_were_owed_are_recovered_as_corrected(self, floor: Floor) -> None:
        slip = floor.owed_slip()
        correct(floor, slip, last_at(slip, UP))

        assert recover_slip_loyalty(slip=slip, actor=floor.supervisor, at=floor.now).points == 840
        assert correct(floor, slip, last_at(slip, DOWN)).posting is not None
        assert account_of(slip.player).balance == 446
        assert broken_invariants() == {}

    def test_that_were_withheld_are_released_as_corrected(self, floor: Floor) -> None:
        slip = withheld(floor)
        correct(floor, slip, last_at(slip, DOWN))
        Player.objects.update(status="ACTIVE")

        settlement = release_withheld_points(slip=slip, actor=floor.supervisor, reason=REASON, at=floor.now)

        assert settlement.points == account_of(slip.player).balance == 446
        assert broken_invariants() == {}

    def test_of_play_that_was_worth_nothing_are_its_one_entry(self, floor: Floor) -> None:
        slip = worth_nothing(floor)
        play = [replace(current_play(slip)[0], started_at=floor.ago(hours=2))]

        result = correct(floor, slip, play)
        again = correct(floor, slip, [replace(play[0], average_bet=Decimal(80))])

        entry = LedgerEntry.objects.get(kind="GAMEPLAY")
        assert (entry.idempotency_key, entry.points, entry.correlation_id) == (str(slip.pk), 420, slip.correlation_id)
        assert (result.points_before, result.points, again.points_before, again.points) == (0, 420, 420, 840)
        assert RatingSlip.objects.get().ledger_entry == entry
        assert broken_invariants() == {}

    def test_stay_withheld_where_a_barred_player_earned_nothing(self, floor: Floor) -> None:
        slip = floor.open_slip(at=floor.now)
        Player.objects.update(status="BARRED")
        close(floor, slip)

        result = correct(floor, slip, [replace(current_play(slip)[0], started_at=floor.ago(hours=2))])

        assert result.no_entry_because == "WITHHELD"
        assert list(RatingSlip.objects.withheld()) == [slip]

    def test_are_posted_for_a_player_who_was_barred_later(self, floor: Floor) -> None:
        slip = closed(floor)
        Player.objects.update(status="BARRED")

        correct(floor, slip, last_at(slip, UP))

        assert account_of(slip.player).balance == 840

    def test_use_the_multiplier_of_the_entry_and_move_the_tier(self, floor: Floor) -> None:
        slip = closed(floor)
        award(floor, slip.player, points=1_000)  # Silver, at × 1.25

        result = correct(floor, slip, last_at(slip, UP))
        correct(floor, slip, without_length(slip))

        account = account_of(slip.player)
        assert result.posting is not None
        assert (result.posting.points, result.posting.lifetime_points, result.posting.tier_after) == (
            262,
            1_840,
            "Silver",
        )
        assert (account.lifetime_points, account.tier.name) == (1_000, "Silver")

    def test_add_up_over_many_corrections(self, floor: Floor) -> None:
        slip = closed(floor)

        for play in (last_at(slip, UP), last_at(slip, DOWN), without_length(slip), last_at(slip, 75)):
            correct(floor, slip, play)

        assert broken_invariants() == {}
        points = sum(LedgerEntry.objects.values_list("points", flat=True))
        assert points == RatingSlip.objects.get().points == account_of(slip.player).balance

    def test_that_were_not_collected_are_collected_first(self, floor: Floor) -> None:
        slip = spent(578)(floor)
        play = last_at(slip, DOWN)
        correct(floor, slip, without_length(slip))
        award(floor, slip.player)

        result = correct(floor, slip, play)  # 446 points; 578 were posted

        assert result.posting is not None
        assert (result.posting.points, result.points_before, result.points, result.uncollected) == (-100, 0, 446, 32)
        assert account_of(slip.player).balance == 0
        assert broken_invariants() == {}

    def test_that_were_not_collected_stay_between_corrections(self, floor: Floor) -> None:
        slip = spent(578)(floor)
        void(floor, slip)

        award(floor, slip.player)

        assert account_of(slip.player).balance == 100
        assert RatingSlip.objects.get().uncollected_points == 578

    def test_are_explained_by_the_entry(self, floor: Floor) -> None:
        slip = closed(floor)
        spend(floor, slip.player, 500)

        correct(floor, slip, last_at(slip, DOWN))

        calculation = LedgerEntry.objects.get(kind="ADJUSTMENT").inputs["calculation"]
        named = ("theoretical_win", "points_per_unit", "multiplier", "points_of_play", "posted_before", "uncollected")
        assert {name: str(calculation[name]) for name in named} == {
            "theoretical_win": "44.63",
            "points_per_unit": "10.0000",
            "multiplier": "1.000",
            "points_of_play": "446",
            "posted_before": "578",
            "uncollected": "54",
        }
        assert len(calculation["play"]["segments"]) == 2


class TestPreview:
    @every_case
    def test_says_what_the_correction_does(self, floor: Floor, state: str, bet: int) -> None:
        slip = STATES[state](floor)
        play = _at(slip, bet)

        preview = preview_correction(slip=slip, segments=play, actor=floor.supervisor, at=floor.now)
        before = RatingSlip.objects.get(pk=slip.pk)
        result = correct(floor, slip, play)

        assert before.correction_count == 0
        assert preview.uncollected == result.uncollected
        assert preview.theoretical_win == result.theoretical_win or result.theoretical_win is None
        if result.points is not None:
            assert (preview.points_before, preview.points, preview.is_estimate) == (578, result.points, False)
