"""How long a completion and an award take: `uv run pytest -n0 -s tests/benchmarks/benchmark_completion.py`.

Not collected with the tests, and asserts nothing about time. Both are measured in turn in one run, so that their ratio
holds on a noisy machine; each is a real commit, through the services, with a permission asked and a history behind it.
"""

import sys
from collections.abc import Callable
from functools import partial
from statistics import median, quantiles
from time import perf_counter

from loyalty.services import manual_reward
from ratingslips.services import complete_rating_slip
from tests.floor import Floor

ROUNDS = 200
AWARDS_IN_ALL = 9  # the rate limit allows ten a minute


def _milliseconds(call: Callable[[], object]) -> float:
    began = perf_counter()
    call()
    return (perf_counter() - began) * 1000


def _report(name: str, times: list[float]) -> None:
    ninety_fifth = quantiles(times, n=20)[-1]
    sys.stdout.write(
        f"{name:<11} {len(times):>4} ×  median {median(times):6.1f} ms  95 % within {ninety_fifth:6.1f} ms  "
        f"longest {max(times):6.1f} ms\n"
    )


class TestBenchmark:
    def test_reports_completions_and_awards(self, committed_floor: Floor) -> None:
        floor = committed_floor
        completions, awards = [], []

        for number in range(ROUNDS):
            # One after the other in one seat: nobody can sit there twice at a time, not even in the past.
            begins, ends = floor.ago(minutes=2 * (ROUNDS - number) + 1), floor.ago(minutes=2 * (ROUNDS - number))
            slip = floor.open_slip(at=begins)
            completions.append(_milliseconds(partial(complete_rating_slip, slip=slip.pk, actor=floor.boss, at=ends)))
            if number < AWARDS_IN_ALL:
                award = partial(manual_reward, player=slip.player, points=10, reason="Benchmark award")
                awards.append(_milliseconds(partial(award, actor=floor.supervisor, at=floor.now)))

        sys.stdout.write("\n")
        _report("completion", completions)
        _report("award", awards)
