"""Make a plan from a seed and nothing else.

Half of the players are in a house whose points are powers of two, one for each step: there a balance decodes to exactly
the steps that were applied. The others are in a house with tiers, where steps of every kind meet.
"""

import random
from datetime import datetime, timedelta
from typing import Final

from tests.faults.plan import BEGINNING, GROUP, PLAYERS_AT_ONCE, Kind, Manner, Plan, Point, Step, is_plain

BETWEEN_VISITS: Final = timedelta(hours=3)
BETWEEN_STEPS: Final = timedelta(minutes=10)
AWARD_BITS: Final = range(14)  # one award is at most 10,000 points
VISIT_BITS: Final = range(14, 20)  # an average bet is at most 1,000,000
PROMOTION_BITS: Final = range(20, 32)
REPEATED: Final = 0.15
_UNDONE: Final = 5  # the way in which a visit is put right: its opening is undone
IN_A_TRANSACTION: Final = frozenset(
    {
        Point.SLIP_LOCKED,
        Point.ACCOUNT_LOCKED,
        Point.ENTRY_WRITTEN,
        Point.ACCOUNT_WRITTEN,
        Point.SEGMENT_WRITTEN,
        Point.SLIP_WRITTEN,
    }
)


def make_plan(*, seed: int, operations: int, own_faults: float, idle_faults: float) -> Plan:
    """At least as many steps as `operations`; a share of `own_faults` of them meets a fault inside its worker."""
    return _Planner(random.Random(seed), own_faults=own_faults, idle_faults=idle_faults).plan(seed, operations)  # noqa: S311


