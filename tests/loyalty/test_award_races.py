"""Concurrent requests with one key get the first result, whatever else changes at the same moment."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from guardian.shortcuts import assign_perm, remove_perm

from core.idempotency import IdempotencyConflict
from core.models import Player, User
from core.permissions import NotPermitted
from loyalty.models import LedgerEntry, LoyaltyProgram, ProgramPause
from loyalty.services import LoyaltyPosting
from loyalty.services.accounts import lock_account
from loyalty.services.posting import entry_with_key
from tests import replacing
from tests.concurrency import made_to_wait, together
from tests.factories import StaffFactory
from tests.floor import Floor
from tests.invariants import broken_invariants
from tests.loyalty.postings import award, increment
from tests.loyalty.rows import account_of
from tests.loyalty.test_concurrency import posted

pytestmark = pytest.mark.django_db(transaction=True)


def _drain_the_balance(floor: Floor, player: Player) -> None:
    increment(floor, player, kind=LedgerEntry.Kind.REDEMPTION, points=-100)


def _reach_the_limit(floor: Floor, player: Player) -> None:
    for number in range(9):
        increment(floor, player, kind=LedgerEntry.Kind.MANUAL_BONUS, points=number + 1, staff=floor.supervisor)


def _pause(floor: Floor, _: Player) -> None:
    pause = {"paused_at": floor.now, "paused_by": floor.supervisor}
    LoyaltyProgram.objects.update(**pause, pause_reason="Month-end freeze")
    ProgramPause.objects.create(program=floor.program, **pause, reason="Month-end freeze")


CHANGES: dict[str, Callable[[Floor, Player], object]] = {
    "the balance is drained": _drain_the_balance,
    "the limit is reached": _reach_the_limit,
    "the permission is revoked": lambda floor, _: remove_perm("loyalty.award", floor.supervisor, floor.program),
    "the staff is deactivated": lambda floor, _: User.objects.filter(pk=floor.supervisor.pk).update(is_active=False),
    "the programme is paused": _pause,
}


def _while_it_waits(floor: Floor, player: Player, change: Callable[[Floor, Player], object]) -> Any:
    """The result of the same award sent again while `change` is committed during its wait for the account."""

    def lock_and_change() -> None:
        lock_account(player_id=player.pk, at=floor.now)
        change(floor, player)

    return made_to_wait(lambda: award(floor, player), by=lock_and_change).outcome()


class TestReplayThatWaits:
    @pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
    @pytest.mark.shows(18)
    def test_gives_the_first_result_although_meanwhile(
        self, floor: Floor, player: Player, change: Callable[[Floor, Player], object]
    ) -> None:
        first = award(floor, player)

        again = _while_it_waits(floor, player, change)

        assert again == replace(first, replayed=True)
        assert broken_invariants() == {}

    @pytest.mark.shows(18, 39)
    def test_would_be_refused_without_looking_the_key_up_first(
        self, floor: Floor, player: Player, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        award(floor, player)
        replacing.replace(monkeypatch, entry_with_key, lambda *keys: None)

        again = _while_it_waits(floor, player, CHANGES["the permission is revoked"])

        assert isinstance(again, NotPermitted)


class TestOneReferenceWithManyContents:
    @pytest.mark.shows(17)
    def test_is_one_entry_and_a_conflict_for_every_other(self, floor: Floor, player: Player) -> None:
        colleague = StaffFactory.create(casino=floor.casino)
        assign_perm("loyalty.award", colleague, floor.program)
        asked: dict[str, dict[str, Any]] = {
            "as it was": {},
            "player": {"player": floor.player()},
            "points": {"points": 101},
            "reason": {"reason": "Another reason altogether"},
            "staff": {"actor": colleague},
        }
        calls = [
            partial(award, floor, reward_id="promo-77", **{"player": player, **changes}) for changes in asked.values()
        ]

        outcomes = dict(zip(asked, together(calls), strict=True))

        (winner,) = [name for name, outcome in outcomes.items() if isinstance(outcome, LoyaltyPosting)]
        for name, outcome in outcomes.items():
            if name != winner:
                assert isinstance(outcome, IdempotencyConflict)
                assert outcome.fields == tuple(sorted({name, winner} - {"as it was"}))
        assert LedgerEntry.objects.count() == 1
        assert broken_invariants() == {}


class TestRolloverAtOnce:
    """Both clock changes and an ordinary morning: a minute before six, the form is opened; then many hands send it."""

    @pytest.mark.parametrize("morning", ["2025-06-15", "2025-03-09", "2025-11-02"])
    @pytest.mark.shows(19)
    def test_one_form_sent_before_and_after_is_one_entry(self, floor: Floor, player: Player, morning: str) -> None:
        rollover = datetime.fromisoformat(f"{morning}T06:00").replace(tzinfo=ZoneInfo("America/Los_Angeles"))
        opened = rollover - timedelta(minutes=1)
        sent_at = [rollover + timedelta(seconds=seconds) for seconds in (-2, -1, 0, 1, 2, 60, 300, 3600)]

        outcomes = together([partial(award, floor, player, at=at, requested_at=opened) for at in sent_at])

        assert sorted(posting.replayed for posting in posted(outcomes)) == [False] + [True] * 7
        assert account_of(player).balance == 100

    @pytest.mark.shows(19)
    def test_two_forms_one_of_each_day_are_two_entries(self, floor: Floor, player: Player) -> None:
        rollover = datetime.fromisoformat("2025-06-15T06:00").replace(tzinfo=ZoneInfo("America/Los_Angeles"))
        opened_at = [rollover - timedelta(microseconds=1), rollover] * 4

        outcomes = together([partial(award, floor, player, at=at, requested_at=at) for at in opened_at])

        assert sorted(posting.replayed for posting in posted(outcomes)) == [False] * 2 + [True] * 6
        assert account_of(player).balance == 200
