"""The queries of the invariants see what they are asked for."""

from collections.abc import Callable
from typing import Any

import pytest

from loyalty.models import LedgerEntry, PlayerLoyalty, Tier
from ratingslips.models import RatingSlip
from ratingslips.services import complete_rating_slip
from tests.constraints import inserted
from tests.factories import CasinoFactory
from tests.floor import Floor
from tests.invariants import broken_invariants
from tests.loyalty.postings import award, increment
from tests.loyalty.rows import account_of, entry
from tests.ratingslips.rows import closed_row, slip_row


def _at_work(floor: Floor) -> None:
    slip = floor.played_slip()
    floor.open_slip(seat=2)
    award(floor, slip.player, points=900)
    increment(floor, slip.player, kind=LedgerEntry.Kind.REDEMPTION, points=-300)
    complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)


def _change(row: Any, **changes: Any) -> None:
    type(row).objects.filter(pk=row.pk).update(**changes)


def _account(**changes: Any) -> Callable[[Floor], None]:
    return lambda floor: _change(account_of(floor.player()), **changes)


def _entry(**changes: Any) -> Callable[[Floor], object]:
    def write(floor: Floor) -> None:
        written = inserted(entry(floor, **changes))
        assert isinstance(written, LedgerEntry)
        _change(written.account, balance=written.balance_after, lifetime_points=written.lifetime_points_after)
        _change(written.account, entry_count=1)

    return write


ACCOUNT = "an account is what its entries come to"
CHAIN = "entries follow one another without gap or repeat"
TIER = "the tier after an entry is that of its lifetime points"
SLIP = "a slip and its entry agree"
CASINO = "an entry is in the casino of its account's player"
AWARD = "a manual entry has its staff, its reason and its limit"
SEGMENTS = "a slip has one open segment while it is open, and none otherwise"
PLACE = "the last segment of a live slip is where the slip is"

WAYS: list[tuple[str, Callable[[Floor], object]]] = [
    (ACCOUNT, _account(balance=1)),
    (ACCOUNT, _account(lifetime_points=1)),
    (ACCOUNT, _account(entry_count=1)),
    (CHAIN, _entry(seq=2)),
    (CHAIN, _entry(seq=2, balance_before=5, balance_after=15)),
    (TIER, _entry(lifetime_points_after=1_000)),
    (SLIP, lambda floor: inserted(closed_row(floor, settled_at=floor.now, ledger_entry=inserted(entry(floor))))),
    (CASINO, lambda floor: _entry(casino=CasinoFactory.create())(floor)),
    (AWARD, lambda floor: _entry(kind="MANUAL_BONUS", staff=floor.supervisor, reason="short")(floor)),
    (SEGMENTS, lambda floor: inserted(slip_row(floor))),
    (PLACE, lambda floor: _change(floor.open_slip(seat=1), seat=2)),
]


@pytest.mark.django_db
class TestBrokenInvariants:
    def test_are_none_after_a_day_at_work(self, floor: Floor) -> None:
        _at_work(floor)

        assert broken_invariants() == {}
        assert LedgerEntry.objects.count() == 3
        assert RatingSlip.objects.count() == 2

    @pytest.mark.parametrize(("invariant", "break_it"), WAYS, ids=[invariant for invariant, _ in WAYS])
    def test_name_the_one_that_does_not_hold(
        self, floor: Floor, invariant: str, break_it: Callable[[Floor], object]
    ) -> None:
        break_it(floor)

        assert invariant in broken_invariants()

    def test_see_a_tier_that_the_account_alone_was_given(self, floor: Floor) -> None:
        player = floor.player()
        increment(floor, player)

        PlayerLoyalty.objects.update(tier=Tier.objects.get(name="Gold"))

        assert list(broken_invariants()) == [ACCOUNT]
