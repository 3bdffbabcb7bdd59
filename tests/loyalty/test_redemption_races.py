"""Redemptions and prints of comp slips at once; and for each guard, what happens without it."""

from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from guardian.shortcuts import assign_perm

from core.idempotency import IdempotencyConflict
from core.locks import lock_name
from core.models import Player
from core.sent_forms.sending import FormAlreadyUsed
from loyalty.models import CompSlipPrint, LedgerEntry
from loyalty.services import InsufficientBalance, RedemptionReversed, print_comp_slip
from tests.concurrency import Elsewhere, held, in_turn, made_to_wait, together
from tests.factories import CompTypeFactory, StaffFactory
from tests.floor import Floor
from tests.loyalty.postings import increment, redeem
from tests.loyalty.rows import account_of
from tests.loyalty.test_concurrency import posted, without_locks
from tests.replacing import replace

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("invariants_hold")]


@pytest.fixture
def rich(floor: Floor) -> Player:
    """A player with 100 points, the price of one dinner."""
    player = floor.player()
    CompTypeFactory.create(program=floor.program)
    _promote(floor, player)
    return player


def _promote(floor: Floor, player: Player) -> None:
    with transaction.atomic():
        increment(floor, player)


class TestWholeBalance:
    @pytest.mark.shows(10)
    def test_is_redeemed_by_one_of_many_at_once(self, floor: Floor, rich: Player) -> None:
        outcomes = together([lambda: redeem(floor, rich)] * 4)

        refused = [outcome for outcome in outcomes if isinstance(outcome, InsufficientBalance)]
        assert len(refused) == 3
        assert account_of(rich).balance == 0

    @pytest.mark.shows(10, 39)
    def test_would_fail_in_postgresql_without_the_lock(
        self, floor: Floor, rich: Player, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        without_locks(monkeypatch)

        _, second = in_turn(lambda: redeem(floor, rich), lambda: redeem(floor, rich))

        assert isinstance(second.outcome(), IntegrityError)


class TestOneRequestAtOnce:
    @pytest.mark.shows(16)
    def test_is_one_redemption(self, floor: Floor, rich: Player) -> None:
        request_id = uuid4()

        postings = posted(together([lambda: redeem(floor, rich, request_id=request_id)] * 8))

        assert sorted(posting.replayed for posting in postings) == [False] + [True] * 7
        assert len({posting.entry_id for posting in postings}) == 1

    def _of_two_players(self, floor: Floor, rich: Player) -> Any:
        other, colleague, request_id = floor.player(), StaffFactory.create(casino=floor.casino), uuid4()
        assign_perm("loyalty.redeem", colleague, floor.program)
        _promote(floor, other)
        _, second = in_turn(
            lambda: redeem(floor, rich, request_id=request_id),
            lambda: redeem(floor, other, request_id=request_id, actor=colleague),
        )
        return second.outcome()

    @pytest.mark.shows(17)
    def test_is_a_conflict_for_two_players(self, floor: Floor, rich: Player) -> None:
        outcome = self._of_two_players(floor, rich)

        assert isinstance(outcome, IdempotencyConflict)
        assert outcome.fields == ("player", "staff")

    @pytest.mark.shows(39)
    def test_would_break_without_the_lock_on_its_id(
        self, floor: Floor, rich: Player, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        replace(monkeypatch, lock_name, lambda *_: None)

        assert isinstance(self._of_two_players(floor, rich), IntegrityError)


class TestPrintBesideAReversal:
    @pytest.fixture
    def dinner(self, floor: Floor, rich: Player) -> LedgerEntry:
        """A redemption of the whole balance."""
        return LedgerEntry.objects.get(pk=redeem(floor, rich).entry_id)

    def _reverse(self, floor: Floor, dinner: LedgerEntry) -> None:
        player = dinner.account.player
        increment(
            floor,
            player,
            kind=LedgerEntry.Kind.REVERSAL,
            points=-dinner.points,
            reverses=dinner,
            staff=floor.supervisor,
        )

    @pytest.mark.shows(42)
    def test_waits_and_is_refused(self, floor: Floor, dinner: LedgerEntry) -> None:
        printing = made_to_wait(
            lambda: print_comp_slip(entry=dinner, actor=floor.supervisor, at=floor.now),
            by=lambda: self._reverse(floor, dinner),
        )

        assert isinstance(printing.outcome(), RedemptionReversed)

    @pytest.mark.shows(39, 42)
    def test_would_be_printed_without_the_lock(
        self, floor: Floor, dinner: LedgerEntry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        without_locks(monkeypatch)

        with held(lambda: self._reverse(floor, dinner)):
            Elsewhere(lambda: print_comp_slip(entry=dinner, actor=floor.supervisor, at=floor.now)).result()

        assert LedgerEntry.objects.filter(reverses=dinner).exists()
        assert CompSlipPrint.objects.filter(entry=dinner).exists()

    def test_is_numbered_once_beside_other_prints(self, floor: Floor, dinner: LedgerEntry) -> None:
        together([lambda: print_comp_slip(entry=dinner, actor=floor.supervisor, at=floor.now)] * 4)

        assert sorted(CompSlipPrint.objects.values_list("number", flat=True)) == [1, 2, 3, 4]


class TestOneFormForTwoCompSlips:
    def _second(self, floor: Floor, rich: Player) -> Any:
        other, request_id = floor.player(), uuid4()
        _promote(floor, other)
        dinners = [redeem(floor, player).entry_id for player in (rich, other)]
        _, second = in_turn(
            *(
                partial(print_comp_slip, entry=dinner, actor=floor.supervisor, at=floor.now, request_id=request_id)
                for dinner in dinners
            )
        )
        return second.outcome()

    def test_prints_the_first(self, floor: Floor, rich: Player) -> None:
        assert isinstance(self._second(floor, rich), FormAlreadyUsed)

    @pytest.mark.shows(39)
    def test_would_break_without_the_lock_on_its_id(
        self, floor: Floor, rich: Player, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        replace(monkeypatch, lock_name, lambda *_: None)

        assert isinstance(self._second(floor, rich), IntegrityError)
