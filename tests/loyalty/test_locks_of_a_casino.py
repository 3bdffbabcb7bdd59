"""What of a casino is locked together, and what is not: its programme, and the accounts beside one another."""

from collections.abc import Callable
from functools import partial
from uuid import uuid4

import pytest
from django.db import IntegrityError

from core.locks import lock_name
from loyalty.models import LoyaltyProgram, PlayerLoyalty
from loyalty.services import ProgramStateUnchanged, pause_program, resume_program
from loyalty.services.accounts import lock_account
from tests.concurrency import Elsewhere, held, in_turn, made_to_wait, replace_locks
from tests.floor import Floor
from tests.loyalty.postings import award
from tests.loyalty.test_concurrency import without_locks
from tests.replacing import replace

pytestmark = pytest.mark.django_db(transaction=True)

FIRST = "Migration of the tiers"
SECOND = "Month-end freeze"


def _pausing(floor: Floor, reason: str) -> Callable[..., object]:
    return partial(pause_program, program=floor.program, actor=floor.supervisor, at=floor.now, reason=reason)


def _resuming(floor: Floor) -> Callable[[], object]:
    return lambda: resume_program(program=floor.program, actor=floor.supervisor)


class TestProgramLock:
    def test_lets_the_first_of_two_pause_it(self, floor: Floor) -> None:
        _, second = in_turn(_pausing(floor, FIRST), _pausing(floor, SECOND))

        assert isinstance(second.outcome(), ProgramStateUnchanged)
        assert LoyaltyProgram.objects.get().pause_reason == FIRST

    @pytest.mark.shows(39)
    def test_would_let_both_pause_it_if_it_were_missing(self, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        without_locks(monkeypatch)

        _, second = in_turn(_pausing(floor, FIRST), _pausing(floor, SECOND))

        with pytest.raises(IntegrityError, match="loyalty_pause_one_at_a_time"):
            second.result()
        assert LoyaltyProgram.objects.get().pause_reason == FIRST

    def test_lets_the_first_of_two_resume_it(self, floor: Floor) -> None:
        _pausing(floor, FIRST)()

        _, second = in_turn(_resuming(floor), _resuming(floor))

        assert isinstance(second.outcome(), ProgramStateUnchanged)

    @pytest.mark.shows(39)
    def test_would_let_both_resume_it_if_it_were_missing(self, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        _pausing(floor, FIRST)()
        without_locks(monkeypatch)

        first, second = in_turn(_resuming(floor), _resuming(floor))

        assert (first.outcome(), second.outcome()) == (True, True)


class TestSameFormAtOnce:
    def _second(self, floor: Floor) -> object:
        request_id = uuid4()
        sent = partial(_pausing(floor, FIRST), request_id=request_id)
        return in_turn(sent, sent)[1].outcome()

    def test_pauses_it_once(self, floor: Floor) -> None:
        assert self._second(floor) is False

    @pytest.mark.shows(39)
    def test_would_refuse_the_second_without_the_lock_on_its_id(
        self, floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        replace(monkeypatch, lock_name, lambda *_: None)

        assert isinstance(self._second(floor), ProgramStateUnchanged)


class TestAccountsOfACasino:
    def test_do_not_wait_for_one_another(self, floor: Floor) -> None:
        one, other = floor.player(), floor.player()

        with held(lambda: lock_account(player_id=one.pk, at=floor.now)):
            posting = Elsewhere(lambda: award(floor, other)).result()

        assert posting.balance_after == 100

    @pytest.mark.shows(39)
    def test_would_if_their_lock_took_the_casino_as_well(self, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        one, other = floor.player(), floor.player()
        replace_locks(monkeypatch, lambda rows, **_: rows.select_for_update(no_key=True))

        waiting = made_to_wait(lambda: award(floor, other), by=lambda: lock_account(player_id=one.pk, at=floor.now))

        assert waiting.result().balance_after == 100
        assert PlayerLoyalty.objects.get(player=one).balance == 0
