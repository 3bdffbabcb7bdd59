"""The locked building block: one entry and a new balance, or nothing."""

from dataclasses import asdict, replace
from decimal import Decimal
from typing import Any

import pytest

from core.errors import NotFound
from core.idempotency import IdempotencyConflict
from core.models import Player
from loyalty.invariants import KIND_RULES
from loyalty.models import LedgerEntry
from loyalty.services import InsufficientBalance, LoyaltyPosting, ProgramPaused, pause_program
from tests.factories import CompTypeFactory
from tests.floor import Floor
from tests.loyalty.postings import award, increment
from tests.loyalty.rows import account_of
from tests.refusals import refused

EntryKind = LedgerEntry.Kind
# Points that an entry of each kind may have. A reversal has those of the entry that it reverses.
POINTS = {
    EntryKind.GAMEPLAY: 100,
    EntryKind.MANUAL_BONUS: 100,
    EntryKind.PROMOTION: 100,
    EntryKind.ADJUSTMENT: -100,
    EntryKind.REDEMPTION: -100,
}


def _entry(posting: LoyaltyPosting) -> LedgerEntry:
    return LedgerEntry.objects.get(pk=posting.entry_id)


class TestIncrementPlayerLoyalty:
    def test_belongs_to_the_player_s_casino(self, floor: Floor) -> None:
        Floor.build()

        posting = award(floor, floor.player())

        assert LedgerEntry.objects.get(pk=posting.entry_id).casino == floor.casino

    def test_keeps_who_posted_it_by_hand(self, floor: Floor) -> None:
        increment(floor, floor.player(), kind=EntryKind.ADJUSTMENT, staff=floor.supervisor)

        assert LedgerEntry.objects.get().staff == floor.supervisor

    def test_keeps_what_the_points_were_made_of(self, floor: Floor) -> None:
        increment(floor, floor.player(), calculation={"multiplier": "1.5"})

        assert LedgerEntry.objects.get().inputs["calculation"] == {"multiplier": "1.5"}

    def test_returns_the_nine_values_that_every_entry_proves_itself_with(self, floor: Floor, player: Player) -> None:
        increment(floor, player, points=900)

        posting = increment(floor, player, points=578)

        values = asdict(posting)
        assert values.pop("entry_id") == LedgerEntry.objects.get(seq=2).pk
        assert (values.pop("points"), values.pop("replayed"), values.pop("next_tier")) == (578, False, "Gold")
        assert values == {
            "player_id": player.pk,
            "balance_before": 900,
            "balance_after": 1_478,
            "tier_before": "Bronze",
            "tier_after": "Silver",
            "tier_progress": 11,  # 478 of 4,000
            "lifetime_points": 1_478,
            "updated_at": floor.now,
            "row_locked": True,
        }

    def test_writes_before_and_after_in_entry_and_account(self, floor: Floor, player: Player) -> None:
        increment(floor, player, points=900)

        posting = increment(floor, player, points=578)

        entry = LedgerEntry.objects.get(pk=posting.entry_id)
        account = account_of(player)
        assert (entry.seq, entry.balance_before, entry.balance_after) == (2, 900, 1_478)
        assert (entry.lifetime_points_before, entry.lifetime_points_after) == (900, 1_478)
        assert (entry.tier_before.name, entry.tier_after.name) == ("Bronze", "Silver")
        assert (account.balance, account.lifetime_points, account.tier.name) == (1_478, 1_478, "Silver")
        assert (account.entry_count, account.updated_at) == (2, floor.now)

    @pytest.mark.parametrize(
        ("points", "tier"),
        [(999, "Bronze"), (1_000, "Silver"), (4_999, "Silver"), (5_000, "Gold"), (20_000, "Platinum")],
    )
    def test_raises_the_tier_when_its_threshold_is_reached(self, floor: Floor, points: int, tier: str) -> None:
        assert increment(floor, floor.player(), points=points).tier_after == tier

    def test_refuses_to_take_more_than_there_is(self, floor: Floor, player: Player) -> None:
        increment(floor, player)
        CompTypeFactory.create(program=floor.program)

        with refused(InsufficientBalance, "The balance is 100 points; 101 cannot be taken"):
            increment(floor, player, kind=EntryKind.REDEMPTION, points=-101)

    def test_takes_the_whole_balance_but_no_lifetime_points_or_tier(self, floor: Floor, player: Player) -> None:
        increment(floor, player, points=1_000)

        posting = increment(floor, player, kind=EntryKind.REDEMPTION, points=-1_000)

        assert (posting.balance_after, posting.lifetime_points, posting.tier_after) == (0, 1_000, "Silver")

    @pytest.mark.parametrize("kind", [kind for kind in EntryKind if kind != EntryKind.REVERSAL])
    def test_changes_lifetime_points_by_the_rule_of_its_kind(
        self, floor: Floor, player: Player, kind: LedgerEntry.Kind
    ) -> None:
        increment(floor, player, points=500)

        posting = increment(floor, player, kind=kind, points=POINTS[kind], staff=floor.supervisor)

        earned = POINTS[kind] if KIND_RULES[kind].is_earned else 0
        assert (posting.balance_after, posting.lifetime_points) == (500 + POINTS[kind], 500 + earned)

    @pytest.mark.parametrize("points", [-300, 300])
    def test_lets_an_adjustment_move_the_balance_alone(self, floor: Floor, player: Player, points: int) -> None:
        increment(floor, player, points=400)

        posting = increment(floor, player, kind=EntryKind.ADJUSTMENT, points=points, staff=floor.supervisor)

        assert (posting.balance_after, posting.lifetime_points) == (400 + points, 400)

    @pytest.mark.parametrize(("points", "lifetime_points", "tier"), [(600, 1_100, "Silver"), (-500, 0, "Bronze")])
    def test_lets_an_adjustment_of_play_move_lifetime_points_and_tier(
        self, floor: Floor, player: Player, points: int, lifetime_points: int, tier: str
    ) -> None:
        play = _entry(increment(floor, player, kind=EntryKind.GAMEPLAY, points=500))

        posting = increment(floor, player, kind=EntryKind.ADJUSTMENT, points=points, adjusts=play)

        assert (posting.balance_after, posting.lifetime_points) == (500 + points, lifetime_points)
        assert posting.tier_after == tier

    @pytest.mark.parametrize(
        ("kind", "points", "adjusted"),
        [
            (EntryKind.ADJUSTMENT, 10, EntryKind.PROMOTION),
            (EntryKind.PROMOTION, 10, EntryKind.GAMEPLAY),
            (EntryKind.REVERSAL, -100, EntryKind.GAMEPLAY),
        ],
    )
    def test_adjusts_play_alone_and_by_an_adjustment(
        self, floor: Floor, player: Player, kind: EntryKind, points: int, adjusted: EntryKind
    ) -> None:
        play = _entry(increment(floor, player, kind=adjusted))

        with pytest.raises(ValueError, match="only an adjustment names an entry"):
            increment(
                floor, player, kind=kind, points=points, adjusts=play, reverses=play if kind == "REVERSAL" else None
            )

    def test_adjusts_play_of_the_same_account(self, floor: Floor, player: Player) -> None:
        play = _entry(increment(floor, player, kind=EntryKind.GAMEPLAY))

        with pytest.raises(ValueError, match="of the same account"):
            increment(floor, floor.player(), kind=EntryKind.ADJUSTMENT, adjusts=play)

    def test_names_a_comp_type_for_a_redemption_alone(self, floor: Floor, player: Player) -> None:
        dinner = CompTypeFactory.create(program=floor.program)

        for kind, comp_type in ((EntryKind.REDEMPTION, None), (EntryKind.PROMOTION, dinner)):
            with pytest.raises(ValueError, match="names a comp type"):
                increment(floor, player, kind=kind, points=POINTS[kind], comp_type=comp_type)

    def test_keeps_comp_type_and_reason_code(self, floor: Floor, player: Player) -> None:
        increment(floor, player, reason_code="PROMOTION")

        taken = _entry(increment(floor, player, kind=EntryKind.REDEMPTION, points=-1))

        assert taken.comp_type == CompTypeFactory.create(program=floor.program)
        assert list(LedgerEntry.objects.order_by("pk").values_list("reason_code", flat=True)) == ["PROMOTION", None]

    def test_refuses_while_the_programme_is_paused(self, floor: Floor, player: Player) -> None:
        pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Month-end freeze")

        with refused(ProgramPaused):
            increment(floor, player)

    def test_refuses_a_player_who_does_not_exist(self, floor: Floor) -> None:
        with refused(NotFound):
            increment(floor, 0)  # type: ignore[arg-type]

    def test_holds_at_the_largest_values(self, floor: Floor, player: Player) -> None:
        most = 7_440_000_000_000_000  # a month at the largest bet, rate and multiplier

        assert increment(floor, player, points=most).balance_after == most

    @pytest.mark.parametrize("points", [0, 1.5, Decimal(2), True, "3"])
    def test_takes_whole_points_alone(self, floor: Floor, player: Player, points: Any) -> None:
        with pytest.raises(ValueError, match="whole number other than 0"):
            increment(floor, player, points=points)

    @pytest.mark.parametrize("key", ["k", "k" * 200])
    def test_takes_a_key_of_every_length_allowed(self, floor: Floor, key: str) -> None:
        increment(floor, floor.player(), idempotency_key=key)

        assert LedgerEntry.objects.get().idempotency_key == key

    @pytest.mark.parametrize("key", ["", "k" * 201])
    def test_takes_no_key_that_the_ledger_cannot_hold(self, floor: Floor, player: Player, key: str) -> None:
        with pytest.raises(ValueError, match="1 to 200 characters"):
            increment(floor, player, idempotency_key=key)


