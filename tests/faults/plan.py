"""What the workers are to do: a queue of units, each a list of steps, made from a seed and nothing else.

Half of the players are in a house whose points are powers of two, one for each step: there a balance decodes to exactly
the steps that were applied. The others are in a house with tiers, where steps of every kind meet.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final
from uuid import UUID

BEGINNING: Final = datetime(2026, 9, 1, 12, tzinfo=UTC)
BETWEEN_VISITS: Final = timedelta(hours=3)
BETWEEN_STEPS: Final = timedelta(minutes=10)
PLAYERS_AT_ONCE: Final = 4
AWARD_BITS: Final = range(14)  # one award is at most 10,000 points
VISIT_BITS: Final = range(14, 20)  # an average bet is at most 1,000,000
PROMOTION_BITS: Final = range(20, 32)
REPEATED: Final = 0.15


class Kind(StrEnum):
    """What a step asks for."""

    OPEN = "open"
    BET = "bet"
    PAUSE = "pause"
    RESUME = "resume"
    MOVE = "move"
    COMPLETE = "complete"
    RECOVER = "recover"
    RECOVER_PASS = "recover_pass"
    AWARD = "award"
    PROMOTE = "promote"
    REDEEM = "redeem"
    REVERSE = "reverse"
    PAUSE_PROGRAM = "pause_program"
    RESUME_PROGRAM = "resume_program"


ON_A_SLIP: Final = frozenset({Kind.OPEN, Kind.BET, Kind.PAUSE, Kind.RESUME, Kind.MOVE, Kind.COMPLETE, Kind.RECOVER})
BY_KEY: Final = frozenset({Kind.AWARD, Kind.PROMOTE, Kind.REDEEM, Kind.REVERSE})


class Point(StrEnum):
    """Where in a step a worker's own fault strikes."""

    FIRST_STATEMENT = "before the first statement"
    SLIP_LOCKED = "slip locked"
    ACCOUNT_LOCKED = "account locked"
    ENTRY_WRITTEN = "entry written"
    ACCOUNT_WRITTEN = "account written"
    SEGMENT_WRITTEN = "segment written"
    SLIP_WRITTEN = "slip written"
    BEFORE_COMMIT = "before the commit"
    AFTER_COMMIT = "after the commit"
    BEFORE_ANSWER = "before the answer"


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


class Manner(StrEnum):
    """How it strikes."""

    SIGKILL = "SIGKILL"
    EXIT = "os._exit"
    RAISE = "exception"
    IDLE = "idle in transaction"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One request. `target` is the step whose key, or the slip number, that it is about; `at` is what it says it is."""

    number: int
    kind: Kind
    player: int
    target: str = ""
    at: str = ""
    amount: int = 0
    point: Point | None = None
    manner: Manner | None = None
    asks_again: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The whole run: players 0 … `plain_players` - 1 are in the house of powers of two, the rest in that of tiers."""

    seed: int
    players: int
    units: list[list[Step]]

    def steps(self) -> Iterator[Step]:
        """Every step, in the order of the queue."""
        for unit in self.units:
            yield from unit

    def write(self, file: Path) -> None:
        """Write it as JSON lines: a head, then a unit a line."""
        with file.open("w") as out:
            out.write(json.dumps({"seed": self.seed, "players": self.players}) + "\n")
            for unit in self.units:
                out.write(json.dumps([asdict(step) for step in unit]) + "\n")

    @classmethod
    def read(cls, file: Path) -> "Plan":
        """Read what `write` wrote."""
        with file.open() as lines:
            head = json.loads(next(lines))
            units = [[_step(data) for data in json.loads(line)] for line in lines]
        return cls(units=units, **head)


def is_plain(player: int) -> bool:
    """Whether a player is in the house of powers of two."""
    return player % 2 == 0


def _step(data: dict[str, object]) -> Step:
    kind, point, manner = data.pop("kind"), data.pop("point"), data.pop("manner")
    return Step(
        kind=Kind(str(kind)),
        point=Point(str(point)) if point else None,
        manner=Manner(str(manner)) if manner else None,
        **data,  # type: ignore[arg-type]
    )


def key_of(step: Step) -> str:
    """The idempotency key under which the ledger knows a step."""
    match step.kind:
        case Kind.AWARD:
            return f"reward:{step.number}"
        case Kind.REDEEM:
            return f"redemption:{UUID(int=step.number)}"
    return f"faults:{step.number}"


def reason_of(number: int) -> str:
    """The reason that an entry of a step gives; it names the step whatever became of its key."""
    return f"Step {number} of the fault harness"


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
            players += PLAYERS_AT_ONCE
            singles.append([self._step(Kind.RECOVER_PASS, players - 1)])
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
            if not is_plain(player):
                unit += self._play(player, slip, begins)
            if paused_here:
                unit.append(self._step(Kind.PAUSE_PROGRAM, player))
            unit.append(self._step(Kind.COMPLETE, player, target=slip, at=ends.isoformat()))
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

    def _singles(self, player: int) -> list[list[Step]]:
        """What other workers do on the same account meanwhile, and what somebody sends a second time."""
        awards = [self._step(Kind.AWARD, player, amount=2**bit) for bit in AWARD_BITS]
        promotions = [self._step(Kind.PROMOTE, player, amount=2**bit) for bit in PROMOTION_BITS]
        if not is_plain(player):
            awards, promotions = awards[:8], promotions[:6]
        units = [[step] for step in awards + promotions]
        if not is_plain(player):
            units += [[self._step(Kind.REDEEM, player, amount=-(2**bit))] for bit in range(6, 10)]
            units += [
                [promotion, self._step(Kind.REVERSE, player, target=str(promotion.number), amount=-promotion.amount)]
                for promotion in promotions[:3]
            ]
        units += [[step] for step in awards + promotions if self._chance.random() < REPEATED]
        for number in range(len(VISIT_BITS)):
            if self._chance.random() < REPEATED:
                slip, ends = f"F-{player}-{number}", BEGINNING + number * BETWEEN_VISITS + timedelta(hours=1)
                units.append([self._step(Kind.COMPLETE, player, target=slip, at=ends.isoformat())])
                units.append([self._step(Kind.RECOVER, player, target=slip)])
        return units
