"""Contents and fingerprints by value: a key that was used before an upgrade must answer after it."""

from datetime import UTC, datetime
from decimal import Decimal
from inspect import isfunction
from typing import Any, get_args, get_type_hints
from uuid import UUID, uuid4

import pytest
from django.db import transaction

from core.idempotency import Request, fingerprint
from core.models import Player, User
from loyalty import services
from loyalty.models import LedgerEntry, PlayerLoyalty
from loyalty.services import AdjustedPlay, Adjustment, LoyaltyPosting, adjust_play
from tests.constraints import inserted
from tests.factories import CompTypeFactory, StaffFactory
from tests.floor import Floor, give_rights
from tests.loyalty.postings import accrue, adjust, award, increment, redeem, reverse
from tests.loyalty.rows import account_of, entry

EntryKind = LedgerEntry.Kind

AT = datetime(2026, 1, 15, 20, 0, tzinfo=UTC)
AWARDED = {"kind": "MANUAL_BONUS", "player": 700, "staff": 90, "points": 100, "reason": "birthday of a regular guest"}
AWARDED_SHA256 = "fde88b2bec58507e1b032394383f72743e6095f8e605ea46e8cafb32f0628c38"
# The same of an award from before the reason was normalised.
FORMER = AWARDED | {"reason": "Birthday of a regular guest"}
FORMER_SHA256 = "9ac8984b24b6991d09105054f6dd65661dec8211e3fffd5629d622d9ebc4333e"
FORMER_DAILY_KEY = "manual:87f52b1fbafaa5919bccd6785eb7cffaba169b9cac0e8444e2dcf29f37184626"

ADJUSTED = AWARDED | {"kind": "ADJUSTMENT", "points": -5}
ADJUSTED_SHA256 = "954fff7489fb85556141146588c45296504d86dc4f0c7eab767a9debe39838d5"
ADJUSTED_DAILY_SHA256 = "5cc64d48017770323613ba1a1a64cd48f5f8e2d07d33983318e3929695c73a3d"
REDEEMED_SHA256 = "7a773c5ae34a611ff47a2b715de8d389862da7798d06d6e1c3488afb3f04a4d3"
REVERSED_SHA256 = "73bd039ec46a9cf846b9d30efa5b649cd61c41267a6981a70feb7a0dc81382d1"

BY_INCREMENT = {
    (EntryKind.PROMOTION, 100): "e22e80c33dec993a91d53030da1e78df387465b4f9d87aff28b8b57b160a11cf",
    (EntryKind.ADJUSTMENT, -5): "8299827b5812c87d141c004f1ad3c206f87d995cf25cd9a56a054f3842bbd4ed",
    (EntryKind.REDEMPTION, -5): "17799446c1be8bbf4bf20c4c508449bbc99213c8be917e158de9a4482fbafbde",
}
IN_TESTS_OF_THEIR_OWN = {EntryKind.MANUAL_BONUS, EntryKind.GAMEPLAY, EntryKind.REVERSAL}


# The results of services that post an entry, and these services. Each has a test of its contents here.
RESULTS = {LoyaltyPosting, Adjustment, AdjustedPlay}
POSTED_BY = {
    *("increment_player_loyalty", "accrue_play", "adjust_play", "manual_reward", "adjust_points", "reverse_entry"),
    "redeem_points",
    "posting_of",  # it reads one
}


@pytest.fixture
def player(floor: Floor) -> Player:
    """A player with a fixed id, because contents hold it."""
    return floor.player(pk=700)


@pytest.fixture
def supervisor(floor: Floor) -> User:
    """A member of staff with a fixed id who may award points."""
    member = StaffFactory.create(pk=90, casino=floor.casino)
    give_rights((member, floor.program, ["award", "adjust", "reverse", "redeem"]))
    return member


def _kept(entry_id: int) -> tuple[str, Any, str]:
    """The key, the contents and the fingerprint of an entry."""
    kept = LedgerEntry.objects.get(pk=entry_id)
    return kept.idempotency_key, kept.inputs["request"], kept.fingerprint


