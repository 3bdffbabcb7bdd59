"""A whole run: a server, two houses, workers and faults; then peace, recovery, and the look at what is left."""

import json
import queue
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.db import connections

from tests.faults import history
from tests.faults.board import Board
from tests.faults.books import read_books
from tests.faults.chaos import Chaos, make_script
from tests.faults.checker import Findings, check
from tests.faults.history import Call, read_history
from tests.faults.plan import Plan
from tests.faults.planner import make_plan
from tests.faults.proxy import Proxy, Way
from tests.faults.servers import TIMEOUTS, FaultServer, Server, environment
from tests.faults.world import build_world
from tests.invariants import broken_invariants

ROOT: Final = Path(__file__).resolve().parents[2]
RECOVERY_PASSES: Final = 3
_POLL_SECONDS: Final = 0.02
_STUCK_SECONDS: Final = 120
_OWED: Final = "SELECT count(*) FROM ratingslips_ratingslip WHERE status = 'CLOSED' AND settled_at IS NULL"


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """How large a run is and how rough."""

    operations: int
    seed: int
    workers: int = 6
    own_faults: float = 0.01
    idle_faults: float = 0.0005
    fault_every: float = 40
    crashes: int = 5
    without: str = ""


@dataclass(kw_only=True, slots=True)
class Run:
    """What came of it."""

    size: Size
    plan: Plan
    findings: Findings
    counts: dict[str, Counter[str]]
    seconds: float
    recovery: list[dict[str, Any]]
    settings: dict[str, str]
    invariants: dict[str, list[str]]

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found wrong."""
        return not self.findings.wrong and not self.invariants and self.recovery[-1]["owed"] == 0


class Workers:
    """The workers, by way of their zygote; one that ends otherwise than well is started again."""

    def __init__(self, *, server: FaultServer, folder: Path, size: Size) -> None:
        self._zygote = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.zygote", str(folder), str(size.workers), size.without],
            cwd=ROOT,
            env={**environment(server), **TIMEOUTS},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._told: queue.Queue[str] = queue.Queue()
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()
        self.running: set[int] = set()
        self.ends: Counter[str] = Counter()
        for number in range(size.workers):
            self.order(f"start {number}")
            self.running.add(number)

    def order(self, order: str) -> None:
        """Tell the zygote."""
        assert self._zygote.stdin is not None
        self._zygote.stdin.write(order + "\n")
        self._zygote.stdin.flush()

    def kill(self, number: int) -> None:
        """Have a worker killed."""
        self.order(f"kill {number}")

    def tend(self) -> None:
        """Start those again that were killed; wait a moment where nothing happened."""
        try:
            what, number, *status = self._told.get(timeout=_POLL_SECONDS).split()
        except queue.Empty:
            return
        if what == "ended":
            self.running.discard(int(number))
            if status != ["0"]:
                assert status in (["-9"], ["70"]), f"worker {number} ended with {status}: see its log"
                self.ends["by SIGKILL" if status == ["-9"] else "by os._exit"] += 1
                self.order(f"start {number}")
                self.running.add(int(number))

    def _listen(self) -> None:
        assert self._zygote.stdout is not None
        for line in self._zygote.stdout:
            self._told.put(line)

    def end(self) -> None:
        """Let the zygote go, and whatever of its workers is left with it."""
        for number in self.running:
            self.kill(number)
        assert self._zygote.stdin is not None
        self._zygote.stdin.close()
        self._zygote.wait(30)
        self._listener.join()


@contextmanager
def _ended(workers: Workers) -> Iterator[Workers]:
    try:
        yield workers
    finally:
        workers.end()


def run(size: Size, *, server: FaultServer, folder: Path) -> Run:
    """Build the houses in the server's empty database, let the workers and the faults loose, and look."""
    plan = make_plan(
        seed=size.seed, operations=size.operations, own_faults=size.own_faults, idle_faults=size.idle_faults
    )
    plan.write(folder / "plan.jsonl")
    build_world(players=plan.players)
    board = Board(folder / "board", workers=size.workers)
    began = time.monotonic()
    ways = [Way(folder / f"way-{number}", server=server.socket) for number in range(size.workers)]
    with Proxy(ways) as proxy, _ended(Workers(server=server, folder=folder, size=size)) as workers:
        script = make_script(
            seed=size.seed,
            operations=size.operations,
            workers=size.workers,
            every=size.fault_every,
            crashes=size.crashes,
        )
        chaos = Chaos(script, server=server, proxy=proxy, kill_worker=workers.kill, seed=size.seed)
        _see_it_through(workers, board=board, chaos=chaos)
        faults = chaos.done + workers.ends
    seconds = time.monotonic() - began
    connections.close_all()  # as old as the houses; the server was stopped since
    recovery = recover_all(server)
    calls = read_history(folder.glob("history-*.jsonl"))
    with server.connect() as connection:
        books = read_books(connection)
    return Run(
        size=size,
        plan=plan,
        findings=check(plan=plan, calls=calls, books=books),
        counts=count(plan, calls, faults=faults),
        seconds=seconds,
        recovery=recovery,
        settings=server.settings(),
        invariants=broken_invariants(),
    )


