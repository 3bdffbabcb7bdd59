"""Two players' slips completed in opposite orders, 10,000 times, without a deadlock or a lost point.

`uv run pytest -n0 -s tests/scenarios/benchmark_opposite_orders.py`; not collected with the tests. In each round two
hands open a slip of a player each, and then complete both slips at the same moment, one forwards and one backwards: of
each two completions one is a replay.
"""

import logging
import os
import sys
from datetime import datetime, timedelta
from functools import partial
from threading import Barrier
from time import perf_counter

from core.models import Player
from loyalty.models import LedgerEntry, PlayerLoyalty
from ratingslips.models import RatingSlip
from ratingslips.services import complete_rating_slip
from tests.concurrency import deadlocks, together
from tests.floor import Floor
from tests.invariants import broken_invariants

ROUNDS = int(os.environ.get("ROUNDS", "10000"))
ROUNDS_AT_A_TIME = 20
PATIENCE_SECONDS = 60


def _play(
    floor: Floor, players: list[Player], rounds: range, *, seat: int, barrier: Barrier, slips: dict[int, RatingSlip]
) -> int:
    """One hand: its own player in its own seat, a minute in each round; how many of its answers were replays."""
    replays = 0
    for number in rounds:
        begins: datetime = floor.ago(minutes=ROUNDS - number)
        slips[seat] = floor.open_slip(player=players[seat], seat=seat + 1, at=begins)
        barrier.wait(PATIENCE_SECONDS)
        for slip in [slips[seat], slips[1 - seat]]:
            settlement = complete_rating_slip(slip=slip.pk, actor=floor.boss, at=begins + timedelta(minutes=1))
            replays += settlement.replayed
        barrier.wait(PATIENCE_SECONDS)
    return replays


class TestBenchmark:
    def test_never_deadlocks(self, committed_floor: Floor) -> None:
        floor, before, began = committed_floor, deadlocks(), perf_counter()
        players = [floor.player(), floor.player()]
        logging.disable(logging.INFO)
        replays = 0

        for first in range(0, ROUNDS, ROUNDS_AT_A_TIME):
            rounds = range(first, first + ROUNDS_AT_A_TIME)
            hand = partial(_play, floor, players, rounds, barrier=Barrier(2), slips={})
            outcomes = together([partial(hand, seat=0), partial(hand, seat=1)])
            assert [each for each in outcomes if not isinstance(each, int)] == []
            replays += sum(each for each in outcomes if isinstance(each, int))

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