class TestContentsAndFingerprint:
    def test_of_an_award_with_a_daily_key(self, floor: Floor, player: Player, supervisor: User) -> None:
        posting = award(floor, player, actor=supervisor, at=AT)

        assert _kept(posting.entry_id) == (
            "manual:9339989baa37cc8b247e68d57e254d62e0a4afc321b59e5fe8918d18d75f4029",
            AWARDED,
            AWARDED_SHA256,
        )

    def test_of_an_award_with_a_reward_id(self, floor: Floor, player: Player, supervisor: User) -> None:
        posting = award(floor, player, actor=supervisor, at=AT, reward_id="promo-77")

        assert _kept(posting.entry_id) == ("reward:promo-77", AWARDED, AWARDED_SHA256)

    @pytest.mark.parametrize(("key", "reward_id"), [(FORMER_DAILY_KEY, None), ("reward:promo-77", "promo-77")])
    def test_of_an_award_from_before_answer_it(
        self, floor: Floor, player: Player, supervisor: User, key: str, reward_id: str | None
    ) -> None:
        account = account_of(player)
        former = {"request": FORMER, "tier_progress_percent": 0}
        first = inserted(
            entry(floor, account=account, idempotency_key=key, fingerprint=FORMER_SHA256, inputs=former, created_at=AT)
        )

        again = award(floor, player, actor=supervisor, at=AT, reward_id=reward_id)

        assert (again.entry_id, again.replayed) == (first.pk, True)

    @pytest.mark.parametrize("adjustment_id", [None, "cage-77"])
    def test_of_an_adjustment_by_hand(
        self, floor: Floor, player: Player, supervisor: User, adjustment_id: str | None
    ) -> None:
        increment(floor, player, idempotency_key="promotion:0")

        posting = adjust(floor, player, points=-5, actor=supervisor, at=AT, adjustment_id=adjustment_id).posting

        key = "adjustment:cage-77" if adjustment_id else f"adjustment:{ADJUSTED_DAILY_SHA256}"
        assert _kept(posting.entry_id) == (key, ADJUSTED, ADJUSTED_SHA256)

    def test_of_a_reversal_by_hand(self, floor: Floor, player: Player, supervisor: User) -> None:
        first = inserted(entry(floor, account=account_of(player), pk=4711))
        PlayerLoyalty.objects.update(balance=10, entry_count=1, head_hash=first.entry_hash)  # type: ignore[attr-defined]

        posting = reverse(floor, 4711, actor=supervisor)

        contents = {"kind": "REVERSAL", "player": 700, "staff": 90, "points": -10, "reverses": 4711}
        contents["reason"] = "given to the wrong card"
        assert _kept(posting.entry_id) == ("reversal:4711", contents, REVERSED_SHA256)

    def test_of_a_redemption(self, floor: Floor, player: Player, supervisor: User) -> None:
        comp_type, request_id = CompTypeFactory.create(program=floor.program, pk=30), UUID(int=7)
        increment(floor, player)

        posting = redeem(floor, player, actor=supervisor, comp_type=comp_type, request_id=request_id)

        contents = {"kind": "REDEMPTION", "player": 700, "staff": 90, "comp_type": 30, "points": None}
        contents |= {"value": "5.00", "outlet": "Steakhouse", "note": ""}
        assert _kept(posting.entry_id) == (f"redemption:{request_id}", contents, REDEEMED_SHA256)

    def test_of_an_adjustment_of_play(self, floor: Floor, player: Player, supervisor: User) -> None:
        credited = accrue(floor, player, earned_at=AT)

        with transaction.atomic():
            adjusted = adjust_play(
                player_id=700,
                entry_id=credited.entry_id,
                theoretical_win=Decimal(1),
                reason="Wrong bet",
                reason_code=None,
                staff=supervisor,
                idempotency_key="correction:1",
                at=AT,
                correlation_id=uuid4(),
                play={},
            )

        assert adjusted.posting
        contents: Request = {"kind": "ADJUSTMENT", "player": 700, "staff": 90, "points": -568, "reason": "Wrong bet"}
        contents = {**contents, "reverses": None, "adjusts": credited.entry_id}
        assert _kept(adjusted.posting.entry_id) == ("correction:1", contents, fingerprint(contents))

    def test_of_an_accrual(self, floor: Floor, player: Player) -> None:
        posting = accrue(floor, player, theoretical_win=Decimal("57.7500"), earned_at=AT, idempotency_key="a-slip")

        assert _kept(posting.entry_id) == (
            "a-slip",
            {
                "kind": "GAMEPLAY",
                "player": 700,
                "theoretical_win": "57.7500",
                "earned_at": "2026-01-15T20:00:00+00:00",
            },
            "7133207c0fb072fb10264b6c4f300ed8fe27127eeac9f6bdf2f8d75ac96e08a7",
        )

    @pytest.mark.parametrize(("kind", "points"), BY_INCREMENT)
    def test_of_other_entries(self, floor: Floor, player: Player, kind: EntryKind, points: int) -> None:
        increment(floor, player, kind=EntryKind.PROMOTION, points=100, idempotency_key="promotion:0")

        CompTypeFactory.create(program=floor.program, pk=30)

        posting = increment(floor, player, kind=kind, points=points, idempotency_key="a-key", reason="By hand")

        contents = {"kind": kind, "player": 700, "staff": None, "points": points, "reason": "By hand", "reverses": None}
        contents |= {"comp_type": 30} if kind == EntryKind.REDEMPTION else {}
        assert _kept(posting.entry_id) == ("a-key", contents, BY_INCREMENT[kind, points])

    def test_are_known_for_every_kind_of_entry(self) -> None:
        assert {kind for kind, _ in BY_INCREMENT} | IN_TESTS_OF_THEIR_OWN == set(EntryKind)

    def test_are_known_for_every_operation(self) -> None:
        exported = {name: getattr(services, name) for name in services.__all__}
        returned = {name: get_type_hints(one)["return"] for name, one in exported.items() if isfunction(one)}

        assert {name for name, kind in returned.items() if {kind, *get_args(kind)} & RESULTS} == POSTED_BY

    def test_of_a_reversal(self, floor: Floor, player: Player, supervisor: User) -> None:
        account = account_of(player)
        first = inserted(entry(floor, account=account, pk=4711))
        PlayerLoyalty.objects.update(balance=10, entry_count=1, head_hash=first.entry_hash)  # type: ignore[attr-defined]

        posting = increment(
            floor,
            player,
            kind=EntryKind.REVERSAL,
            points=-10,
            reason="Corrected at the cage",
            idempotency_key="reversal:1",
            staff=supervisor,
            reverses=first,
        )

        assert _kept(posting.entry_id) == (
            "reversal:1",
            {
                "kind": "REVERSAL",
                "player": 700,
                "staff": 90,
                "points": -10,
                "reason": "Corrected at the cage",
                "reverses": 4711,
            },
            "0652021f4ced746c4ef78c46e4cb438d2fee9847daac9f9dec2cd6d7a8c768e7",
        )
