"""The faults that come from outside the workers: a script made from the seed, told by how much work has been done."""

import contextlib
import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import psycopg

from tests.faults.proxy import Loss, Proxy
from tests.faults.servers import FaultServer

PARKED_SECONDS: Final = 1.4  # longer than the workers wait for a lock
PARKED_ROWS: Final = 3


class Outside(StrEnum):
    """What happens to a worker, a backend or the server."""

    KILL_WORKER = "worker killed at random"
    TERMINATE = "backend terminated"
    CANCEL = "statement cancelled"
    PARK_ACCOUNTS = "accounts locked by a parked transaction"
    PARK_SLIPS = "slips locked by a parked transaction"
    CRASH_BACKEND = "backend killed, all sessions lost"
    STOP_IMMEDIATE = "PostgreSQL stopped at once and restarted"


_WEIGHTS: Final[dict[Outside | Loss, float]] = {
    Outside.KILL_WORKER: 12,
    Outside.TERMINATE: 16,
    Outside.CANCEL: 12,
    Outside.PARK_ACCOUNTS: 4,
    Outside.PARK_SLIPS: 2,
    Loss.COMMIT: 10,
    Loss.HALF_COMMIT: 4,
    Loss.COMMIT_ANSWER: 12,
    Loss.LATE_COMMIT: 6,
    Loss.REQUEST: 8,
    Loss.STATEMENT_ANSWER: 8,
    Loss.HALF_ANSWER: 6,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """A fault that is due once so many calls were answered; losses come `times` in a row, on one worker's way."""

    due: int
    what: Outside | Loss
    worker: int
    times: int


def make_script(*, seed: int, operations: int, workers: int, every: float, crashes: int) -> list[Event]:
    """A fault every so many calls, and so many crashes of a backend and stops of the server, spread over the run."""
    chance = random.Random(f"chaos:{seed}")  # noqa: S311
    events = []
    for due in range(int(every), operations, int(every)):
        what = chance.choices(list(_WEIGHTS), weights=list(_WEIGHTS.values()))[0]
        times = chance.choice([1, 1, 1, 2, 3, 6]) if isinstance(what, Loss) else 1
        events.append(Event(due=due, what=what, worker=chance.randrange(workers), times=times))
    for number in range(crashes):
        for what, share in ((Outside.CRASH_BACKEND, 0.3), (Outside.STOP_IMMEDIATE, 0.8)):
            due = int(operations * (number + share) / crashes)
            events.append(Event(due=due, what=what, worker=0, times=1))
    return sorted(events, key=lambda event: event.due)


class Chaos:
    """Strikes when the script says so; counts what it did."""

    def __init__(
        self, script: list[Event], *, server: FaultServer, proxy: Proxy, kill_worker: Callable[[int], None], seed: int
    ) -> None:
        self._script = script
        self._server = server
        self._proxy = proxy
        self._kill_worker = kill_worker
        self._chance = random.Random(f"targets:{seed}")  # noqa: S311
        self._next = 0
        self._parked: list[threading.Thread] = []
        self.done: Counter[str] = Counter()

    def strike(self, *, answered: int) -> None:
        """Do everything that is due by now."""
        while self._next < len(self._script) and self._script[self._next].due <= answered:
            event = self._script[self._next]
            self._next += 1
            with contextlib.suppress(psycopg.Error):  # the server may be on its way up or down
                self._do(event)

    def stop(self) -> None:
        """No more faults: take back what is armed, let go of what is parked."""
        for way in self._proxy.ways:
            way.armed.clear()
            self.done.update(way.lost)
        for thread in self._parked:
            thread.join()

    def _do(self, event: Event) -> None:
        if isinstance(event.what, Loss):
            self._proxy.ways[event.worker].armed.extend([event.what] * event.times)
            return
        if self._strike_outside(event.what, event.worker):
            self.done[event.what] += 1

    def _strike_outside(self, what: Outside, worker: int) -> bool:
        match what:
            case Outside.KILL_WORKER:
                self._kill_worker(worker)
                return True
            case Outside.TERMINATE | Outside.CANCEL:
                return self._signal_backend(what)
            case Outside.PARK_ACCOUNTS | Outside.PARK_SLIPS:
                self._parked = [thread for thread in self._parked if thread.is_alive()]
                thread = threading.Thread(target=self._park, args=(what,))
                self._parked.append(thread)
                thread.start()
                return True
            case Outside.CRASH_BACKEND:
                return self._crash_backend()
            case Outside.STOP_IMMEDIATE:
                self._server.stop_at_once()
                self._server.start()
                return True

    def _busy_backends(self, connection: psycopg.Connection) -> list[int]:
        query = (
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'table-ratings' "
            "AND state IN ('active', 'idle in transaction') ORDER BY pid"
        )
        return [row[0] for row in connection.execute(query)]

    def _signal_backend(self, what: Outside) -> bool:
        function = "pg_terminate_backend" if what is Outside.TERMINATE else "pg_cancel_backend"
        with self._server.connect() as connection:
            backends = self._busy_backends(connection)
            if not backends:
                return False
            connection.execute(f"SELECT {function}(%s)", [self._chance.choice(backends)])
            return True

    def _crash_backend(self) -> bool:
        with self._server.connect() as connection:
            backends = self._busy_backends(connection)
        if not backends:
            return False
        struck = self._server.kill_backend(self._chance.choice(backends))
        self._server.start()
        return struck

    def _park(self, what: Outside) -> None:
        """Lock rows that are in use just now, as a transaction that its client forgot would."""
        newest = {
            Outside.PARK_ACCOUNTS: "SELECT id FROM loyalty_playerloyalty ORDER BY updated_at DESC LIMIT %s",
            Outside.PARK_SLIPS: "SELECT id FROM ratingslips_ratingslip WHERE closed_at IS NULL LIMIT %s",
        }[what]
        table = "loyalty_playerloyalty" if what is Outside.PARK_ACCOUNTS else "ratingslips_ratingslip"
        with contextlib.suppress(psycopg.Error), self._server.connect() as connection, connection.transaction():
            connection.execute("SET LOCAL lock_timeout = '2s'")
            connection.execute(
                f"SELECT id FROM {table} WHERE id IN ({newest}) ORDER BY id FOR NO KEY UPDATE", [PARKED_ROWS]
            )
            connection.execute("SELECT pg_sleep(%s)", [PARKED_SECONDS])
