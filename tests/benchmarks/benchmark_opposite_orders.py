"""Two players' slips completed in opposite orders, 10,000 times, without a deadlock or a lost point.

`uv run pytest -n0 -s tests/benchmarks/benchmark_opposite_orders.py`; not collected with the tests. In each round two
hands open a slip of a player each, and then complete both slips at the same moment, one forwards and one backwards: of
each two completions one is a replay.
"""

import logging
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from threading import Barrier
from time import perf_counter

from django.db import connections

from core import correlation
from core.models import Player
from loyalty.models import LedgerEntry, PlayerLoyalty
from ratingslips.models import RatingSlip
from ratingslips.services import complete_rating_slip
from tests.concurrency import deadlocks
from tests.floor import Floor
from tests.invariants import broken_invariants

ROUNDS = int(os.environ.get("ROUNDS", "10000"))
ROUNDS_BETWEEN_SIGNS_OF_LIFE = 500
PATIENCE_SECONDS = 300


def _play(floor: Floor, players: list[Player], *, seat: int, barrier: Barrier, slips: dict[int, RatingSlip]) -> int:
    """One hand: its own player in its own seat, a minute in each round; how many of its answers were replays."""
    replays = 0
    for number in range(ROUNDS):
        if seat == 0 and number % ROUNDS_BETWEEN_SIGNS_OF_LIFE == 0:
            sys.stderr.write(f"{number:,} rounds\n")
        begins: datetime = floor.ago(minutes=ROUNDS - number)
        slips[seat] = floor.open_slip(player=players[seat], seat=seat + 1, at=begins)
        barrier.wait(PATIENCE_SECONDS)
        for slip in [slips[seat], slips[1 - seat]]:
            settlement = complete_rating_slip(slip=slip.pk, actor=floor.boss, at=begins + timedelta(minutes=1))
            replays += settlement.replayed
        barrier.wait(PATIENCE_SECONDS)
    return replays


def _with_a_connection(play: Callable[[], int]) -> int:
    try:
        with correlation.bound():
            return play()
    finally:
        connections.close_all()


class TestBenchmark:
    def test_never_deadlocks(self, committed_floor: Floor) -> None:
        floor, before, began = committed_floor, deadlocks(), perf_counter()
        players = [floor.player(), floor.player()]
        logging.disable(logging.INFO)
        hand = partial(_play, floor, players, barrier=Barrier(2), slips={})

        with ThreadPoolExecutor(2) as pool:
            replays = sum(pool.map(lambda seat: _with_a_connection(partial(hand, seat=seat)), range(2)))

        seconds = perf_counter() - began
        balances = sorted(PlayerLoyalty.objects.values_list("balance", flat=True))
        sys.stdout.write(
            f"\n{ROUNDS:,} rounds, {4 * ROUNDS:,} completions, {replays:,} of them replays, "
            f"deadlocks {deadlocks() - before}, balances {balances}, {seconds:.0f} s\n"
        )
        assert replays == 2 * ROUNDS
        assert deadlocks() == before
        assert LedgerEntry.objects.count() == 2 * ROUNDS
        assert broken_invariants() == {}
