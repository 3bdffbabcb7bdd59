"""Work in several processes: one snapshot, results in order, and no worker that is lost or left behind."""

import os
import signal
from functools import partial

import pytest
from django.db import OperationalError, connection

from core.processes import WorkerLost, in_processes
from core.snapshots import one_snapshot
from loyalty.models import LedgerEntry
from tests.concurrency import Elsewhere
from tests.floor import Floor
from tests.loyalty.postings import award
from tests.waiting import wait_until

in_two = partial(in_processes, processes=2, statement_seconds=60)


def _slept(seconds: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s), 'a worker'", [seconds])
    return os.getpid()


def _sleepers() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE state = 'active' AND query LIKE '%a worker%' AND pid <> pg_backend_pid()"
        )
        return int(cursor.fetchone()[0])


def _killed_at_2(part: int) -> int:
    if part == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return part


class TestInProcesses:
    def test_gives_results_in_order_of_one_snapshot(self, committed_floor: Floor) -> None:
        floor, player = committed_floor, committed_floor.player()
        award(floor, player, points=5)

        with one_snapshot():
            assert LedgerEntry.objects.count() == 1
            Elsewhere(lambda: award(floor, player, points=6)).result()
            seen = [*in_two(lambda part: (part, LedgerEntry.objects.count(), os.getpid()), range(5))]

        assert [(part, entries) for part, entries, _ in seen] == [(part, 1) for part in range(5)]
        assert len({process for *_, process in seen} - {os.getpid()}) == 2
        assert LedgerEntry.objects.count() == 2

    def test_fails_where_a_worker_is_killed(self, transactional_db: None) -> None:
        with one_snapshot(), pytest.raises(WorkerLost):
            list(in_two(_killed_at_2, range(4)))

    def test_raises_the_error_of_a_worker_with_its_cause(self, transactional_db: None) -> None:
        with one_snapshot(), pytest.raises(OperationalError) as raised:
            list(in_processes(_slept, [2, 2], processes=2, statement_seconds=1))

        assert getattr(raised.value.__cause__, "sqlstate", None) == "57014"

    def test_leaves_no_statement_behind_when_it_is_closed(self, transactional_db: None) -> None:
        with one_snapshot():
            results = in_two(_slept, [0, 60])
            next(results)
            wait_until(lambda: Elsewhere(_sleepers).result() == 1)

            results.close()

            assert Elsewhere(_sleepers).result() == 0
