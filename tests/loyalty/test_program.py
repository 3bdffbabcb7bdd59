"""Pausing and resuming a programme."""

from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models.functions import Now

from core.permissions import NotPermitted
from core.sent_forms.sending import FormAlreadyUsed
from loyalty.models import LoyaltyProgram, ProgramPause
from loyalty.services import InvalidReason, ProgramStateUnchanged, pause_program, resume_program
from tests.databases import as_owner
from tests.floor import Floor
from tests.interruptions import lose_connection
from tests.invariants import broken_invariants
from tests.loyalty.postings import award
from tests.refusals import logged, refused

WHY = "Migration of the tiers"


class TestPauseProgram:
    def test_keeps_when_by_whom_and_why(self, floor: Floor) -> None:
        with logged() as lines:
            pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason=f" {WHY} ")

        program = LoyaltyProgram.objects.get()
        assert program.is_paused
        assert (program.paused_at, program.paused_by, program.pause_reason) == (floor.now, floor.supervisor, WHY)
        assert [line["event"] for line in lines] == ["loyalty.program_paused"]

    def test_stops_no_other_casinos(self, floor: Floor) -> None:
        elsewhere = Floor.build()

        pause_program(program=elsewhere.program, actor=elsewhere.supervisor, at=elsewhere.now, reason=WHY)

        assert list(LoyaltyProgram.objects.exclude(paused_at=None)) == [elsewhere.program]

    def test_refuses_a_reason_that_says_too_little(self, floor: Floor) -> None:
        with refused(InvalidReason):
            pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="freeze")

    def test_refuses_who_was_not_granted_it(self, floor: Floor) -> None:
        with refused(NotPermitted):
            pause_program(program=floor.program, actor=floor.boss, at=floor.now, reason=WHY)

    def test_refuses_a_programme_that_is_paused_already(self, floor: Floor) -> None:
        pause_program(program=floor.program, actor=floor.supervisor, at=floor.ago(hours=1), reason=WHY)

        with refused(ProgramStateUnchanged, "already paused"):
            pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason=WHY)


class TestResumeProgram:
    @pytest.fixture(autouse=True)
    def _paused(self, floor: Floor) -> None:
        pause_program(program=floor.program, actor=floor.supervisor, at=floor.ago(hours=1), reason=WHY)

    def test_lets_postings_go_on(self, floor: Floor) -> None:
        with logged() as lines:
            resume_program(program=floor.program, actor=floor.supervisor)

        assert not LoyaltyProgram.objects.get().is_paused
        assert [line["event"] for line in lines] == ["loyalty.program_resumed"]
        assert award(floor, floor.player()).points == 100

    def test_refuses_who_was_not_granted_it(self, floor: Floor) -> None:
        with refused(NotPermitted):
            resume_program(program=floor.program, actor=floor.boss)

    def test_leaves_another_casinos_paused(self, floor: Floor) -> None:
        elsewhere = Floor.build()
        pause_program(program=elsewhere.program, actor=elsewhere.supervisor, at=elsewhere.now, reason=WHY)

        resume_program(program=floor.program, actor=floor.supervisor)

        assert list(LoyaltyProgram.objects.exclude(paused_at=None)) == [elsewhere.program]

    def test_refuses_a_programme_that_runs(self, floor: Floor) -> None:
        resume_program(program=floor.program, actor=floor.supervisor)

        with refused(ProgramStateUnchanged, "not paused"):
            resume_program(program=floor.program, actor=floor.supervisor)


class TestPausesOfAProgramme:
    def test_keep_who_when_and_why_after_it_is_resumed(self, floor: Floor) -> None:
        for hours, why in ((3, WHY), (1, "Month-end freeze")):
            pause_program(program=floor.program, actor=floor.supervisor, at=floor.ago(hours=hours), reason=why)
            resume_program(program=floor.program, actor=floor.supervisor, at=floor.ago(hours=hours - 1))

        kept = [(one.paused_by, one.paused_at, one.reason, one.resumed_by, one.resumed_at) for one in _pauses()]
        assert kept == [
            (floor.supervisor, floor.ago(hours=1), "Month-end freeze", floor.supervisor, floor.now),
            (floor.supervisor, floor.ago(hours=3), WHY, floor.supervisor, floor.ago(hours=2)),
        ]
        assert broken_invariants() == {}

    def test_never_end_before_they_begin(self, floor: Floor) -> None:
        pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason=WHY)

        resume_program(program=floor.program, actor=floor.supervisor, at=floor.ago(hours=1))

        assert _pauses()[0].resumed_at == floor.now

    @pytest.mark.parametrize("change", [{"reason": "Another"}, {"resumed_at": None}, {"paused_at": Now()}])
    def test_are_changed_by_nobody(self, floor: Floor, change: dict[str, Any]) -> None:
        pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason=WHY)
        resume_program(program=floor.program, actor=floor.supervisor)

        with pytest.raises(IntegrityError, match="a pause is given its end, once"), transaction.atomic(), as_owner():
            ProgramPause.objects.update(**change)


def _pauses() -> list[ProgramPause]:
    return list(ProgramPause.objects.select_related("paused_by", "resumed_by"))


class TestFormSentTwice:
    def test_pauses_once_also_after_the_resume(self, floor: Floor) -> None:
        form: dict[str, Any] = {
            "program": floor.program,
            "actor": floor.supervisor,
            "reason": WHY,
            "request_id": uuid4(),
        }
        pause_program(**form, at=floor.ago(hours=2))
        pause_program(**form, at=floor.ago(hours=2))
        resume: dict[str, Any] = {"program": floor.program, "actor": floor.supervisor, "request_id": uuid4()}
        resume_program(**resume)
        resume_program(**resume)

        pause_program(**form, at=floor.now)

        assert ProgramPause.objects.count() == 1
        assert not LoyaltyProgram.objects.get().is_paused

    @pytest.mark.parametrize("request_id", [None, uuid4()])
    @pytest.mark.parametrize("is_pause", [True, False])
    def test_is_done_once_and_answered_as_the_first(
        self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch, request_id: Any, is_pause: bool
    ) -> None:
        floor = committed_floor
        by: dict[str, Any] = {"program": floor.program, "actor": floor.supervisor, "reason": WHY}
        if not is_pause:
            pause_program(**by, at=floor.ago(hours=1))

        with monkeypatch.context() as without_answer:
            lose_one_answer(without_answer)
            first = (pause_program if is_pause else resume_program)(**by, at=floor.now, request_id=request_id)

        assert first
        assert [pause.resumed_at is None for pause in ProgramPause.objects.all()] == [is_pause]

    def test_is_refused_with_another_reason(self, floor: Floor) -> None:
        form: dict[str, Any] = {"program": floor.program, "actor": floor.supervisor, "request_id": uuid4()}
        pause_program(**form, at=floor.now, reason=WHY)

        with refused(FormAlreadyUsed):
            pause_program(**form, at=floor.now, reason=f"{WHY}, again")


def lose_one_answer(patch: pytest.MonkeyPatch) -> None:
    """Let the next COMMIT of this thread be done, and its answer be lost with the connection."""
    commit, lost = connection.commit, iter([True])

    def commit_without_answer() -> None:
        commit()
        if next(lost, False):
            lose_connection()
            raise OperationalError from psycopg.OperationalError("server closed the connection unexpectedly")

    patch.setattr(connection, "commit", commit_without_answer)
