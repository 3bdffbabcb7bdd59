"""One whole entry taken back, once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from guardian.shortcuts import assign_perm, remove_perm

from core.clock import InvalidTime
from core.errors import DomainError, NotFound
from core.models import Player
from core.permissions import NotPermitted, OwnPlay
from core.reasons.codes import InvalidReasonCode
from core.reasons.defaults import add_default_codes
from loyalty.models import LedgerEntry
from loyalty.services import (
    AccountChanged,
    AlreadyReversed,
    InsufficientBalance,
    InvalidReason,
    NotReversible,
    PlayerNotActive,
    ProgramPaused,
    pause_program,
)
from tests.floor import Floor, declared
from tests.invariants import broken_invariants
from tests.loyalty.postings import adjust, award, increment, reverse
from tests.loyalty.rows import account_of
from tests.refusals import logged, refused
from tests.statements import assert_at_most, statements_of

Post = Callable[[Floor, Player], int]


def _award(floor: Floor, player: Player) -> int:
    return award(floor, player, points=1_000).entry_id


def _take(floor: Floor, player: Player) -> int:
    return adjust(floor, player, points=-300).posting.entry_id


def _redeem(floor: Floor, player: Player) -> int:
    return increment(floor, player, kind="REDEMPTION", points=-200, staff=floor.supervisor, reason="A dinner").entry_id


def _bar(_: Floor, player: Player) -> None:
    Player.objects.filter(pk=player.pk).update(status="BARRED")


def _pause(floor: Floor, _: Player) -> None:
    pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Migration of the tiers")


def _forbid(floor: Floor, _: Player) -> None:
    remove_perm("loyalty.reverse", floor.supervisor, floor.program)


class TestReverseEntry:
    @pytest.mark.parametrize(
        ("post", "points", "lifetime_points", "tier"),
        [(_award, -1_000, 500, "Bronze"), (_take, 300, 500, "Bronze"), (_redeem, 200, 500, "Bronze")],
    )
    def test_gives_back_what_was_before(
        self, floor: Floor, player: Player, post: Post, points: int, lifetime_points: int, tier: str
    ) -> None:
        increment(floor, player, points=500)
        entry_id = post(floor, player)

        posting = reverse(floor, entry_id)

        entry = LedgerEntry.objects.get(pk=posting.entry_id)
        assert (entry.kind, entry.points, entry.reverses_id, entry.staff) == (
            *("REVERSAL", points, entry_id),
            floor.supervisor,
        )
        account = account_of(player)
        assert (account.balance, account.lifetime_points, account.tier.name) == (500, lifetime_points, tier)
        assert broken_invariants() == {}

    def test_lowers_the_tier_and_lifetime_points_to_nothing(self, floor: Floor, player: Player) -> None:
        entry_id = _award(floor, player)
        adjust(floor, player, points=10)

        posting = reverse(floor, entry_id)

        assert (posting.tier_before, posting.tier_after) == ("Silver", "Bronze")
        assert (posting.balance_after, posting.lifetime_points) == (10, 0)

    @pytest.mark.parametrize(
        ("kind", "words"), [("GAMEPLAY", "correct or void it"), ("ADJUSTMENT", "If the slip is not void, correct")]
    )
    def test_refuses_points_of_play(self, floor: Floor, player: Player, kind: str, words: str) -> None:
        play = LedgerEntry.objects.get(pk=increment(floor, player, kind="GAMEPLAY").entry_id)
        increment(floor, player, kind="ADJUSTMENT", adjusts=play)

        with refused(NotReversible, words):
            reverse(floor, LedgerEntry.objects.get(kind=kind))

    @pytest.mark.shows(9)
    def test_refuses_a_reversal_and_what_was_reversed(self, floor: Floor, player: Player) -> None:
        entry_id = _award(floor, player)
        reversal_id = reverse(floor, entry_id).entry_id
        award(floor, player, points=2_000)

        with refused(NotReversible, "itself a reversal"):
            reverse(floor, reversal_id)
        with refused(AlreadyReversed):
            reverse(floor, entry_id, reason="Given to another wrong card")

    def test_refuses_what_another_way_of_posting_reversed(self, floor: Floor, player: Player) -> None:
        entry = LedgerEntry.objects.get(pk=_award(floor, player))
        increment(floor, player, kind="REVERSAL", points=-1_000, reverses=entry, staff=floor.supervisor)
        award(floor, player, points=2_000)

        with refused(AlreadyReversed):
            reverse(floor, entry)

    def test_says_what_is_missing_and_takes_nothing(self, floor: Floor, player: Player) -> None:
        entry_id = _award(floor, player)
        adjust(floor, player, points=-1)

        with refused(InsufficientBalance, "gave 1,000 points, and the balance is 999: 1 point is missing"):
            reverse(floor, entry_id)

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"reason": "too short"}, InvalidReason),
            ({"at": timedelta(hours=1)}, InvalidTime),
            ({"entry": 0}, NotFound),
            ({"expected_entries": 0}, AccountChanged),
        ],
    )
    def test_refuses_a_request_that_is_not_whole(
        self, floor: Floor, player: Player, changes: dict[str, Any], error: type[DomainError]
    ) -> None:
        if "at" in changes:
            changes = {"at": floor.now + changes["at"]}
        entry_id = _award(floor, player)

        with refused(error):
            reverse(floor, **{"entry": entry_id, **changes})

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            (_forbid, NotPermitted),
            (lambda floor, player: declared(floor.supervisor, player), OwnPlay),
            (_pause, ProgramPaused),
        ],
    )
    def test_refuses_who_may_not_and_when_it_may_not(
        self, floor: Floor, player: Player, change: Callable[[Floor, Player], object], error: type[DomainError]
    ) -> None:
        entry_id = _award(floor, player)
        change(floor, player)

        with refused(error):
            reverse(floor, entry_id)

    @pytest.mark.parametrize("status", [Player.Status.BARRED, Player.Status.INACTIVE])
    def test_takes_from_who_is_not_active_and_gives_nothing(self, floor: Floor, status: Player.Status) -> None:
        player = floor.player()
        given = [_award(floor, player), award(floor, player).entry_id]
        taken = [_take(floor, player), _redeem(floor, player)]
        Player.objects.filter(pk=player.pk).update(status=status)

        for entry_id in taken:
            with refused(PlayerNotActive, "the points cannot be given back"):
                reverse(floor, entry_id)

        assert reverse(floor, given[1]).balance_after == 500

    def test_has_no_limit_a_minute(self, floor: Floor, player: Player) -> None:
        given = [award(floor, player, points=points).entry_id for points in range(1, 11)]

        assert [reverse(floor, entry_id).points for entry_id in given] == [-points for points in range(1, 11)]

    def test_keeps_its_reason_code_and_refuses_one_of_something_else(self, floor: Floor, player: Player) -> None:
        add_default_codes(floor.casino.pk)
        entry_id = _award(floor, player)
        with refused(InvalidReasonCode):
            reverse(floor, entry_id, reason_code="WRONG_BET")

        reverse(floor, entry_id, reason="", reason_code="WRONG_PLAYER")

        reversal = LedgerEntry.objects.get(kind="REVERSAL")
        assert (reversal.reason, reversal.reason_code) == ("Wrong player", "WRONG_PLAYER")

    def test_logs_ids_and_nothing_personal(self, floor: Floor, player: Player) -> None:
        entry_id = _award(floor, player)

        with logged() as lines:
            reverse(floor, entry_id)
            reverse(floor, entry_id)

        assert [line["event"] for line in lines] == ["loyalty.entry_reversed", "loyalty.reversal_replayed"]
        assert {line["reversed_id"] for line in lines} == {entry_id}

    def test_sends_few_statements(self, floor: Floor, player: Player) -> None:
        entry_id = _award(floor, player)

        assert_at_most(13, statements_of(lambda: reverse(floor, entry_id)))


class TestReplayedReversal:
    @pytest.mark.parametrize("change", [_bar, _pause, _forbid], ids=lambda one: one.__name__)
    @pytest.mark.shows(18)
    def test_gives_the_first_result_for_ever(
        self, floor: Floor, player: Player, change: Callable[[Floor, Player], object]
    ) -> None:
        entry_id = award(floor, player, at=floor.ago(days=3)).entry_id
        first = reverse(floor, entry_id, at=floor.ago(days=2), expected_entries=1)
        change(floor, player)

        again = reverse(floor, entry_id, reason="GIVEN to the wrong  card", expected_entries=1)

        assert again == replace(first, replayed=True)
        assert LedgerEntry.objects.count() == 2

    @pytest.mark.shows(17)
    def test_is_none_for_another_person_or_reason(self, floor: Floor, player: Player) -> None:
        entry_id = _award(floor, player)
        reverse(floor, entry_id)

        with refused(NotPermitted):
            reverse(floor, entry_id, actor=floor.boss)
        assign_perm("loyalty.reverse", floor.boss, floor.program)
        with refused(AlreadyReversed):
            reverse(floor, entry_id, actor=floor.boss)