class TestReplayedIncrement:
    @pytest.mark.parametrize("points", [100, 1_478])
    def test_gives_the_first_result_again_whatever_came_in_between(self, floor: Floor, points: int) -> None:
        player = floor.player()
        first = increment(floor, player, points=points, idempotency_key="once")
        increment(floor, player, kind=EntryKind.REDEMPTION, points=-points)
        pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Month-end freeze")

        again = increment(floor, player, points=points, idempotency_key="once")

        assert again == replace(first, replayed=True)

    @pytest.mark.parametrize("field", ["kind", "player", "points", "reason", "staff"])
    @pytest.mark.shows(17)
    def test_names_the_field_that_differs_and_changes_nothing(self, floor: Floor, field: str) -> None:
        request: dict[str, Any] = {"player": floor.player(), "idempotency_key": "once"}
        changed: dict[str, Any] = {
            "kind": EntryKind.ADJUSTMENT,
            "player": floor.player(),
            "points": 101,
            "reason": "Triple points on Mondays",
            "staff": floor.supervisor,
        }
        increment(floor, **request)

        with refused(IdempotencyConflict, rf"once was already used with a different {field}\."):
            increment(floor, **request | {field: changed[field]})

    def test_names_every_field_that_differs(self, floor: Floor) -> None:
        player, other = floor.player(), floor.player()
        increment(floor, player, idempotency_key="once")

        with pytest.raises(IdempotencyConflict) as conflict:
            increment(floor, other, idempotency_key="once", points=1, reason="Triple points on Mondays")

        assert (conflict.value.key, conflict.value.fields) == ("once", ("player", "points", "reason"))

    def test_names_the_entry_that_another_request_reversed(self, floor: Floor, player: Player) -> None:
        postings = [increment(floor, player) for _ in range(2)]
        first, second = (LedgerEntry.objects.get(pk=posting.entry_id) for posting in postings)
        reversal: dict[str, Any] = {"kind": EntryKind.REVERSAL, "points": -100, "idempotency_key": "once"}
        increment(floor, player, reverses=first, **reversal)

        with refused(IdempotencyConflict, r"a different reverses\."):
            increment(floor, player, reverses=second, **reversal)

    @pytest.mark.parametrize("field", ["adjusts", "reason_code"])
    def test_names_what_the_first_request_did_not_give(self, floor: Floor, player: Player, field: str) -> None:
        play = _entry(increment(floor, player, kind=EntryKind.GAMEPLAY))
        once: dict[str, Any] = {"kind": EntryKind.ADJUSTMENT, "idempotency_key": "once"}
        increment(floor, player, **once)

        with refused(IdempotencyConflict, f"a different {field.replace('_', ' ')}"):
            increment(floor, player, **once, **{field: play if field == "adjusts" else "PROMOTION"})

    def test_tells_an_award_and_a_promotion_of_one_key_apart(self, floor: Floor, player: Player) -> None:
        award(floor, player, reward_id="77", reason="Double points on Tuesdays")

        with refused(IdempotencyConflict, "different kind, reverses, staff"):
            increment(floor, player, idempotency_key="reward:77")


