"""How long verification and invariants take beside another checkout, and how much an increment reads.

`python -m tests.benchmarks.benchmark_checks --beside FOLDER` runs the commands of this checkout and of the one in
FOLDER in turn, each on the private database of its checkout, which must hold the same history
(`tests.benchmarks.millions` writes one). Nothing is asserted. Without `--beside` it prints only what an increment reads
beside a whole run.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Final

import django

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()

from django.db import connection

from core.invariants import examine, examine_among
from core.snapshots import one_snapshot
from core.timeouts import WHOLE_LEDGER_SECONDS
from loyalty.models import Checkpoint
from loyalty.proof.verification import Scope, verify_ledger
from ratingslips.invariants import ALL_INVARIANTS
from ratingslips.new_rows import mark, new_rows
from tests.benchmarks.checkouts import HERE, python_of

PROCESSES: Final = ("--processes", "2")
_BUFFERS: Final = """
    SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = current_database()
"""


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")


def _run(folder: Path, *command: str) -> tuple[float, float]:
    """Run a command of a checkout, and return its seconds and those of its and its workers' processors."""
    began = perf_counter()
    process = subprocess.Popen(
        [python_of(folder), "manage.py", *command], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    seconds, processor = perf_counter() - began, used.ru_utime + used.ru_stime
    _say(
        f"{folder.name} {' '.join(command)}: {seconds:.1f} s, {processor:.1f} s of processors without PostgreSQL, "
        f"{used.ru_maxrss / 1024:.0f} MiB at most in a process, exit code {os.waitstatus_to_exitcode(status)}"
    )
    return seconds, processor


def _compare(beside: Path, *command: str, rounds: int) -> None:
    theirs, ours = [], []
    for _ in range(rounds):
        theirs.append(_run(beside, *command)[0])
        ours.append(_run(HERE, *command, *PROCESSES)[0])
    load = os.getloadavg()[0]
    _say(f"{' '.join(command)}: {median(ours) / median(theirs):.2f} of the time (medians; load {load:.0f})")


@contextmanager
def _counted(what: str) -> Iterator[None]:
    """Print the statements and buffers of the block, which is a transaction, and its seconds."""
    statements = 0

    def count(execute: Callable[..., Any], *arguments: Any) -> Any:
        nonlocal statements
        statements += 1
        return execute(*arguments)

    before, began = _buffers(), perf_counter()
    with one_snapshot(statement_seconds=WHOLE_LEDGER_SECONDS), connection.execute_wrapper(count):
        yield
    seconds = perf_counter() - began
    _say(f"{what}: {statements:,} statements, {_buffers() - before:,} buffers, {seconds:.1f} s")


def _buffers() -> int:
    """The buffers that were read in this database so far, of which only this process reads."""
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(_BUFFERS)
        return int(cursor.fetchone()[0])


def _increments() -> None:
    newest = Checkpoint.objects.values_list("number", flat=True).first() or 0
    since = mark()
    for what, scope in (("verify_ledger", Scope()), ("verify_ledger --since last", Scope(since=newest))):
        with _counted(what):
            verify_ledger(scope=scope)
    with _counted("check_invariants"):
        for invariant in ALL_INVARIANTS:
            examine(invariant)
    with _counted("check_invariants --new, where only the margin is new"):
        batches = new_rows(since)
        for invariant in ALL_INVARIANTS:
            if not invariant.needs_all:
                examine_among(batches, invariant)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.benchmark_checks", description=__doc__)
    parser.add_argument("--beside", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    if options.beside is not None:
        _compare(options.beside.resolve(), "verify_ledger", "--full", rounds=options.rounds)
        _compare(options.beside.resolve(), "check_invariants", rounds=options.rounds)
    _increments()


if __name__ == "__main__":
    main(sys.argv[1:])
