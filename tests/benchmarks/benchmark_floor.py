"""A busy floor beside another checkout: `python -m tests.benchmarks.benchmark_floor --against DIR`.

24 tablets open and close slips as a browser does, as fast as they are answered: they read the page of the seat, send
its form, follow to the floor, read the page of the slip, send its form, and follow. 30 others refresh their floor
every 5 seconds. Gunicorn has 2 workers with 8 threads, and shares the machine with the tablets. The checkouts take
turns, each with its private database; DIR is a git worktree of an earlier commit, migrated. On a machine that does
other things as well, compare the processor time of a round: one opening and one closing with all pages around them,
and the refreshes meanwhile. Not collected with the tests.
"""

import argparse
import http.client
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.parse import urlencode
from uuid import uuid4

from tests.benchmarks.checkouts import DAY, HERE, python_of
from tests.processes import free_port, wait_until_served

TABLETS: Final = 24
REFRESHING: Final = 30
REFRESH_SECONDS: Final = 5
WARM_UP_SECONDS: Final = 4
SECRET: Final = "b" * 32

# Only what every version of the product has: it runs in both checkouts.
_PREPARE: Final = """
import io, json, logging, sys
from datetime import timedelta
from decimal import Decimal
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import get_random_string
from guardian.shortcuts import assign_perm
from core.models import Casino, User
from ratingslips.services import open_rating_slip

logging.disable(logging.CRITICAL)
code = "b" + get_random_string(10).lower()
call_command("load_casino", sys.argv[-1], code=code, stdout=io.StringIO(), stderr=io.StringIO())
casino = Casino.objects.get(code=code)
players = list(casino.players.filter(status="ACTIVE").order_by("pk"))
found = []
for table in list(casino.gaming_tables.filter(seats__gte=4).order_by("pk"))[:24]:
    boss = User.objects.create_user(f"{code}-{table.pk}", is_staff=True, casino=casino)
    boss.groups.add(Group.objects.get(name="Pit boss"))
    assign_perm("ratingslips.operate_pit", boss, table.pit)
    for seat in (2, 3, 4):
        open_rating_slip(player=players.pop(), table=table, seat=seat, average_bet=Decimal(50), actor=boss,
                         at=timezone.now() - timedelta(minutes=50))
    client = Client()
    client.force_login(boss, backend="core.backends.StaffBackend")
    found.append({"session": client.cookies["sessionid"].value, "pit": reverse("floor:pit", args=[table.pit_id]),
                  "seat": reverse("floor:seat", args=[table.pk, 1]), "id": f"seat-{table.pk}-1",
                  "player": players.pop().pk})
with open(f"/proc/{connection.connection.info.backend_pid}/stat") as stat:
    postgresql = int(stat.read().rpartition(")")[2].split()[1])
print(json.dumps({"tablets": found, "server": connection.pg_version, "postgresql": postgresql}))
"""


class Tablet:
    """One browser; `seconds` has how long each kind of request took, since it was emptied."""

    def __init__(self, port: int, about: dict[str, Any], seconds: dict[str, list[float]]) -> None:
        self.port, self.about, self.seconds = port, about, seconds
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.tag = ""

    def ask(self, kind: str, path: str, form: dict[str, Any] | None = None) -> tuple[http.client.HTTPResponse, str]:
        headers = {"Cookie": f"sessionid={self.about['session']}; csrftoken={SECRET}", "Accept-Encoding": "identity"}
        if kind == "refresh":
            headers["If-None-Match"] = self.tag
        body = None
        if form is not None:
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "X-CSRFToken": SECRET}
            body = urlencode(form)
        began = time.perf_counter()
        try:
            self.connection.request("POST" if form else "GET", path, body, headers)
            answer = self.connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionError, BrokenPipeError):  # it was kept for too long
            self.connection.close()
            self.connection.request("POST" if form else "GET", path, body, headers)
            answer = self.connection.getresponse()
        text = answer.read().decode()
        self.seconds[kind].append(time.perf_counter() - began)
        if answer.status not in {200, 302, 304}:
            raise SystemExit(f"{kind}: {answer.status} {path} {text[:500]}")
        return answer, text

    def refresh(self) -> None:
        answer, _ = self.ask("refresh", f"{self.about['pit']}?part=map")
        self.tag = answer.headers["ETag"]

    def open_and_close(self) -> None:
        self.ask("page of a seat", self.about["seat"])
        form = {"player": self.about["player"], "average_bet": "50", "request_id": uuid4(), "means": "CASH"}
        sent, text = self.ask("opening", self.about["seat"], form)
        assert sent.status == 302, text
        _, floor = self.ask("floor", sent.headers["Location"].partition("#")[0])
        [path] = re.findall(rf'href="([^"]+)" id="{self.about["id"]}"', floor)
        _, page = self.ask("page of a slip", path)
        do = "complete" if 'value="complete"' in page else "close"
        sent, text = self.ask("closing", path, {"do": do, "request_id": uuid4(), "expected_version": "1-OPEN"})
        assert sent.status == 302, text
        self.ask("page of a closed slip", sent.headers["Location"])


@contextmanager
def _served(checkout: Path, folder: Path) -> Iterator[tuple[int, int]]:
    port = free_port()
    gunicorn = [str(Path(python_of(checkout)).with_name("gunicorn")), "-c", "python:config.gunicorn", "config.wsgi"]
    options = ["--workers", "2", "--threads", "8", "--bind", f"127.0.0.1:{port}"]
    with (folder / "log").open("a") as log:
        process = subprocess.Popen([*gunicorn, *options], cwd=checkout, env=_environment(), stdout=log, stderr=log)
        try:
            wait_until_served(port)
            yield port, process.pid
        finally:
            process.terminate()
            process.wait(60)


