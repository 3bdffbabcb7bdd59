"""A writer of the drill: makes its share of the calls of a plan, each until it is answered, and ends at SIGTERM."""

import signal
import sys
import time
from pathlib import Path
from typing import Final

import django

django.setup()

from django.db import DatabaseError, connection  # noqa: E402

from core.errors import Busy, DatabaseAway  # noqa: E402
from core.standby import writing  # noqa: E402
from tests.faults import history  # noqa: E402
from tests.faults.history import Journal  # noqa: E402
from tests.faults.plan import Plan, Step  # noqa: E402
from tests.faults.requests import ask, outcome_of  # noqa: E402
from tests.faults.world import NothingToDo, World  # noqa: E402

_BETWEEN_CALLS_SECONDS: Final = 0.05
_BEFORE_ANOTHER_TRY_SECONDS: Final = 0.5


class Writer:
    """One of several writers; what it asks and is answered is in `history-NUMBER.jsonl`."""

    def __init__(self, folder: Path, *, number: int, writers: int) -> None:
        self._is_told_to_end = False
        self._journal = Journal(folder / f"history-{number}.jsonl")
        plan = Plan.read(folder / "plan.jsonl")
        self._steps = [step for unit in plan.units[number::writers] for step in unit]
        self._world = World(players=plan.players)

    def run(self) -> None:
        """Work until SIGTERM, and finish the call that is under way."""
        signal.signal(signal.SIGTERM, self._end)
        with writing():
            for step in self._steps:
                while not self._is_told_to_end and not self._is_answered(step):
                    time.sleep(_BEFORE_ANOTHER_TRY_SECONDS)
                if self._is_told_to_end:
                    return
                time.sleep(_BETWEEN_CALLS_SECONDS)

    def _end(self, *_: object) -> None:
        self._is_told_to_end = True

    def _is_answered(self, step: Step) -> bool:
        """Make the call of a step once; False if it has to be made again."""
        try:
            call = ask(step, world=self._world)
        except NothingToDo:
            return True
        except (DatabaseError, Busy, DatabaseAway):
            connection.close()
            return False
        self._journal.write(event="invoke", step=step.number)
        answer = outcome_of(call)
        self._journal.write(event="answer", step=step.number, **answer)
        return answer["outcome"] not in {history.BUSY, history.UNKNOWN}


if __name__ == "__main__":
    Writer(Path(sys.argv[1]), number=int(sys.argv[2]), writers=int(sys.argv[3])).run()
