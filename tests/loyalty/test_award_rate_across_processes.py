"""The rate limit is one limit, however many processes serve the console."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from loyalty.models import LedgerEntry
from loyalty.services import AwardRateExceeded
from tests.databases import database_url
from tests.floor import Floor
from tests.processes import entries_in

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {"DJANGO_SETTINGS_MODULE": "config.settings", "LOG_JSON": "1", "LOG_LEVEL": "INFO"}
PROCESSES = 4
AWARDS_EACH = 5
PROGRAM = """
import sys
import django
django.setup()
from django.utils import timezone
from core.models import User
from loyalty.services import AwardRateExceeded, manual_reward
process, awards, player, staff = map(int, sys.argv[1:])
actor = User.objects.get(pk=staff)
sys.stdout.write("ready\\n")
sys.stdout.flush()
sys.stdin.readline()
for number in range(awards):
    reason = f"Award {number} of process {process}"
    try:
        manual_reward(player=player, points=1, reason=reason, actor=actor, at=timezone.now())
    except AwardRateExceeded:
        sys.stdout.write("refused\\n")
    else:
        sys.stdout.write("posted\\n")
"""


@pytest.mark.slow
class TestRateLimit:
    @pytest.mark.shows(32)
    def test_lets_ten_awards_through_from_four_processes_together(self, committed_floor: Floor) -> None:
        # A player each: on one account they would queue for its lock, and hide that they must queue for the limit's.
        staff = committed_floor.supervisor.pk
        players = [committed_floor.player().pk for _ in range(PROCESSES)]
        workers = [
            subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(process), str(AWARDS_EACH), str(players[process]), str(staff)],
                cwd=ROOT,
                env={**os.environ, **ENVIRONMENT, "DATABASE_URL": database_url()},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for process in range(PROCESSES)
        ]
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"

        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        ended = [worker.communicate(timeout=60) for worker in workers]

        told = "".join(said for said, _ in ended).split()
        logged = [line for _, written in ended for line in entries_in(written.splitlines())]
        assert (told.count("posted"), told.count("refused")) == (10, PROCESSES * AWARDS_EACH - 10)
        assert LedgerEntry.objects.filter(staff=staff).count() == 10
        refusals = [line for line in logged if line["event"] == "core.operation_refused"]
        assert {(line["code"], line["actor_id"]) for line in refusals} == {(AwardRateExceeded.code, staff)}
        assert len(refusals) == PROCESSES * AWARDS_EACH - 10
