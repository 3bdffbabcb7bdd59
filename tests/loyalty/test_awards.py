"""Points awarded by hand: who may, how many, why, and what is written."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from guardian.shortcuts import remove_perm

from core import correlation
from core.clock import InvalidTime
from core.errors import NotFound
from core.idempotency import fingerprint
from core.models import Player
from core.permissions import NotPermitted, OwnPlay
from loyalty.models import LedgerEntry
from loyalty.services import (
    InvalidAward,
    InvalidReason,
    NoLoyaltyProgram,
    PlayerNotActive,
    ProgramPaused,
    pause_program,
)
from tests.factories import CasinoFactory, PlayerFactory
from tests.floor import Floor, declared
from tests.loyalty.postings import REASON, award
from tests.loyalty.rows import account_of
from tests.refusals import logged, refused

# Characters that nobody sees; of these, keyboards write some within words and emoji.
KEYBOARDS = "\u200c\u200d\u200e\u200f\u061c\ufe0f\u2060"
UNSEEN = (
    *KEYBOARDS,
    *("\u2800", "\u3164", "\u115f", "\uffa0", "\u200b", "\ufeff", "\u00ad", "\u034f", "\u180e", "\U000e0041"),
    *("\u202e", "\u2066", "\u2028", "\x85"),
)
WRITTEN = (
    *(f"long{space}wait{space}for{space}a{space}seat" for space in "\u00a0\u202f\u2009\u3000"),
    *(
        "می\u200cخواهم بازی کنم",
        "family night 👨\u200d👩\u200d👧 ❤\ufe0f",
        "יום \u200fהולדת שמח",
        "चाय\u200d के लिए इंतज़ार",
    ),
)


class TestManualReward:
    def test_writes_one_entry_with_its_staff_and_moves_the_balance(self, floor: Floor, player: Player) -> None:
        correlation_id = uuid.uuid4()

        with correlation.bound(correlation_id):
            posting = award(floor, player, reason=f"  {REASON}\n")

        entry = LedgerEntry.objects.get()
        account = account_of(player)
        assert (entry.kind, entry.points, entry.reason) == ("MANUAL_BONUS", 100, REASON)
        assert (entry.staff, entry.seq, entry.correlation_id) == (floor.supervisor, 1, correlation_id)
        assert entry.gaming_day == floor.casino.gaming_day_at(floor.now)
        assert (account.balance, account.lifetime_points, account.entry_count) == (100, 100, 1)
        assert (posting.entry_id, posting.replayed) == (entry.pk, False)

    def test_keeps_what_was_asked_for_with_the_entry(self, floor: Floor, player: Player) -> None:
        award(floor, player)

        assert LedgerEntry.objects.get().inputs["request"] == {
            "kind": "MANUAL_BONUS",
            "player": player.pk,
            "staff": floor.supervisor.pk,
            "points": 100,
            "reason": REASON.casefold(),
        }

    def test_keeps_when_the_form_was_opened(self, floor: Floor) -> None:
        award(floor, floor.player(), requested_at=floor.ago(hours=1))

        requested_at = LedgerEntry.objects.get().inputs["calculation"]["requested_at"]
        assert requested_at.startswith(f"{floor.ago(hours=1):%Y-%m-%dT%H:%M:%S}")

    def test_opens_the_account_of_a_player_who_has_none(self, floor: Floor) -> None:
        newcomer = Player(casino=floor.casino, card_number="1001", first_name="José", last_name="Nguyễn")
        Player.objects.bulk_create([newcomer])  # past the signal that opens the account

        award(floor, newcomer)

        assert (account_of(newcomer).balance, account_of(newcomer).updated_at) == (100, floor.now)

    def test_has_the_same_key_in_every_version_of_the_program(self, floor: Floor) -> None:
        award(floor, floor.player())

        entry = LedgerEntry.objects.get()
        asked = entry.inputs["request"] | {"gaming_day": str(entry.gaming_day)}
        assert entry.idempotency_key == f"manual:{fingerprint(asked)}"

    def test_logs_ids_and_nothing_personal(self, floor: Floor, player: Player) -> None:
        with logged() as lines:
            posting = award(floor, player)
            award(floor, player)

        assert [line["event"] for line in lines] == ["loyalty.points_posted", "loyalty.reward_replayed"]
        assert {line["entry_id"] for line in lines} == {posting.entry_id}
        assert {line["actor_id"] for line in lines} == {floor.supervisor.pk}
        assert REASON not in str(lines)

    def test_takes_the_player_by_id_as_well(self, floor: Floor, player: Player) -> None:
        posting = award(floor, player.pk)  # type: ignore[arg-type]

        assert posting.player_id == player.pk

    @pytest.mark.parametrize("points", [1, 10_000])
    def test_goes_up_to_its_limits(self, floor: Floor, points: int) -> None:
        assert award(floor, floor.player(), points=points).points == points

    @pytest.mark.parametrize("points", [0, -1, 10_001, 10**30, True, 1.0, "100", None])
    @pytest.mark.shows(8)
    def test_refuses_points_beyond_them(self, floor: Floor, player: Player, points: Any) -> None:
        with refused(InvalidAward, "1 to 10,000 whole points"):
            award(floor, player, points=points)

    @pytest.mark.parametrize(
        "reason",
        [
            *("", "too short", " " * 20, "  too short  ", "x" * 501, "with a nul \0 inside", "an escape \x1b[2J here"),
            *("a         b", *(unseen * 20 for unseen in UNSEEN), *(f"a{unseen * 20}b" for unseen in UNSEEN)),
            *(f"a long wait{unseen}for a seat" for unseen in UNSEEN if unseen not in KEYBOARDS),
        ],
    )
    def test_refuses_a_reason_that_is_too_short_or_no_text(self, floor: Floor, player: Player, reason: str) -> None:
        with refused(InvalidReason, "Write a reason of 10 to 500 characters|characters that cannot be shown"):
            award(floor, player, reason=reason)

    @pytest.mark.parametrize(
        "reason", ["ten chars!", "   ten chars!   ", "x" * 500, "Anniversaire — 25 ans\nde José", *WRITTEN]
    )
    def test_takes_a_reason_of_ten_to_five_hundred_characters(self, floor: Floor, reason: str) -> None:
        award(floor, floor.player(), reason=reason)

        assert LedgerEntry.objects.get().reason == reason.strip()

    @pytest.mark.parametrize("reward_id", ["", " ", "two words", "é", "x" * 101, "a\nb", "a\n"])
    def test_refuses_a_reward_id_that_cannot_be_one(self, floor: Floor, player: Player, reward_id: str) -> None:
        with refused(InvalidAward, "reward id"):
            award(floor, player, reward_id=reward_id)

    def test_refuses_a_time_in_the_future(self, floor: Floor, player: Player) -> None:
        with refused(InvalidTime, "future"):
            award(floor, player, at=floor.now + timedelta(hours=1))

    def test_refuses_a_future_time_even_with_an_earlier_form(self, floor: Floor, player: Player) -> None:
        with refused(InvalidTime, "future"):
            award(floor, player, at=floor.now + timedelta(hours=1), requested_at=floor.now)

    def test_refuses_a_form_opened_at_a_time_without_zone(self, floor: Floor, player: Player) -> None:
        with refused(InvalidTime, "time zone"):
            award(floor, player, requested_at=floor.ago(hours=1).replace(tzinfo=None))

    def test_refuses_a_form_that_was_opened_after_it_was_sent(self, floor: Floor, player: Player) -> None:
        with refused(InvalidTime):
            award(floor, player, at=floor.ago(hours=1), requested_at=floor.now)

    def test_refuses_a_form_open_for_more_than_a_day(self, floor: Floor, player: Player) -> None:
        award(floor, player, requested_at=floor.ago(days=1))

        with refused(InvalidTime, "open for more than a day"):
            award(floor, player, requested_at=floor.ago(days=1, microseconds=1))

    def test_refuses_a_player_who_does_not_exist(self, floor: Floor) -> None:
        with refused(NotFound, "no player 0"):
            award(floor, 0)  # type: ignore[arg-type]

    def test_refuses_a_casino_without_a_programme(self, floor: Floor) -> None:
        elsewhere = PlayerFactory.create(casino=CasinoFactory.create())

        with refused(NoLoyaltyProgram):
            award(floor, elsewhere)

    def test_refuses_who_was_not_granted_it(self, floor: Floor, player: Player) -> None:
        with refused(NotPermitted, "Can award points by hand"):
            award(floor, player, actor=floor.boss)

    @pytest.mark.shows(33)
    def test_refuses_who_lost_it_between_page_and_post(self, floor: Floor, player: Player) -> None:
        remove_perm("loyalty.award", floor.supervisor, floor.program)

        with refused(NotPermitted):
            award(floor, player)

    def test_refuses_an_award_to_oneself(self, floor: Floor, player: Player) -> None:
        declared(floor.supervisor, player)

        with refused(OwnPlay, "ask a colleague"):
            award(floor, player)

    @pytest.mark.parametrize("status", [Player.Status.BARRED, Player.Status.INACTIVE])
    def test_refuses_a_player_who_is_not_active(self, floor: Floor, status: Player.Status) -> None:
        player = floor.player(status=status)

        with refused(PlayerNotActive, status.label.lower()):
            award(floor, player)

    def test_refuses_while_the_programme_is_paused_and_says_why(self, floor: Floor, player: Player) -> None:
        pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Migration of the tiers")

        with refused(ProgramPaused, "Migration of the tiers"):
            award(floor, player)