class _Planner:
    def __init__(self, chance: random.Random, *, own_faults: float, idle_faults: float) -> None:
        self._chance = chance
        self._own_faults = own_faults
        self._idle_faults = idle_faults
        self._steps = 0

    def plan(self, seed: int, operations: int) -> Plan:
        units: list[list[Step]] = []
        players = 0
        while self._steps < operations:
            visits, singles = [], []
            for player in range(players, players + PLAYERS_AT_ONCE):
                visits.append(self._visits(player))
                singles += self._singles(player)
            players += GROUP
            singles.append([self._step(Kind.RECOVER_PASS, players - GROUP)])
            self._chance.shuffle(singles)
            units += visits + singles
        return Plan(seed=seed, players=players, units=units)

    def _step(self, kind: Kind, player: int, *, target: str = "", at: str = "", amount: int = 0) -> Step:
        self._steps += 1
        point, manner = self._fault()
        return Step(
            number=self._steps,
            kind=kind,
            player=player,
            target=target,
            at=at,
            amount=amount,
            point=point,
            manner=manner,
            asks_again=self._chance.random() < 0.7,
        )

    def _fault(self) -> tuple[Point | None, Manner | None]:
        drawn = self._chance.random()
        if drawn < self._idle_faults:
            return self._chance.choice([Point.ACCOUNT_LOCKED, Point.BEFORE_COMMIT]), Manner.IDLE
        if drawn > self._own_faults:
            return None, None
        point = self._chance.choice(list(Point))
        manners = [Manner.SIGKILL, Manner.SIGKILL, Manner.EXIT]
        if point in IN_A_TRANSACTION:
            manners.append(Manner.RAISE)
        return point, self._chance.choice(manners)

    def _visits(self, player: int) -> list[Step]:
        """Every visit of a player, one after the other; in the plain house each of an hour, worth 2^bit points."""
        unit: list[Step] = []
        for number, bit in enumerate(VISIT_BITS):
            slip, begins = f"F-{player}-{number}", BEGINNING + number * BETWEEN_VISITS
            unit.append(
                self._step(Kind.OPEN, player, target=slip, at=begins.isoformat(), amount=self._bet(player, bit))
            )
            paused_here = not is_plain(player) and self._chance.random() < 0.1
            ends = begins + timedelta(hours=1)
            before: list[Step] = []
            after: list[Step] = []
            if not is_plain(player):
                way = (number + player) % len(VISIT_BITS)
                before, after = self._put_right(player, slip, ends, way=way)
                unit += [*(self._play(player, slip, begins) if way != _UNDONE else ()), *before]
            if paused_here:
                unit.append(self._step(Kind.PAUSE_PROGRAM, player))
            unit.append(self._step(Kind.COMPLETE, player, target=slip, at=ends.isoformat()))
            unit += after
            if paused_here:
                unit.append(self._step(Kind.RESUME_PROGRAM, player))
        return unit

    def _bet(self, player: int, bit: int) -> int:
        return 2**bit if is_plain(player) else self._chance.choice([10, 25, 40, 100, 300])

    def _play(self, player: int, slip: str, begins: datetime) -> list[Step]:
        steps: list[Step] = []
        for kind in self._chance.choice(
            [(), (Kind.BET,), (Kind.PAUSE, Kind.RESUME), (Kind.MOVE,), (Kind.BET, Kind.PAUSE, Kind.MOVE, Kind.RESUME)]
        ):
            at = begins + BETWEEN_STEPS * (len(steps) + 1)
            # None is a bet of an opening: an unchanged bet leaves no segment.
            bet = self._chance.choice([15, 30, 60, 150])
            steps.append(self._step(kind, player, target=slip, at=at.isoformat(), amount=bet))
        return steps

    def _put_right(self, player: int, slip: str, ends: datetime, *, way: int) -> tuple[list[Step], list[Step]]:
        """What somebody does before and after the closing of a visit that was recorded wrongly."""

        def step(kind: Kind, mark: str = "", *, amount: int = 0, at: datetime = ends) -> Step:
            return self._step(kind, player, target=slip + mark, at=at.isoformat(), amount=amount)

        if way == _UNDONE:
            return [step(Kind.UNDO)], []
        bought = step(Kind.BUY_IN, amount=500, at=ends - BETWEEN_STEPS)
        # None is a bet of an opening or of a change.
        bets = self._chance.sample([20, 80, 200, 500], 2)
        match way:
            case 0:
                strike = self._step(Kind.STRIKE, player, target=str(bought.number), amount=-bought.amount)
                return [bought, step(Kind.CORRECT, amount=bets[0])], [strike]
            case 1:
                return [bought], [step(Kind.CORRECT, amount=bet) for bet in bets]
            case 2:
                return [bought], [step(Kind.CHIPS_OUT, amount=300), step(Kind.VOID)]
            case 3:
                return [bought], [step(Kind.CONTINUE, "+"), step(Kind.COMPLETE, "+", at=ends + BETWEEN_STEPS)]
        reassigned = [step(Kind.REASSIGN, "~"), step(Kind.COMPLETE, "~")]
        return ([bought, *reassigned], []) if self._chance.random() < 0.5 else ([bought], reassigned)

    def _singles(self, player: int) -> list[list[Step]]:
        """What other workers do on the same account meanwhile, and what somebody sends a second time."""
        awards = [self._step(Kind.AWARD, player, amount=2**bit) for bit in AWARD_BITS]
        promotions = [self._step(Kind.PROMOTE, player, amount=2**bit) for bit in PROMOTION_BITS]
        if not is_plain(player):
            awards, promotions = awards[:8], promotions[:6]
        units = [[step] for step in awards + promotions]
        if not is_plain(player):
            units += [[self._step(Kind.REDEEM, player, amount=-(2**bit))] for bit in range(6, 10)]
            units += [[self._step(Kind.ADJUST, player, amount=amount)] for amount in (300, -150, -20_000)]
            units += [
                [award, self._step(Kind.REVERSE, player, target=str(award.number), amount=-award.amount)]
                for award in awards[:3]
            ]
        units += [[step] for step in awards + promotions if self._chance.random() < REPEATED]
        for number in range(len(VISIT_BITS)):
            if self._chance.random() < REPEATED:
                slip, ends = f"F-{player}-{number}", BEGINNING + number * BETWEEN_VISITS + timedelta(hours=1)
                units.append([self._step(Kind.COMPLETE, player, target=slip, at=ends.isoformat())])
                units.append([self._step(Kind.RECOVER, player, target=slip)])
        return units
