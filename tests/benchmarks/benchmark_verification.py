"""How long a verification takes: `uv run pytest -n0 -s tests/benchmarks/benchmark_verification.py`.

Not collected with the tests, and asserts nothing about time. Entries that are verified, entries that are only streamed
with the same columns, and the hash that an INSERT computes are measured in turn in one run, so that their ratios hold
on a noisy machine.
"""

import sys
import tracemalloc
from collections.abc import Callable
from statistics import median
from time import perf_counter

from django.db import connection

from loyalty.proof.verification import Scope, stream_entries, verify_ledger
from tests.floor import Floor
from tests.loyalty.rows import account_of, write_history

ACCOUNTS = 10
ENTRIES_EACH = 2_000
ROUNDS = 5


def _seconds(call: Callable[[], object]) -> float:
    began = perf_counter()
    call()
    return perf_counter() - began


def _stream() -> None:
    with stream_entries(scope=Scope()) as entries:
        for _ in entries:
            pass


def _hash_in_postgresql() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(loyalty_chain_hash(entry)) FROM loyalty_ledger AS entry")


class TestBenchmark:
    def test_reports_verification_beside_streaming(self, floor: Floor) -> None:
        for _ in range(ACCOUNTS):
            write_history(floor, account_of(floor.player()), entries=ENTRIES_EACH)
        verified, streamed, hashed = [], [], []

        for _ in range(ROUNDS):
            streamed.append(_seconds(_stream))
            verified.append(_seconds(lambda: verify_ledger(scope=Scope())))
            hashed.append(_seconds(_hash_in_postgresql))

        entries = ACCOUNTS * ENTRIES_EACH
        tracemalloc.start()
        verify_ledger(scope=Scope())
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        sys.stdout.write(
            f"\n{entries:,} entries: verified {entries / median(verified):,.0f} a second, streamed "
            f"{entries / median(streamed):,.0f} a second ({median(verified) / median(streamed):.2f} times as long); "
            f"{most / 2**20:.1f} MiB of Python's memory at most; the hash of an INSERT takes "
            f"{median(hashed) / entries * 1e6:.0f} µs\n"
        )