def _processor_seconds(*roots: int) -> float:
    """The processor time that these processes and their children have used until now."""
    used: dict[int, float] = {}
    parents: dict[int, int] = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = file.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        pid = int(file.parent.name)
        parents[pid], used[pid] = int(fields[1]), sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")

    def is_below(pid: int) -> bool:
        return pid in roots or (pid in parents and is_below(parents[pid]))

    return sum(seconds for pid, seconds in used.items() if is_below(pid))


def _environment() -> dict[str, str]:
    left_out = {"DATABASE_URL", "PYTHONPATH", "DJANGO_SETTINGS_MODULE"}
    return {name: value for name, value in os.environ.items() if name not in left_out}


def _prepare(checkout: Path) -> dict[str, Any]:
    code = f"import sys; sys.argv = ['', {str(DAY)!r}]\n{_PREPARE}"
    command = [python_of(checkout), "manage.py", "shell", "-c", code]
    ran = subprocess.run(command, cwd=checkout, env=_environment(), capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(ran.stderr)
    prepared: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return prepared


def _run(checkout: Path, *, seconds: int) -> dict[str, Any]:
    """Serve the checkout to a busy floor; how long each request took, and how many there were."""
    prepared = _prepare(checkout)
    taken: dict[str, list[float]] = defaultdict(list)
    is_over = threading.Event()

    def act(tablet: Tablet) -> None:
        while not is_over.is_set():
            tablet.open_and_close()

    def refresh(tablet: Tablet, number: int) -> None:
        is_over.wait(REFRESH_SECONDS * number / REFRESHING)
        while not is_over.is_set():
            tablet.refresh()
            is_over.wait(REFRESH_SECONDS)

    with tempfile.TemporaryDirectory() as folder, _served(checkout, Path(folder)) as (port, gunicorn):
        first = Tablet(port, prepared["tablets"][0], taken)
        for _ in range(6):  # of two workers, each is likely to answer one of them first
            first.ask("first", first.about["pit"])
        about = prepared["tablets"]
        tablets = [threading.Thread(target=act, args=[Tablet(port, about[one], taken)]) for one in range(TABLETS)]
        tablets += [
            threading.Thread(target=refresh, args=[Tablet(port, about[one % TABLETS], taken), one])
            for one in range(REFRESHING)
        ]
        for thread in tablets:
            thread.start()
        time.sleep(WARM_UP_SECONDS)
        firsts = taken["first"]
        taken.clear()
        roots = {"gunicorn": gunicorn, "PostgreSQL": prepared["postgresql"]}
        before = {name: _processor_seconds(pid) for name, pid in roots.items()}
        time.sleep(seconds)
        measured = {name: list(times) for name, times in taken.items()}
        processor = {name: _processor_seconds(pid) - before[name] for name, pid in roots.items()}
        is_over.set()
        for thread in tablets:
            thread.join()
    return {
        "server": prepared["server"],
        "firsts": firsts,
        "seconds": seconds,
        "taken": measured,
        "processor": processor,
    }


def _report(name: str, runs: list[dict[str, Any]]) -> tuple[float, float]:
    """Print medians over runs, and return the closings a second and the processor time of a round."""
    speeds = [len(run["taken"]["closing"]) / run["seconds"] for run in runs]
    openings = [len(run["taken"]["opening"]) / run["seconds"] for run in runs]
    sys.stdout.write(f"{name}: {median(speeds):.1f} closings and {median(openings):.1f} openings a second\n")
    for kind in sorted(runs[0]["taken"]):
        times = sorted(1000 * each for run in runs for each in run["taken"][kind])
        last = times[min(len(times) - 1, round(0.99 * len(times)))]
        sys.stdout.write(f"  {kind:<22} {len(times):5} requests, median {median(times):5.0f} ms, 99th {last:5.0f} ms\n")
    used = {
        part: median(1000 * run["processor"][part] / len(run["taken"]["closing"]) for run in runs)
        for part in runs[0]["processor"]
    }
    parts = ", ".join(f"{milliseconds:.0f} ms of {part}" for part, milliseconds in used.items())
    sys.stdout.write(f"  a round takes {sum(used.values()):.0f} ms of processor time: {parts}\n")
    firsts = [round(1000 * each) for each in runs[-1]["firsts"]]
    sys.stdout.write(f"  the first requests after the start: {firsts} ms\n")
    return float(median(speeds)), float(sum(used.values()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", metavar="DIR", type=Path, help="another checkout, migrated")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=15)
    options = parser.parse_args()
    checkouts = {"here": HERE} | ({"against": options.against.resolve()} if options.against else {})
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in checkouts}
    for _ in range(options.rounds):
        for name, checkout in checkouts.items():
            runs[name].append(_run(checkout, seconds=options.seconds))
    sys.stdout.write(
        f"{os.cpu_count()} cores, load {os.getloadavg()[1]:.1f}, Python {platform.python_version()}, "
        f"PostgreSQL {runs['here'][0]['server'] // 10_000}, {options.rounds} rounds of {options.seconds} s\n"
    )
    speeds = {name: _report(name, found) for name, found in runs.items()}
    if "against" in speeds:
        (speed, used), (speed_there, used_there) = speeds["here"], speeds["against"]
        sys.stdout.write(
            f"{speed / speed_there:.2f} times as many closings a second, {used_there / used:.2f} times as many in the "
            "same processor time\n"
        )


if __name__ == "__main__":
    main()
