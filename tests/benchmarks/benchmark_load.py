"""How long `load_casino` takes, beside another checkout: `python -m tests.benchmarks.benchmark_load`.

`--against DIR` is the other checkout, migrated; each loads `--players` new players into a new casino of its private
database, in turn. Not collected with the tests.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import copy
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

from tests.benchmarks.benchmark_import import run_in
from tests.benchmarks.checkouts import DAY, HERE

# Only what every version of the product has: it runs in both checkouts.
_LOAD: Final = """
import io, json, logging, resource, sys, time
from django.core.management import call_command
from django.utils.crypto import get_random_string

logging.disable(logging.CRITICAL)
code = "b" + get_random_string(10).lower()
began, processor = time.perf_counter(), time.process_time()
call_command("load_casino", sys.argv[-1], code=code, stdout=io.StringIO(), stderr=io.StringIO())
print(json.dumps({
    "seconds": time.perf_counter() - began, "processor": time.process_time() - processor,
    "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
"""


def _players(count: int) -> Iterator[str]:
    """Lines of so many players, with the names of the recorded day in all combinations."""
    header, *lines = (DAY / "players.csv").read_text().splitlines()
    yield header
    first, last = zip(*(line.split(",")[1:3] for line in lines), strict=True)
    for number in range(count):
        yield f"{500_000 + number},{first[number % len(first)]},{last[number * 7 % len(last)]},ACTIVE"


def _report(name: str, runs: list[dict[str, Any]]) -> float:
    seconds: float = median(run["seconds"] for run in runs)
    processor, memory = (median(run[key] for run in runs) for key in ("processor", "memory_mb"))
    sys.stdout.write(f"{name:<8} {seconds:6.1f} s, {processor:5.1f} s of Python, {memory:.0f} MB at most\n")
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", metavar="DIR", type=Path, help="another checkout, migrated")
    parser.add_argument("--players", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    checkouts = {"here": HERE} | ({"against": options.against.resolve()} if options.against else {})
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in checkouts}
    with TemporaryDirectory() as name:
        for file in ("games.csv", "tables.csv"):
            copy(DAY / file, name)
        (Path(name) / "players.csv").write_text("".join(f"{line}\n" for line in _players(options.players)))
        for _ in range(options.rounds):
            for checkout, folder in checkouts.items():
                runs[checkout].append(run_in(folder, _LOAD, name))
    sys.stdout.write(f"{os.cpu_count()} cores, load {os.getloadavg()[1]:.1f}, {options.players:,} players\n")
    seconds = {checkout: _report(checkout, found) for checkout, found in runs.items()}
    if "against" in seconds:
        sys.stdout.write(f"{seconds['here'] / seconds['against']:.2f} times the time\n")


if __name__ == "__main__":
    main()
