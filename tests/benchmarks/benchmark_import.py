"""How many lines a second an import takes, beside another checkout: `python -m tests.benchmarks.benchmark_import`.

`--against DIR` is the other checkout, such as a git worktree of an earlier commit, migrated. Both import the recorded
day into new casinos of their private databases, in turn. `--file` names another file of this casino. Not collected with
the tests.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any, Final

from tests.benchmarks.checkouts import DAY, HERE, python_of

# Only what every version of the product has: it runs in both checkouts.
_IMPORT: Final = """
import io, json, logging, resource, sys, time
from django.core.management import call_command
from django.db import connection
from django.utils.crypto import get_random_string

logging.disable(logging.CRITICAL)
folder, events = sys.argv[-2:]
code = "b" + get_random_string(10).lower()
call_command("load_casino", folder, code=code, stdout=io.StringIO(), stderr=io.StringIO())
statements = 0

def count(execute, *args):
    global statements
    statements += 1
    return execute(*args)

with connection.execute_wrapper(count):
    began, processor = time.perf_counter(), time.process_time()
    answer = io.StringIO()
    call_command("import_rating_events", events, casino=code, as_json=True, stdout=answer, stderr=io.StringIO())
    seconds, processor = time.perf_counter() - began, time.process_time() - processor
print(json.dumps({
    "lines": json.loads(answer.getvalue())["lines"], "seconds": seconds, "processor": processor,
    "statements": statements, "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "server": connection.pg_version,
}))
"""


def run_in(checkout: Path, code: str, *arguments: str) -> dict[str, Any]:
    """Run code of a benchmark in a process of the checkout, and return the object that its last line is."""
    environment = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "PYTHONPATH"}}
    setup = "import sys, django; sys.path.insert(0, ''); django.setup()\n"
    ran = subprocess.run(
        [python_of(checkout), "-c", setup + code, *arguments],
        cwd=checkout,
        env=environment | {"DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise SystemExit(ran.stderr)
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def _report(name: str, runs: list[dict[str, Any]]) -> float:
    """Print the medians of runs, and return the lines a second."""
    lines = runs[0]["lines"]
    speeds: list[float] = [run["lines"] / run["seconds"] for run in runs]
    sys.stdout.write(
        f"{name:<8} {median(speeds):6.0f} lines/s ({min(speeds):.0f} to {max(speeds):.0f}), "
        f"{1000 * median(run['processor'] for run in runs) / lines:5.2f} ms of Python a line, "
        f"{median(run['statements'] for run in runs) / lines:5.2f} statements a line, "
        f"{median(run['memory_mb'] for run in runs):.0f} MB\n"
    )
    return median(speeds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", metavar="DIR", type=Path, help="another checkout, migrated")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--file", type=Path, default=DAY / "rating-events.csv")
    options = parser.parse_args()
    checkouts = {"here": HERE} | ({"against": options.against.resolve()} if options.against else {})
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in checkouts}
    for _ in range(options.rounds):
        for name, checkout in checkouts.items():
            runs[name].append(run_in(checkout, _IMPORT, str(DAY), str(options.file.resolve())))
    load = os.getloadavg()[1]
    sys.stdout.write(
        f"{os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}, "
        f"PostgreSQL {runs['here'][0]['server'] // 10_000}, "
        f"{runs['here'][0]['lines']:,} lines, {options.rounds} rounds\n"
    )
    speeds = {name: _report(name, found) for name, found in runs.items()}
    if "against" in speeds:
        sys.stdout.write(f"{speeds['here'] / speeds['against']:.2f} times as many lines a second\n")


if __name__ == "__main__":
    main()
