"""Completions and awards beside what they cost PostgreSQL alone.

`pytest -n0 -s tests/benchmarks/benchmark_completion.py`. Not collected with the tests, and asserts nothing about time.
The services and the functions of `functions.sql`, which do the same work in one call, take turns in one run, so that
their ratio holds on a noisy machine. Each is a real commit, with its permission asked and a history behind it.
"""

import os
import platform
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Final
from uuid import uuid4

import pytest
from django.db import connection

from core.models import User
from loyalty.services import manual_reward
from ratingslips.models import RatingSlip
from ratingslips.services import complete_rating_slip
from tests.databases import as_owner
from tests.factories import StaffFactory
from tests.floor import Floor, give_rights
from tests.statements import statements_of

ROUNDS: Final = 100
AWARDS_OF_ONE: Final = 8  # the rate limit allows ten a minute
FUNCTIONS: Final = Path(__file__).with_name("functions.sql")
# The keys of HMAC-SHA256 (RFC 2104), padded to the block of 64 bytes, and the id of the key.
_KEY: Final = sha256(b"benchmark").digest().ljust(64, b"\0")
KEYS: Final = (bytes(byte ^ 0x36 for byte in _KEY), bytes(byte ^ 0x5C for byte in _KEY), "00000000")


@pytest.fixture
def floor(committed_floor: Floor) -> Iterator[Floor]:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(FUNCTIONS.read_text())
    yield committed_floor
    with as_owner(), connection.cursor() as cursor:
        for name in ("award", "complete", "post", "may", "code"):
            cursor.execute(f"DROP FUNCTION benchmark_{name}")


def _milliseconds(call: Callable[[], object]) -> float:
    began = perf_counter()
    call()
    return (perf_counter() - began) * 1000


def _in_postgresql(function: str, *arguments: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}({', '.join(['%s'] * len(arguments))})", arguments)


def _compare(
    name: str, service: Callable[[], Callable[[], object]], function: Callable[[], Callable[[], object]]
) -> None:
    """Time what `service` and `function` give in turn, and print the medians, the shortest times and the ratios."""
    statements = len(statements_of(service()))
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(_milliseconds(service()))
        theirs.append(_milliseconds(function()))
    sys.stdout.write(
        f"{name:<11} {statements} statements, median {median(ours):5.1f} ms, of the function {median(theirs):5.1f} ms: "
        f"{median(ours) / median(theirs):4.1f} times; shortest {min(ours):5.1f} and {min(theirs):5.1f} ms: "
        f"{min(ours) / min(theirs):4.1f} times\n"
    )


class TestBenchmark:
    def test_compares_services_with_functions(self, floor: Floor) -> None:
        # One slip after the other in one seat: nobody can sit there twice at a time, not even in the past.
        slips = (floor.open_slip(at=floor.ago(minutes=2 * left)) for left in range(3 * ROUNDS, 0, -1))
        awards = self._awards(floor)

        sys.stdout.write(
            f"\n{platform.machine()}, {os.cpu_count()} cores, "
            f"PostgreSQL {connection.connection.info.server_version // 10_000}\n"
        )
        _compare(
            "completion",
            lambda: self._completion(next(slips), floor),
            lambda: self._completion_in_postgresql(next(slips), floor),
        )
        player = floor.player()
        _compare(
            "award",
            lambda: partial(manual_reward, player=player, points=10, reason=f"Award {uuid4()}", **next(awards)),
            lambda: partial(
                _in_postgresql, "benchmark_award", player.pk, 10, "Award", *self._by(next(awards)), uuid4(), *KEYS
            ),
        )

    def _completion(self, slip: RatingSlip, floor: Floor) -> Callable[[], object]:
        return partial(complete_rating_slip, slip=slip.pk, actor=floor.boss, at=_minute_after(slip))

    def _completion_in_postgresql(self, slip: RatingSlip, floor: Floor) -> Callable[[], object]:
        keys = (uuid4(), uuid4(), *KEYS)
        return partial(_in_postgresql, "benchmark_complete", slip.pk, floor.boss.pk, _minute_after(slip), *keys)

    def _awards(self, floor: Floor) -> Iterator[dict[str, Any]]:
        """Who awards and when, none of them more often than they may."""
        while True:
            supervisor: User = StaffFactory.create(casino=floor.casino)
            give_rights((supervisor, floor.program, ["award"]))
            for _ in range(AWARDS_OF_ONE):
                yield {"actor": supervisor, "at": floor.now}

    def _by(self, award: dict[str, Any]) -> tuple[int, datetime]:
        return award["actor"].pk, award["at"]


def _minute_after(slip: RatingSlip) -> datetime:
    return slip.opened_at + timedelta(minutes=1)