def recover_all(server: Server) -> list[dict[str, Any]]:
    """Pay what is owed with the command that production uses, a few passes at most; what each of them did."""
    passes: list[dict[str, Any]] = []
    with server.connect() as connection:
        connection.execute(
            "UPDATE loyalty_programpause SET resumed_at = now(), resumed_by_id = paused_by_id,"
            " resume_correlation_id = gen_random_uuid() WHERE resumed_at IS NULL"
        )
        connection.execute("UPDATE loyalty_loyaltyprogram SET paused_at = NULL, paused_by_id = NULL, pause_reason = ''")
        while not passes or (passes[-1]["owed"] and len(passes) < RECOVERY_PASSES):
            done = subprocess.run(
                [
                    sys.executable,
                    "manage.py",
                    "recover_slip_loyalty",
                    "--older-than",
                    "0",
                    "--limit",
                    "100000",
                    "--json",
                ],
                cwd=ROOT,
                env=environment(server),
                capture_output=True,
                text=True,
                check=False,
            )
            paid = json.loads(done.stdout)["paid"] if done.stdout.strip() else 0
            owed = connection.execute(_OWED).fetchone()
            assert owed is not None
            passes.append({"exit": done.returncode, "paid": paid, "owed": owed[0]})
    return passes


def count(plan: Plan, calls: dict[int, list[Call]], *, faults: Counter[str]) -> dict[str, Counter[str]]:
    """Calls by kind and by outcome, refusals by code, and faults by kind; those of the workers are counted by plan."""
    kinds = {step.number: step.kind for step in plan.steps()}
    every = [call for tries in calls.values() for call in tries]
    own = Counter(
        f"{step.manner} {step.point}" for step in plan.steps() if step.manner and step.point and step.number in calls
    )
    return {
        "operations": Counter(str(kinds[call.step]) for call in every),
        "outcomes": Counter("no answer" if call.ended is None else call.outcome for call in every),
        "refusals": Counter(call.code for call in every if call.outcome == history.REFUSED),
        "owed_because": Counter(call.code for call in every if call.outcome == history.OWED),
        "faults_from_outside": faults,
        "faults_planned_inside_workers": own,
    }


def _see_it_through(workers: Workers, *, board: Board, chaos: Chaos) -> None:
    """Tend the workers and strike until the queue is empty.

    :raises AssertionError: nothing was answered for too long.
    """
    answered, moved_at = 0, time.monotonic()
    try:
        while workers.running:
            workers.tend()
            if (now := board.answered()) != answered:
                answered, moved_at = now, time.monotonic()
            assert time.monotonic() - moved_at < _STUCK_SECONDS, f"the workers stand still after {answered} answers"
            chaos.strike(answered=answered)
    finally:
        chaos.stop()
