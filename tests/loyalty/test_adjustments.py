"""Points added to and taken from a balance by hand."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from guardian.shortcuts import assign_perm, remove_perm

from core.clock import InvalidTime
from core.errors import DomainError, NotFound
from core.idempotency import IdempotencyConflict
from core.models import Player, User
from core.permissions import NotPermitted, OwnPlay
from core.reasons.codes import InvalidReasonCode
from core.reasons.defaults import add_default_codes
from loyalty.models import LedgerEntry
from loyalty.services import (
    AccountChanged,
    AwardRateExceeded,
    InsufficientBalance,
    InvalidAdjustment,
    InvalidReason,
    PlayerNotActive,
    ProgramPaused,
    pause_program,
)
from tests.factories import StaffFactory
from tests.floor import Floor, declared
from tests.loyalty.postings import adjust, award, increment
from tests.loyalty.rows import account_of
from tests.refusals import logged, refused
from tests.statements import assert_at_most, statements_of


def _bar(_: Floor, player: Player) -> None:
    Player.objects.filter(pk=player.pk).update(status="BARRED")


def _pause(floor: Floor, _: Player) -> None:
    pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Migration of the tiers")


def _forbid(floor: Floor, _: Player) -> None:
    remove_perm("loyalty.adjust", floor.supervisor, floor.program)


def _reach_the_limit(floor: Floor, player: Player) -> None:
    for number in range(LedgerEntry.objects.filter(staff=floor.supervisor).count(), 10):
        (award if number % 2 else adjust)(floor, player, points=number + 1)


class TestAdjustPoints:
    def test_writes_one_entry_and_moves_the_balance_alone(self, floor: Floor, player: Player) -> None:
        award(floor, player, points=900)

        adjustment = adjust(floor, player, points=500)

        entry = LedgerEntry.objects.get(seq=2)
        assert (entry.kind, entry.points, entry.staff, entry.adjusts) == ("ADJUSTMENT", 500, floor.supervisor, None)
        assert (adjustment.posting.entry_id, adjustment.not_taken) == (entry.pk, 0)
        account = account_of(player)
        assert (account.balance, account.lifetime_points, account.tier.name) == (1_400, 900, "Bronze")

    @pytest.mark.parametrize(("asked", "taken", "not_taken"), [(-300, -300, 0), (-500, -500, 0), (-700, -500, 200)])
    def test_takes_what_is_there_and_says_how_much_was_not(
        self, floor: Floor, player: Player, asked: int, taken: int, not_taken: int
    ) -> None:
        award(floor, player, points=500)

        adjustment = adjust(floor, player, points=asked)

        assert (adjustment.posting.points, adjustment.not_taken) == (taken, not_taken)
        assert LedgerEntry.objects.get(seq=2).inputs["request"]["points"] == asked
        assert account_of(player).lifetime_points == 500

    def test_refuses_to_take_from_nothing(self, floor: Floor, player: Player) -> None:
        with refused(InsufficientBalance, "The balance is 0 points: there is nothing to take"):
            adjust(floor, player, points=-1)

    @pytest.mark.parametrize("points", [1, 10_000, -1, 1 - 2**63])
    def test_goes_up_to_its_limits(self, floor: Floor, player: Player, points: int) -> None:
        award(floor, player, points=1)

        adjust(floor, player, points=points)

        assert LedgerEntry.objects.get(seq=2).points == max(points, -1)

    @pytest.mark.parametrize("points", [0, 10_001, -(2**63), True, 1.5, "5"])
    def test_refuses_points_beyond_them(self, floor: Floor, player: Player, points: Any) -> None:
        with refused(InvalidAdjustment, "adds 1 to 10,000 whole points, or takes 1 or more"):
            adjust(floor, player, points=points)

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"reason": "too short"}, InvalidReason),
            ({"adjustment_id": "two words"}, InvalidAdjustment),
            ({"at": "later"}, InvalidTime),
            ({"player": 0}, NotFound),
        ],
    )
    def test_refuses_a_request_that_is_not_whole(
        self, floor: Floor, player: Player, changes: dict[str, Any], error: type[DomainError]
    ) -> None:
        if "at" in changes:
            changes = {"at": floor.now + timedelta(hours=1)}

        with refused(error):
            adjust(floor, **{"player": player, **changes})

    @pytest.mark.parametrize("points", [100, -100])
    @pytest.mark.parametrize(
        ("change", "error"),
        [
            (_forbid, NotPermitted),
            (lambda floor, player: declared(floor.supervisor, player), OwnPlay),
            (_pause, ProgramPaused),
            (_reach_the_limit, AwardRateExceeded),
        ],
    )
    def test_refuses_who_may_not_and_when_it_may_not(
        self,
        floor: Floor,
        player: Player,
        points: int,
        change: Callable[[Floor, Player], object],
        error: type[DomainError],
    ) -> None:
        increment(floor, player, points=1_000)
        change(floor, player)

        with refused(error):
            adjust(floor, player, points=points)

    def test_counts_towards_the_limit_of_awards(self, floor: Floor, player: Player) -> None:
        _reach_the_limit(floor, player)

        with refused(AwardRateExceeded, "10 awards and adjustments in a minute"):
            award(floor, player)

    def test_does_not_count_adjustments_of_play(self, floor: Floor, player: Player) -> None:
        play = LedgerEntry.objects.get(pk=increment(floor, player, kind="GAMEPLAY").entry_id)
        for _ in range(10):
            increment(floor, player, kind="ADJUSTMENT", adjusts=play, staff=floor.supervisor)

        assert not adjust(floor, player).posting.replayed

    @pytest.mark.parametrize("status", [Player.Status.BARRED, Player.Status.INACTIVE])
    def test_takes_from_who_is_not_active_and_gives_nothing(self, floor: Floor, status: Player.Status) -> None:
        player = floor.player()
        award(floor, player)
        Player.objects.filter(pk=player.pk).update(status=status)

        with refused(PlayerNotActive, "no points were added"):
            adjust(floor, player)

        assert adjust(floor, player, points=-40).posting.balance_after == 60

    def test_refuses_a_page_that_showed_fewer_entries(self, floor: Floor, player: Player) -> None:
        award(floor, player)

        with refused(AccountChanged, "1 entry was posted to this account"):
            adjust(floor, player, expected_entries=0)

        assert adjust(floor, player, expected_entries=1).posting.balance_after == 200

    def test_keeps_a_reason_code_and_its_label_without_a_text(self, floor: Floor, player: Player) -> None:
        add_default_codes(floor.casino.pk)

        adjust(floor, player, reason="", reason_code="WRONG_POINTS")

        entry = LedgerEntry.objects.get()
        assert (entry.reason, entry.reason_code) == ("Wrong number of points", "WRONG_POINTS")
        assert entry.inputs["request"]["reason_code"] == "WRONG_POINTS"

    @pytest.mark.parametrize("code", ["WRONG_BET", "NO_SUCH_CODE"])
    def test_refuses_a_code_that_is_not_for_adjustments(self, floor: Floor, player: Player, code: str) -> None:
        add_default_codes(floor.casino.pk)

        with refused(InvalidReasonCode):
            adjust(floor, player, reason_code=code)

    def test_logs_ids_and_nothing_personal(self, floor: Floor, player: Player) -> None:
        award(floor, player)

        with logged() as lines:
            adjust(floor, player, points=-300)
            adjust(floor, player, points=-300)

        assert [line["event"] for line in lines] == ["loyalty.points_adjusted", "loyalty.adjustment_replayed"]
        assert {(line["points"], line["asked_points"]) for line in lines} == {(-100, -300)}

    def test_sends_few_statements(self, floor: Floor, player: Player) -> None:
        award(floor, player)

        assert_at_most(13, statements_of(lambda: adjust(floor, player)))


class TestReplayedAdjustment:
    @pytest.mark.parametrize("adjustment_id", [None, "cage-77"])
    @pytest.mark.parametrize("change", [_bar, _pause, _forbid, _reach_the_limit], ids=lambda one: one.__name__)
    @pytest.mark.shows(18)
    def test_gives_the_first_result_before_every_limit(
        self, floor: Floor, player: Player, change: Callable[[Floor, Player], object], adjustment_id: str | None
    ) -> None:
        award(floor, player, points=30)
        request: dict[str, Any] = {"points": -50, "adjustment_id": adjustment_id, "expected_entries": 1}
        first = adjust(floor, player, **request)
        change(floor, player)
        entries = LedgerEntry.objects.count()

        again = adjust(floor, player, **request)

        assert again == replace(first, posting=replace(first.posting, replayed=True))
        assert (again.not_taken, LedgerEntry.objects.count()) == (20, entries)

    @pytest.mark.shows(19)
    def test_is_a_second_adjustment_on_the_next_gaming_day(self, floor: Floor, player: Player) -> None:
        adjust(floor, player, at=floor.ago(days=1))

        assert not adjust(floor, player).posting.replayed
        assert adjust(floor, player, requested_at=floor.ago(days=1)).posting.replayed

    @pytest.mark.parametrize("changed", ["player", "points", "reason", "staff"])
    @pytest.mark.shows(17)
    def test_names_the_field_that_differs(self, floor: Floor, player: Player, changed: str) -> None:
        colleague: User = StaffFactory.create(casino=floor.casino)
        assign_perm("loyalty.adjust", colleague, floor.program)
        adjust(floor, player, adjustment_id="cage-77")
        other: dict[str, dict[str, Any]] = {
            "player": {"player": floor.player()},
            "points": {"points": -100},
            "reason": {"reason": "Another reason altogether"},
            "staff": {"actor": colleague},
        }

        with refused(IdempotencyConflict, rf"adjustment:cage-77 was already used with a different {changed}\."):
            adjust(floor, **{"player": player, "adjustment_id": "cage-77", **other[changed]})

    def test_tells_a_conflict_only_to_who_may_adjust(self, floor: Floor, player: Player) -> None:
        adjust(floor, player, adjustment_id="cage-77")

        with refused(NotPermitted):
            adjust(floor, player, adjustment_id="cage-77", actor=floor.boss)
