"""How long `check_invariants` takes on 200,000 entries and 10,000 slips, and how much memory it needs.

`uv run pytest -n0 -s tests/benchmarks/benchmark_invariants.py`; not collected with the tests, and no time is asserted.
"""

import os
import resource
import sys
from time import perf_counter

from django.db import connection

from core.invariants import examine
from core.snapshots import one_snapshot
from ratingslips.invariants import ALL_INVARIANTS
from tests.databases import as_owner
from tests.floor import Floor
from tests.loyalty.rows import account_of, write_history
from tests.ratingslips.rows import write_owed

ACCOUNTS = int(os.environ.get("ACCOUNTS", "200"))
ENTRIES_EACH = 1_000
SLIPS_EACH = 50


class TestBenchmark:
    def test_reports_each_invariant(self, committed_floor: Floor) -> None:
        floor = committed_floor
        for number in range(ACCOUNTS):
            player = floor.player()
            write_history(floor, account_of(player), entries=ENTRIES_EACH)
            if number < 7:
                write_owed(floor, player, seat=number + 1, number=SLIPS_EACH * ACCOUNTS // 7)
        with as_owner(), connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        times = []
        with one_snapshot(statement_seconds=600):
            for invariant in ALL_INVARIANTS:
                began = perf_counter()
                finding = examine(invariant)
                times.append((perf_counter() - began, invariant.name, finding.rows))

        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        sys.stdout.write("\n")
        for seconds, name, rows in sorted(times, reverse=True):
            sys.stdout.write(f"{seconds:8.2f} s  {name}  ({rows:,} rows break it)\n")
        sys.stdout.write(f"{sum(each[0] for each in times):8.2f} s  in all; {grown:,} kB more memory\n")
