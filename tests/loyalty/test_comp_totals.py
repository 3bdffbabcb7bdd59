"""The totals of comps: kept with each redemption and reversal, and counted anew from the entries."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.db import IntegrityError, connection

from core.models import Player
from loyalty.models import CompTotal, CompType, LedgerEntry
from loyalty.services.redemptions import MOST_COMP_VALUE
from tests.concurrency import in_turn, together
from tests.constraints import refused_by_trigger
from tests.databases import as_owner
from tests.factories import CompTypeFactory
from tests.floor import Floor
from tests.invariants import broken_invariants
from tests.loyalty.postings import award, increment, redeem, reverse
from tests.loyalty.rows import account_of

BROKEN = "comp_totals_are_their_entries"
FIGURES = ("redemptions", "points", "value", "reversed")


@pytest.fixture
def player(floor: Floor) -> Player:
    """A player who can redeem three dinners."""
    player = floor.player()
    CompTypeFactory.create(program=floor.program)
    award(floor, player, points=300)
    return player


def totals(by: str, person: int) -> list[tuple[object, ...]]:
    """The figures of a person by month, oldest first."""
    return [*CompTotal.objects.filter(by=by, person=person).order_by("month").values_list(*FIGURES)]


def count_again() -> None:
    """Count the totals of all months anew, as the migration does."""
    with as_owner():
        import_module("loyalty.migrations.0028_count_comps").count_comps(None, SimpleNamespace(connection=connection))


@pytest.mark.django_db
@pytest.mark.usefixtures("invariants_hold")
class TestTotals:
    def test_count_each_redemption(self, floor: Floor, player: Player) -> None:
        for _ in range(2):
            redeem(floor, player)

        expected = [(2, 200, Decimal("10.00"), 0)]
        assert totals("staff", floor.supervisor.pk) == totals("account", account_of(player).pk) == expected

    def test_leave_out_what_was_reversed_later(self, floor: Floor, player: Player) -> None:
        redeem(floor, player)
        earlier = redeem(floor, player, at=floor.ago(days=62))

        reverse(floor, earlier.entry_id)

        expected = [(0, 0, Decimal("0.00"), 1), (1, 100, Decimal("5.00"), 0)]
        assert totals("staff", floor.supervisor.pk) == totals("account", account_of(player).pk) == expected

    def test_do_not_change_with_other_entries(self, floor: Floor, player: Player) -> None:
        reverse(floor, award(floor, player, points=50, reason="Given to the wrong person").entry_id)

        assert not CompTotal.objects.exists()

    def test_count_what_nobody_redeemed_for_the_system(self, floor: Floor, player: Player) -> None:
        increment(floor, player, kind=LedgerEntry.Kind.REDEMPTION, points=-100)

        assert totals("staff", 0) == [(1, 100, Decimal("5.00"), 0)]

    def test_take_no_comp_of_another_casino(self, floor: Floor, player: Player) -> None:
        elsewhere = CompTypeFactory.create(program=Floor.build().program)

        with refused_by_trigger("the comp is of another casino"):
            _redeem_for(floor, player, elsewhere, value=Decimal("5.00"))

    def test_take_no_value_beyond_the_limits_of_a_comp(self, floor: Floor, player: Player) -> None:
        comp = CompTypeFactory.create(program=floor.program)

        for value in (MOST_COMP_VALUE + 1, Decimal(-1), Decimal("Infinity"), Decimal("NaN")):
            with refused_by_trigger("no comp is worth so much"):
                _redeem_for(floor, player, comp, value=value)


def _redeem_for(floor: Floor, player: Player, comp: CompType, *, value: Decimal) -> None:
    """Post a redemption of 100 points for the comp, past the checks of the service."""
    calculation = {"point_value": comp.point_value, "value": value}
    increment(floor, player, kind=LedgerEntry.Kind.REDEMPTION, points=-100, comp_type=comp, calculation=calculation)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("invariants_hold")
class TestRedemptionsAtOnce:
    def test_of_one_member_of_staff_are_all_counted(self, floor: Floor, player: Player) -> None:
        others = [floor.player() for _ in range(3)]
        for other in others:
            award(floor, other)

        together([partial(redeem, floor, each) for each in (player, *others)])

        assert totals("staff", floor.supervisor.pk) == [(4, 400, Decimal("20.00"), 0)]


@pytest.mark.django_db(transaction=True)
class TestCountingAgain:
    def test_restores_what_the_entries_say(self, floor: Floor, player: Player) -> None:
        redeem(floor, player)
        reverse(floor, redeem(floor, player).entry_id)
        kept = list(CompTotal.objects.order_by("by").values_list("by", "person", "month", *FIGURES))
        with as_owner():
            CompTotal.objects.update(points=1, value=0)
            CompTotal.objects.filter(by="staff").delete()
        assert BROKEN in broken_invariants()

        count_again()

        assert list(CompTotal.objects.order_by("by").values_list("by", "person", "month", *FIGURES)) == kept
        assert broken_invariants() == {}

    def test_waits_for_a_redemption_that_was_not_committed(self, floor: Floor, player: Player) -> None:
        redeem(floor, player)

        _, counting = in_turn(lambda: redeem(floor, player), count_again)

        counting.result()
        assert totals("account", account_of(player).pk) == [(2, 200, Decimal("10.00"), 0)]
        assert broken_invariants() == {}

    def test_would_collide_with_it_without_the_lock(self, floor: Floor, player: Player) -> None:
        redeem(floor, player)
        award(floor, other := floor.player())

        with _count_without_lock():
            _, counting = in_turn(lambda: redeem(floor, other), count_again)

        assert isinstance(counting.outcome(), IntegrityError)


@contextmanager
def _count_without_lock() -> Iterator[None]:
    """The function that counts, without its lock, while the block runs."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef('loyalty_count_comps(bigint, date)'::regprocedure)")
        (whole,) = cursor.fetchone()
    lock = "LOCK TABLE loyalty_comptotal IN SHARE ROW EXCLUSIVE MODE;"
    assert lock in whole
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(whole.replace(lock, ""))
    try:
        yield
    finally:
        with as_owner(), connection.cursor() as cursor:
            cursor.execute(whole)
