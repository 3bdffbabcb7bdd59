"""Paying what is owed: the same key, the same correlation id, and who paid it."""

import threading
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from guardian.shortcuts import remove_perm

from core import correlation
from core.errors import NotFound
from core.locks import lock_name
from core.permissions import NotPermitted
from core.querysets import LockingQuerySet
from loyalty.models import EarningRate, LedgerEntry
from loyalty.services import ProgramPaused, pause_program
from ratingslips.models import RatingSlip
from ratingslips.services import (
    PartialCompletion,
    SlipInHand,
    SlipNotClosed,
    SlipSettlement,
    complete_rating_slip,
    recover_slip_loyalty,
)
from tests.concurrency import Elsewhere, held, is_waited_for, made_to_wait, replace_locks
from tests.factories import StaffFactory
from tests.floor import Floor
from tests.loyalty.postings import increment
from tests.loyalty.rows import account_of
from tests.refusals import everything, logged, refused
from tests.waiting import wait_until


class TestRecoverSlipLoyalty:
    def test_pays_what_is_owed_and_records_who_recovered_it(self, floor: Floor, owed_slip: RatingSlip) -> None:
        settlement = recover_slip_loyalty(slip=owed_slip, actor=floor.supervisor, at=floor.now)

        paid = RatingSlip.objects.get()
        entry = LedgerEntry.objects.get()
        assert (paid.ledger_entry, paid.settled_at, paid.recovered_by) == (entry, floor.now, floor.supervisor)
        assert (paid.owed_because, paid.is_owed) == ("PROGRAM_PAUSED", False)
        assert (entry.kind, entry.staff, entry.idempotency_key) == ("GAMEPLAY", None, str(owed_slip.pk))
        assert settlement.points == account_of(owed_slip.player).balance == 578

    def test_keeps_the_correlation_id_of_the_closing(self, floor: Floor) -> None:
        closing, recovering = uuid.uuid4(), uuid.uuid4()
        with correlation.bound(closing):
            slip = floor.owed_slip()

        with logged() as lines, correlation.bound(recovering):
            settlement = recover_slip_loyalty(slip=slip, actor=floor.supervisor, at=floor.now)

        assert settlement.correlation_id == closing
        assert LedgerEntry.objects.get().correlation_id == closing
        assert [(line["event"], line["slip_correlation_id"]) for line in lines] == [
            ("ratingslips.loyalty_recovered", str(closing))
        ]

    def test_gives_its_first_result_again(self, floor: Floor, owed_slip: RatingSlip) -> None:
        first = recover_slip_loyalty(slip=owed_slip, actor=floor.supervisor, at=floor.now)
        before = everything()

        with logged() as lines:
            again = recover_slip_loyalty(slip=owed_slip, actor=floor.supervisor, at=floor.now)

        assert first.posting is not None
        assert again == replace(first, replayed=True, posting=replace(first.posting, replayed=True))
        assert everything() == before
        assert [line["event"] for line in lines] == ["ratingslips.recovery_replayed"]

    def test_is_what_the_next_completion_answers_with(self, floor: Floor, owed_slip: RatingSlip) -> None:
        recovered = recover_slip_loyalty(slip=owed_slip, actor=floor.supervisor, at=floor.now)

        again = complete_rating_slip(slip=owed_slip, actor=floor.boss, at=floor.now)

        assert (again.points, again.replayed) == (recovered.points, True)

    def test_answers_for_a_slip_that_was_never_owed(self, floor: Floor, played_slip: RatingSlip) -> None:
        completed = complete_rating_slip(slip=played_slip, actor=floor.boss, at=floor.now)

        recovered = recover_slip_loyalty(slip=played_slip, actor=floor.supervisor, at=floor.now)

        assert (recovered.points, recovered.replayed) == (completed.points, True)
        assert RatingSlip.objects.get().recovered_by is None

    def test_uses_the_tier_of_now(self, floor: Floor, owed_slip: RatingSlip) -> None:
        increment(floor, owed_slip.player, points=1_000)

        assert recover_slip_loyalty(slip=owed_slip, actor=floor.supervisor, at=floor.now).points == 722

    def test_settles_a_slip_that_turns_out_to_be_worth_nothing(self, floor: Floor) -> None:
        # Before the first earning rate nobody can say that it is worth nothing.
        began = datetime(1999, 7, 20, 20, tzinfo=UTC)
        slip = floor.open_slip(average_bet=Decimal("1.00"), at=began)
        with pytest.raises(PartialCompletion):
            complete_rating_slip(slip=slip, actor=floor.boss, at=began + timedelta(minutes=4, seconds=30))
        EarningRate.objects.create(program=floor.program, points_per_unit=10, effective_from=began)

        settlement = recover_slip_loyalty(slip=slip, actor=floor.supervisor, at=floor.now)

        assert (settlement.points, RatingSlip.objects.get().is_owed) == (0, False)
        assert not LedgerEntry.objects.exists()
        assert recover_slip_loyalty(slip=slip, actor=floor.supervisor, at=floor.now).replayed

    def test_refuses_a_live_slip(self, floor: Floor, slip: RatingSlip) -> None:
        with refused(SlipNotClosed, "still live"):
            recover_slip_loyalty(slip=slip, actor=floor.supervisor, at=floor.now)

    def test_refuses_who_may_only_operate_the_pit(self, floor: Floor, owed_slip: RatingSlip) -> None:
        with refused(NotPermitted, "Can pay points that slips are owed"):
            recover_slip_loyalty(slip=owed_slip, actor=floor.boss, at=floor.now)

    def test_answers_only_its_recoverer_without_the_right(self, floor: Floor, owed_slip: RatingSlip) -> None:
        recover_slip_loyalty(slip=owed_slip, actor=floor.supervisor, at=floor.now)
        remove_perm("ratingslips.recover_loyalty", floor.supervisor, floor.pit)
        colleague = StaffFactory.create(casino=floor.casino)

        assert recover_slip_loyalty(slip=owed_slip, actor=floor.supervisor, at=floor.now).replayed
        with refused(NotPermitted):
            recover_slip_loyalty(slip=owed_slip, actor=colleague, at=floor.now)

    def test_leaves_the_points_owed_while_the_programme_is_still_paused(self, floor: Floor) -> None:
        slip = floor.owed_slip()
        pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Month-end freeze")

        with refused(ProgramPaused):
            recover_slip_loyalty(slip=slip, actor=floor.supervisor, at=floor.now)

        assert list(RatingSlip.objects.owed()) == [slip]

    @pytest.mark.parametrize("skip_locked", [False, True])
    @pytest.mark.parametrize("unknown", [uuid.UUID(int=0), "not-a-uuid"])
    def test_refuses_a_slip_that_does_not_exist(
        self, floor: Floor, unknown: uuid.UUID | str, skip_locked: bool
    ) -> None:
        floor.owed_slip()  # another one

        with refused(NotFound):
            recover_slip_loyalty(slip=unknown, actor=floor.supervisor, at=floor.now, skip_locked=skip_locked)

    def test_leaves_a_slip_in_hand_to_who_has_it(self, committed_floor: Floor) -> None:
        floor = committed_floor
        slip = floor.owed_slip()

        with held(lambda: RatingSlip.objects.locked().get(pk=slip.pk)), refused(SlipInHand, "just now"):
            recover_slip_loyalty(slip=slip, actor=floor.supervisor, at=floor.now, skip_locked=True)

        assert list(RatingSlip.objects.owed()) == [slip]

    @pytest.mark.shows(39)
    def test_would_wait_for_a_slip_in_hand_without_skip_locked(
        self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        floor = committed_floor
        slip = floor.owed_slip()
        locked = LockingQuerySet.locked
        replace_locks(monkeypatch, lambda rows, **_: locked(rows))
        recover = partial(recover_slip_loyalty, slip=slip, actor=floor.supervisor, at=floor.now, skip_locked=True)

        recovering = made_to_wait(recover, by=lambda: RatingSlip.objects.locked().get(pk=slip.pk))

        assert recovering.result().points == 578

    def test_is_waited_for_after_a_lost_answer_despite_skip_locked(self, committed_floor: Floor) -> None:
        """The attempt that got no answer may be the one that still holds the slip."""
        floor = committed_floor
        slip, request_id = floor.owed_slip(), uuid.uuid4()
        lost, taken = threading.Event(), threading.Event()

        def lose_the_first_answer() -> SlipSettlement:
            def lose_it() -> None:
                del connection.commit
                connection.rollback()
                lost.set()
                assert taken.wait(30)
                raise OperationalError from psycopg.OperationalError()

            connection.commit = lose_it  # type: ignore[method-assign]
            what: dict[str, Any] = {"slip": slip.pk, "actor": floor.supervisor, "at": floor.now}
            return recover_slip_loyalty(**what, skip_locked=True, request_id=request_id)

        def lock_as_the_lost_attempt() -> None:
            lock_name("slip_request", str(request_id))
            RatingSlip.objects.locked().get(pk=slip.pk)

        recovery = Elsewhere(lose_the_first_answer)
        assert lost.wait(30)
        with held(lock_as_the_lost_attempt) as holder:
            taken.set()
            wait_until(lambda: recovery.has_ended or is_waited_for(holder))

        assert (recovery.result().points, recovery.result().replayed) == (578, False)
