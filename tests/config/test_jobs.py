"""Each run of a job that does all of its work records when that was."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.db import connection

from core.jobs import JOBS, job_ages
from loyalty.services import pause_program
from tests.commands import Ran, run
from tests.floor import Floor
from tests.loyalty.rows import account_of


def _recorded() -> list[str]:
    return [job.command for job, age in job_ages().items() if age is not None]


@pytest.mark.usefixtures("guarded_floor")
class TestJob:
    @pytest.mark.parametrize("command", [job.command for job in JOBS])
    def test_is_recorded_as_done_just_now(self, command: str) -> None:
        ran = run(*command.split())

        assert (ran.code, _recorded()) == (0, [command])
        [age] = filter(None, job_ages().values())
        assert timedelta() <= age < timedelta(minutes=1)

    @pytest.mark.parametrize(
        "arguments",
        [
            ["checkpoint", "--new-key"],
            ["verify_ledger", "--account", "1001"],
            ["recover_slip_loyalty", "--dry-run"],
            ["recover_slip_loyalty", "--older-than", "6"],
            ["recover_slip_loyalty", "--correlation-id", "6f0de2f8-5d39-4c0c-9a0f-2b6d6c2a3d11"],
        ],
    )
    def test_is_not_recorded_for_a_part_of_it(self, arguments: Sequence[str], guarded_floor: Floor) -> None:
        account_of(guarded_floor.player(card_number="1001"))

        ran = run(*arguments)

        assert (ran.code, _recorded()) == (0, [])

    def test_is_not_recorded_for_the_entries_since_a_checkpoint(self) -> None:
        run("checkpoint")

        ran = run("verify_ledger", "--since", "1")

        assert (ran.code, _recorded()) == (0, ["checkpoint"])

    @pytest.mark.parametrize(("limit", "recorded"), [("1", []), ("2", ["recover_slip_loyalty"])])
    def test_is_recorded_unless_its_limit_left_something(
        self, guarded_floor: Floor, limit: str, recorded: list[str]
    ) -> None:
        for seat in (1, 2):
            guarded_floor.owed_slip(seat=seat, at=guarded_floor.ago(minutes=10))

        ran = run("recover_slip_loyalty", "--limit", limit)

        assert (ran.code, _recorded()) == (0, recorded)

    def test_is_not_recorded_where_it_failed(self, guarded_floor: Floor) -> None:
        guarded_floor.owed_slip(at=guarded_floor.ago(minutes=10))
        pause_program(
            program=guarded_floor.program, reason="Tier migration", actor=guarded_floor.supervisor, at=guarded_floor.now
        )

        ran = run("recover_slip_loyalty")

        assert (ran.code, _recorded()) == (1, [])

    def test_ends_as_it_did_where_the_time_cannot_be_recorded(self) -> None:
        ran = _on_read_only_database("verify_ledger")

        assert ran.code == 0
        assert "The time of this run could not be recorded" in ran.progress


def _on_read_only_database(command: str) -> Ran:
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
        try:
            return run(command)
        finally:
            cursor.execute("SET default_transaction_read_only = off")
