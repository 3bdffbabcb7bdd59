"""What each use case tells the log: which one it was, who asked, and ids to follow; of a refusal as of a success."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from structlog.testing import capture_logs

from core.models import Change, User
from core.permissions import NotPermitted
from core.roles import AUDITOR
from loyalty.models import LedgerEntry, LedgerExport
from loyalty.services import manual_reward, pause_program, resume_program
from loyalty.services.exports import begin_export
from ratingslips.models import RatingSlip
from ratingslips.services import (
    PartialCompletion,
    change_average_bet,
    check_drift,
    complete_rating_slip,
    move_rating_slip,
    open_rating_slip,
    pause_rating_slip,
    recover_slip_loyalty,
    resume_rating_slip,
)
from tests.console import signed_in
from tests.factories import StaffFactory
from tests.floor import Floor

REASON = "Birthday of a regular guest"

UseCase = Callable[[Floor, User], Any]


def _of_a_slip(service: Callable[..., Any], **arguments: Any) -> UseCase:
    def call(floor: Floor, actor: User) -> Any:
        return service(slip=floor.open_slip(), actor=actor, at=floor.now, **arguments)

    return call


def _resume(floor: Floor, actor: User) -> Any:
    slip = pause_rating_slip(slip=floor.open_slip(), actor=floor.boss, at=floor.ago(minutes=5))
    return resume_rating_slip(slip=slip, actor=actor, at=floor.now)


def _recover(floor: Floor, actor: User) -> Any:
    return recover_slip_loyalty(slip=floor.owed_slip(), actor=actor, at=floor.now)


def _open(floor: Floor, actor: User) -> Any:
    arguments: dict[str, Any] = {"player": floor.player(), "table": floor.table, "seat": 1, "at": floor.now}
    return open_rating_slip(actor=actor, average_bet=Decimal(40), **arguments)


def _award(floor: Floor, actor: User) -> Any:
    return manual_reward(player=floor.player(), points=100, reason=REASON, actor=actor, at=floor.now)


def _pause_program(floor: Floor, actor: User) -> None:
    pause_program(program=floor.program, actor=actor, at=floor.now, reason="Migration of the tiers")


def _resume_program(floor: Floor, actor: User) -> None:
    _pause_program(floor, floor.supervisor)
    resume_program(program=floor.program, actor=actor)


def _export(floor: Floor, actor: User) -> Any:
    what, rows = LedgerExport.What.LEDGER, LedgerEntry.objects.all()
    return begin_export(what=what, rows=rows, casino=floor.casino, actor=actor, filters={}, at=floor.now)


def _export_changes(floor: Floor, actor: User) -> Any:
    what, rows = LedgerExport.What.CHANGES, Change.objects.all()
    return begin_export(what=what, rows=rows, casino=floor.casino, actor=actor, filters={}, at=floor.now)


def _check_drift(floor: Floor, actor: User) -> Any:
    return check_drift(casino=floor.casino, actor=actor, at=floor.now)


USE_CASES: dict[str, tuple[UseCase, str]] = {
    "loyalty.manual_reward": (_award, "loyalty.points_posted"),
    "loyalty.pause_program": (_pause_program, "loyalty.program_paused"),
    "loyalty.resume_program": (_resume_program, "loyalty.program_resumed"),
    "loyalty.export_ledger": (_export, "loyalty.export_begun"),
    "loyalty.export_changes": (_export_changes, "loyalty.export_begun"),
    "ratingslips.open": (_open, "ratingslips.slip_opened"),
    "ratingslips.pause": (_of_a_slip(pause_rating_slip), "ratingslips.slip_paused"),
    "ratingslips.resume": (_resume, "ratingslips.slip_resumed"),
    "ratingslips.change_average_bet": (
        _of_a_slip(change_average_bet, average_bet=Decimal(60)),
        "ratingslips.average_bet_changed",
    ),
    "ratingslips.move": (_of_a_slip(move_rating_slip, seat=2), "ratingslips.slip_moved"),
    "ratingslips.complete": (_of_a_slip(complete_rating_slip), "ratingslips.slip_completed"),
    "ratingslips.recover": (_recover, "ratingslips.loyalty_recovered"),
    "ratingslips.check_drift": (_check_drift, "ratingslips.drift_checked"),
}

use_cases = pytest.mark.parametrize("name", USE_CASES)


class TestRefusal:
    @use_cases
    @pytest.mark.shows(33)
    def test_names_the_use_case_and_who_asked(self, floor: Floor, name: str) -> None:
        stranger = StaffFactory.create(casino=floor.casino)
        call, _ = USE_CASES[name]

        with capture_logs() as lines, pytest.raises(NotPermitted):
            call(floor, stranger)

        assert lines[-1] == {
            "event": "core.operation_refused",
            "operation": name,
            "code": "NOT_PERMITTED",
            "actor_id": stranger.pk,
            "log_level": "warning",
        }


class TestSuccess:
    @use_cases
    def test_names_the_event_and_who_acted(self, floor: Floor, name: str) -> None:
        signed_in(floor.supervisor, AUDITOR)
        call, event = USE_CASES[name]

        with capture_logs() as lines:
            call(floor, floor.supervisor)

        told = lines[-1]
        assert (told["event"], told["log_level"]) == (event, "info")
        assert told["actor_id"] == floor.supervisor.pk

    def test_of_a_completion_and_its_replay_leads_to_the_entry(self, floor: Floor) -> None:
        slip = floor.played_slip()

        with capture_logs() as lines:
            for _ in range(2):
                complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

        closed = RatingSlip.objects.get()
        ids = {"slip_id": str(slip.pk), "actor_id": floor.boss.pk, "slip_correlation_id": str(closed.correlation_id)}
        assert lines == [
            {"event": f"ratingslips.{event}", "log_level": "info", "points": 578} | ids
            for event in ("slip_completed", "completion_replayed")
        ]

    def test_of_a_recovery_leads_to_the_slip_s_own_request(self, floor: Floor, owed_slip: RatingSlip) -> None:
        with capture_logs() as lines:
            for _ in range(2):
                recover_slip_loyalty(slip=owed_slip, actor=floor.supervisor, at=floor.now)

        ids = {
            "slip_id": str(owed_slip.pk),
            "actor_id": floor.supervisor.pk,
            "slip_correlation_id": str(RatingSlip.objects.get().correlation_id),
        }
        assert lines == [
            {"event": f"ratingslips.{event}", "log_level": "info", "points": 578} | ids
            for event in ("loyalty_recovered", "recovery_replayed")
        ]


class TestPointsOwed:
    def test_are_told_without_a_traceback_where_the_reason_is_known(self, floor: Floor) -> None:
        slip = floor.played_slip()
        _pause_program(floor, floor.supervisor)

        with capture_logs() as lines, pytest.raises(PartialCompletion):
            complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

        assert lines == [
            {
                "event": "ratingslips.partial_completion",
                "log_level": "warning",
                "slip_id": str(slip.pk),
                "actor_id": floor.boss.pk,
                "slip_correlation_id": str(RatingSlip.objects.get().correlation_id),
                "because": "PROGRAM_PAUSED",
                "replayed": False,
                "exc_info": None,
            }
        ]
