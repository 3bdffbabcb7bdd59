"""One drill: writers at work, one fault after the other, and after each a comparison with the books."""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from django.db import connections

from tests.cluster.faults import FAULTS
from tests.cluster.nodes import START_SECONDS, Cluster
from tests.faults import history
from tests.faults.books import read_books
from tests.faults.checker import Findings, check
from tests.faults.harness import ROOT, recover_all
from tests.faults.history import Call, read_history
from tests.faults.plan import Plan
from tests.faults.planner import make_plan
from tests.faults.servers import environment
from tests.faults.world import build_world
from tests.invariants import broken_invariants
from tests.waiting import wait_until

WRITERS: Final = 3
QUIET_SECONDS: Final = 4.0
OPERATIONS: Final = 12_000
_FAILED: Final = frozenset({history.BUSY, history.UNKNOWN, history.ERROR})


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """What a fault did. `acknowledged` and what follows count all entries since the beginning of the drill."""

    fault: str
    was_primary: str
    is_primary: str
    silence_seconds: float
    failed_tries: int
    acknowledged: int
    stored: int
    twice: int

    @property
    def lost(self) -> int:
        return self.acknowledged - self.stored


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What a drill showed."""

    rows: list[Row]
    findings: Findings
    invariants: dict[str, list[str]]
    outcomes: Counter[str]
    version: str
    has_quorum: bool

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost, paid twice or broken."""
        return not (self.findings.wrong or self.invariants or any(row.lost or row.twice for row in self.rows))


class Drill:
    """The faults of a cluster that runs, whose database is migrated and empty."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self._cluster = cluster
        self._folder = folder
        self._plan: Plan = make_plan(seed=1, operations=OPERATIONS, own_faults=0, idle_faults=0)

    def run(self, faults: list[str]) -> Result:
        """Meet each fault, and give what it did."""
        self._plan.write(self._folder / "plan.jsonl")
        build_world(players=self._plan.players)
        with self._writers():
            wait_until(lambda: self._acknowledged(self._calls()), timeout_seconds=START_SECONDS)
            rows = []
            for fault in faults:
                rows.append(self._met(fault))
                sys.stderr.write(f"{rows[-1]}\n")
        connections.close_all()  # as old as the writers; the primary has changed since
        recover_all(self._cluster)
        calls = self._calls()
        with self._cluster.connect() as connection:
            books = read_books(connection)
            version = connection.info.parameter_status("server_version") or ""
        return Result(
            rows=rows,
            findings=check(plan=self._plan, calls=calls, books=books),
            invariants=broken_invariants(),
            outcomes=Counter(call.outcome for tries in calls.values() for call in tries),
            version=version,
            has_quorum=self._cluster.has_quorum,
        )

    def _met(self, fault: str) -> Row:
        """Meet one fault; return when all nodes are in order again and the books were compared."""
        time.sleep(QUIET_SECONDS)
        began, was_primary = time.monotonic_ns(), self._primary()
        FAULTS[fault](self._cluster, was_primary)
        wait_until(self._cluster.is_whole, timeout_seconds=START_SECONDS)
        time.sleep(QUIET_SECONDS)
        calls = self._calls()
        return self._compared(
            fault, was_primary, since=began, calls=[call for tries in calls.values() for call in tries]
        )

    def _compared(self, fault: str, was_primary: str, *, since: int, calls: list[Call]) -> Row:
        """Compare the answers so far with what the primary has now."""
        told = {
            (facts["entry"], facts["points"], facts["balance_after"])
            for call in calls
            if call.outcome == history.OK and (facts := call.facts).get("entry")
        }
        with self._cluster.connect() as connection:
            entries = read_books(connection).entries
        there = {(entry.id, entry.points, entry.balance_after) for entry in entries}
        reasons = Counter(entry.reason for entry in entries)
        ended = sorted(call.ended for call in calls if call.outcome == history.OK and call.ended is not None)
        before = [instant for instant in ended if instant < since][-1:]
        times = [*before, *(instant for instant in ended if instant >= since), time.monotonic_ns()]
        return Row(
            fault=fault,
            was_primary=was_primary,
            is_primary=self._primary(),
            silence_seconds=max(later - earlier for earlier, later in pairwise(times)) / 1e9,
            failed_tries=sum(call.outcome in _FAILED and (call.ended or 0) >= since for call in calls),
            acknowledged=len(told),
            stored=len(told & there),
            twice=sum(times - 1 for times in reasons.values()),
        )

    def _calls(self) -> dict[int, list[Call]]:
        return read_history(self._folder.glob("history-*.jsonl"))

    @staticmethod
    def _acknowledged(calls: dict[int, list[Call]]) -> int:
        return sum(call.outcome == history.OK for tries in calls.values() for call in tries)

    def _primary(self) -> str:
        return self._cluster.primary() or "none"

    @contextmanager
    def _writers(self) -> Iterator[None]:
        """Writers at work; they end with their last call."""
        writers: list[subprocess.Popen[bytes]] = []
        try:
            for number in range(WRITERS):
                command = [sys.executable, "-m", "tests.cluster.writer", str(self._folder), str(number), str(WRITERS)]
                with (self._folder / f"writer-{number}.log").open("w") as log:
                    writers.append(
                        subprocess.Popen(command, cwd=ROOT, env=environment(self._cluster), stdout=log, stderr=log)
                    )
            yield
            assert [writer.poll() for writer in writers] == [None] * WRITERS, "a writer ended before the faults did"
            for writer in writers:
                writer.terminate()
            assert [writer.wait(START_SECONDS) for writer in writers] == [0] * WRITERS, "a writer failed: see its log"
        finally:
            for writer in writers:
                writer.kill()
                writer.wait()
