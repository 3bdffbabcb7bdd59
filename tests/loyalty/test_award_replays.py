"""One request, one entry: the gaming day's key, the other system's key, and what counts as the same."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from guardian.shortcuts import assign_perm, remove_perm

from core.idempotency import IdempotencyConflict
from core.models import Player, User
from core.permissions import NotPermitted
from core.text import folded
from loyalty.models import LedgerEntry
from loyalty.services import AwardRateExceeded, pause_program
from tests.factories import StaffFactory
from tests.floor import Floor
from tests.loyalty.postings import award, increment
from tests.loyalty.rows import account_of
from tests.refusals import refused

LOS_ANGELES = ZoneInfo("America/Los_Angeles")


def _local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LOS_ANGELES).astimezone(UTC)


def _drain_the_balance(floor: Floor, player: Player) -> None:
    increment(floor, player, kind=LedgerEntry.Kind.REDEMPTION, points=-account_of(player).balance)


def _reach_the_limit(floor: Floor, player: Player) -> None:
    for points in range(1, 10):
        award(floor, player, points=points)


def _pause(floor: Floor, player: Player) -> None:
    pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Migration of the tiers")


CHANGES_SINCE: dict[str, Callable[[Floor, Player], object]] = {
    "the balance is drained": _drain_the_balance,
    "the limit is reached": _reach_the_limit,
    "the permission is revoked": lambda floor, _: remove_perm("loyalty.award", floor.supervisor, floor.program),
    "the staff is deactivated": lambda floor, _: User.objects.filter(pk=floor.supervisor.pk).update(is_active=False),
    "the programme is paused": _pause,
    "the player is barred": lambda _, player: Player.objects.filter(pk=player.pk).update(status="BARRED"),
}


class TestReplayedAward:
    def test_gives_back_the_first_entry_when_repeated_the_same_day(self, floor: Floor, player: Player) -> None:
        first = award(floor, player)
        again = award(floor, player)

        assert again == replace(first, replayed=True)
        assert LedgerEntry.objects.count() == 1
        assert account_of(player).balance == 100

    @pytest.mark.parametrize("change", CHANGES_SINCE.values(), ids=CHANGES_SINCE.keys())
    @pytest.mark.shows(18)
    def test_comes_before_every_limit(self, floor: Floor, change: Callable[[Floor, Player], object]) -> None:
        player = floor.player()
        first = award(floor, player)
        change(floor, player)
        entries = LedgerEntry.objects.count()

        again = award(floor, player)

        assert again == replace(first, replayed=True)
        assert LedgerEntry.objects.count() == entries

    @pytest.mark.parametrize("reward_id", ["promo-77", "a/b:c.d_e-f", "x" * 100])
    def test_knows_another_systems_reward_for_ever(self, floor: Floor, player: Player, reward_id: str) -> None:
        first = award(floor, player, reward_id=reward_id, at=floor.ago(days=40))

        again = award(floor, player, reward_id=reward_id)

        assert again == replace(first, replayed=True)
        assert LedgerEntry.objects.get().idempotency_key == f"reward:{reward_id}"

    @pytest.mark.parametrize("reward_id", [None, "promo-77"])
    @pytest.mark.parametrize(
        "again",
        [
            "  Café für Straße 5 m² ",
            "Cafe\u0301 fu\u0308r Straße 5 m²",
            "CAFÉ FÜR STRASSE 5 M²",
            "café  für\nstraße\t5 m²",
            "Ｃａｆé für Straße 5 m2",
        ],
        ids=["around", "form", "case", "spaces", "width"],
    )
    def test_compares_the_normalised_reason_and_keeps_what_was_typed(
        self, floor: Floor, player: Player, again: str, reward_id: str | None
    ) -> None:
        typed = "Café für Straße 5 m²"
        award(floor, player, reason=typed, reward_id=reward_id)

        assert award(floor, player, reason=again, reward_id=reward_id).replayed
        kept = LedgerEntry.objects.get()
        assert (kept.reason, kept.inputs["request"]["reason"]) == (typed, "café für strasse 5 m2")

    def test_counts_invisible_characters_of_the_reason_as_nothing(self) -> None:
        assert folded("Birth\u00adday ✨\ufe0f of a\u200d guest") == folded("birthday ✨ of a guest")

    @pytest.mark.parametrize("change", [{"points": 101}, {"reason": "Another reason altogether"}])
    def test_is_another_award_where_its_contents_differ(self, floor: Floor, change: dict[str, Any]) -> None:
        player = floor.player()
        award(floor, player)

        award(floor, player, **change)

        assert LedgerEntry.objects.count() == 2

    def test_is_another_award_where_somebody_else_makes_it(self, floor: Floor, player: Player) -> None:
        award(floor, player)
        assign_perm("loyalty.award", floor.boss, floor.program)

        award(floor, player, actor=floor.boss)

        assert LedgerEntry.objects.count() == 2


class TestConflictingAward:
    @pytest.mark.parametrize("field", ["player", "points", "reason", "staff"])
    @pytest.mark.shows(17)
    def test_names_the_field_that_differs_and_changes_nothing(self, floor: Floor, field: str) -> None:
        player, other = floor.player(), floor.player()
        colleague = StaffFactory.create(casino=floor.casino)
        assign_perm("loyalty.award", colleague, floor.program)
        request: dict[str, Any] = {"player": player, "reward_id": "promo-77"}
        award(floor, **request)
        changed: dict[str, dict[str, Any]] = {
            "player": {"player": other},
            "points": {"points": 101},
            "reason": {"reason": "Another reason altogether"},
            "staff": {"actor": colleague},
        }

        with refused(IdempotencyConflict, rf"reward:promo-77 was already used with a different {field}\."):
            award(floor, **request | changed[field])

    def test_is_told_only_to_who_may_award(self, floor: Floor, player: Player) -> None:
        award(floor, floor.player(), reward_id="promo-77")

        with refused(NotPermitted):
            award(floor, player, reward_id="promo-77", actor=floor.boss)

    def test_is_told_before_the_limits(self, floor: Floor) -> None:
        player = floor.player(status="BARRED")
        award(floor, floor.player(), reward_id="promo-77")

        with refused(IdempotencyConflict):
            award(floor, player, reward_id="promo-77")


class TestAwardAcrossGamingDays:
    @pytest.mark.shows(19)
    def test_is_one_entry_in_the_hour_that_comes_twice(self, floor: Floor, player: Player) -> None:
        first_one_oclock = _local("2025-11-02T01:30")
        second_one_oclock = first_one_oclock + timedelta(hours=1)

        award(floor, player, at=first_one_oclock)

        assert award(floor, player, at=second_one_oclock).replayed

    @pytest.mark.parametrize("rollover", ["2025-06-15T06:00", "2025-03-09T06:00", "2025-11-02T06:00"])
    def test_is_one_entry_when_repeated_after_the_rollover(self, floor: Floor, player: Player, rollover: str) -> None:
        opened = _local(rollover) - timedelta(minutes=1)
        first = award(floor, player, at=opened + timedelta(seconds=30), requested_at=opened)

        again = award(floor, player, at=opened + timedelta(minutes=2), requested_at=opened)

        assert again == replace(first, replayed=True)

    def test_belongs_to_the_day_on_which_the_form_was_opened(self, floor: Floor) -> None:
        opened = _local("2025-06-15T05:59")

        award(floor, floor.player(), at=opened + timedelta(minutes=5), requested_at=opened)

        assert LedgerEntry.objects.get().gaming_day == date(2025, 6, 14)


class TestAwardRate:
    def _make_ten(self, floor: Floor, player: Player) -> datetime:
        start = floor.ago(minutes=10)
        for number in range(10):
            award(floor, player, points=number + 1, at=start + timedelta(seconds=number))
        return start

    def test_lets_ten_a_minute_pass_and_refuses_the_eleventh(self, floor: Floor, player: Player) -> None:
        start = self._make_ten(floor, player)

        with refused(AwardRateExceeded, "10 awards and adjustments in a minute"):
            award(floor, player, points=11, at=start + timedelta(seconds=59, microseconds=999_999))

    def test_counts_awards_to_every_player(self, floor: Floor, player: Player) -> None:
        start = self._make_ten(floor, floor.player())

        with refused(AwardRateExceeded):
            award(floor, player, at=start + timedelta(seconds=10))

    def test_slides_so_that_the_first_makes_room_a_minute_later(self, floor: Floor, player: Player) -> None:
        start = self._make_ten(floor, player)

        award(floor, player, points=11, at=start + timedelta(seconds=60))

        with refused(AwardRateExceeded):
            award(floor, player, points=12, at=start + timedelta(seconds=60))

    @pytest.mark.shows(32)
    def test_does_not_count_replays(self, floor: Floor, player: Player) -> None:
        for _ in range(12):
            award(floor, player)

        assert not award(floor, player, points=101).replayed

    def test_counts_each_member_of_staff_alone(self, floor: Floor, player: Player) -> None:
        start = self._make_ten(floor, player)
        assign_perm("loyalty.award", floor.boss, floor.program)

        assert not award(floor, player, actor=floor.boss, at=start + timedelta(seconds=10)).replayed

    def test_does_not_count_what_the_system_posted(self, floor: Floor, player: Player) -> None:
        for _ in range(10):
            increment(floor, player, points=5, staff=floor.supervisor)

        assert not award(floor, player).replayed
