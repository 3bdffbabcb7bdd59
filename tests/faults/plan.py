"""What the workers are to do: a queue of units, each a list of steps."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final
from uuid import UUID

BEGINNING: Final = datetime(2026, 9, 1, 12, tzinfo=UTC)
PLAYERS_AT_ONCE: Final = 4
GROUP: Final = PLAYERS_AT_ONCE + 2  # the last two get the play of the others that was recorded for the wrong player


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
    ADJUST = "adjust"
    REVERSE = "reverse"
    BUY_IN = "buy_in"
    CHIPS_OUT = "chips_out"
    STRIKE = "strike"
    CORRECT = "correct"
    VOID = "void"
    UNDO = "undo"
    CONTINUE = "continue"
    REASSIGN = "reassign"
    PAUSE_PROGRAM = "pause_program"
    RESUME_PROGRAM = "resume_program"


# What begins or ends a segment: what the checker reads from the segments of a slip.
OF_PLAY: Final = frozenset({Kind.OPEN, Kind.BET, Kind.PAUSE, Kind.RESUME, Kind.MOVE, Kind.CONTINUE})
BY_KEY: Final = frozenset({Kind.AWARD, Kind.PROMOTE, Kind.REDEEM, Kind.ADJUST, Kind.REVERSE})
# What leaves a row with the id of its request: a correction or a row of money.
BY_REQUEST: Final = frozenset(
    {Kind.BUY_IN, Kind.CHIPS_OUT, Kind.STRIKE, Kind.CORRECT, Kind.VOID, Kind.UNDO, Kind.REASSIGN}
)


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


class Manner(StrEnum):
    """How it strikes."""

    SIGKILL = "SIGKILL"
    EXIT = "os._exit"
    RAISE = "exception"
    IDLE = "idle in transaction"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One request. `target` is the step or the slip that it is about, and `at` the time that it gives.

    A slip that continues F-1-2 is F-1-2+, and the one that has the play of F-1-2 after it was reassigned is F-1-2~.
    """

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
    """The whole run: players 0 … `plain_players` - 1 are in the casino of powers of two, the rest in the other."""

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
    """Whether a player is in the casino of powers of two."""
    return player % 2 == 0


def guest_of(player: int) -> int:
    """Who gets the play of a player that was recorded for the wrong one."""
    return player - player % GROUP + PLAYERS_AT_ONCE + player % 2


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
        case Kind.ADJUST:
            return f"adjustment:{step.number}"
        case Kind.REVERSE:
            return f"reversal of reward:{step.target}"
    return f"faults:{step.number}"


def reason_of(number: int) -> str:
    """The reason that an entry of a step gives; it names the step whatever became of its key."""
    return f"Step {number} of the fault harness"