class TestReversal:
    def _reverse(self, floor: Floor, entry: LedgerEntry, **changes: Any) -> Any:
        reversal = {"kind": EntryKind.REVERSAL, "points": -entry.points, "reverses": entry, "staff": floor.supervisor}
        return increment(floor, entry.account.player, **(reversal | changes))

    def test_takes_lifetime_points_and_tier_back_with_an_earning(self, floor: Floor) -> None:
        first = LedgerEntry.objects.get(pk=increment(floor, floor.player(), points=1_000).entry_id)

        posting = self._reverse(floor, first)

        assert (posting.balance_after, posting.lifetime_points) == (0, 0)
        assert (posting.tier_before, posting.tier_after) == ("Silver", "Bronze")

    def test_gives_a_redemption_back_without_lifetime_points(self, floor: Floor, player: Player) -> None:
        increment(floor, player, points=500)
        taken = LedgerEntry.objects.get(pk=increment(floor, player, kind=EntryKind.REDEMPTION, points=-200).entry_id)

        posting = self._reverse(floor, taken)

        assert (posting.balance_after, posting.lifetime_points) == (500, 500)

    def test_cannot_take_back_what_is_spent(self, floor: Floor, player: Player) -> None:
        first = LedgerEntry.objects.get(pk=increment(floor, player).entry_id)
        increment(floor, player, kind=EntryKind.REDEMPTION, points=-1)

        with refused(InsufficientBalance):
            self._reverse(floor, first)

    @pytest.mark.parametrize(
        "changes", [{"points": -99}, {"points": 100}, {"reverses": None}, {"kind": EntryKind.ADJUSTMENT}]
    )
    def test_is_one_whole_entry_with_the_opposite_sign(self, floor: Floor, changes: dict[str, Any]) -> None:
        first = LedgerEntry.objects.get(pk=increment(floor, floor.player()).entry_id)

        with pytest.raises(ValueError, match="a reversal"):
            self._reverse(floor, first, **changes)

        assert LedgerEntry.objects.count() == 1

    def test_is_of_the_same_account(self, floor: Floor) -> None:
        first = LedgerEntry.objects.get(pk=increment(floor, floor.player()).entry_id)
        other = floor.player()
        increment(floor, other)

        with pytest.raises(ValueError, match="same account"):
            increment(floor, other, kind=EntryKind.REVERSAL, points=-100, reverses=first)

    @pytest.mark.shows(9)
    def test_is_never_reversed_itself(self, floor: Floor) -> None:
        first = LedgerEntry.objects.get(pk=increment(floor, floor.player()).entry_id)
        reversal = LedgerEntry.objects.get(pk=self._reverse(floor, first).entry_id)

        with pytest.raises(ValueError, match="neither another reversal"):
            self._reverse(floor, reversal)

    @pytest.mark.shows(9)
    def test_is_never_of_an_adjustment_of_play(self, floor: Floor, player: Player) -> None:
        play = _entry(increment(floor, player, kind=EntryKind.GAMEPLAY))
        adjustment = _entry(increment(floor, player, kind=EntryKind.ADJUSTMENT, adjusts=play))

        with pytest.raises(ValueError, match="nor an adjustment of play"):
            self._reverse(floor, adjustment)

    @pytest.mark.shows(9)
    def test_is_made_once(self, floor: Floor, player: Player) -> None:
        first = LedgerEntry.objects.get(pk=increment(floor, player).entry_id)
        increment(floor, player)
        self._reverse(floor, first)

        with pytest.raises(ValueError, match="reversed already"):
            self._reverse(floor, first)

        assert account_of(player).balance == 100
