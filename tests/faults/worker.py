"""A worker: takes units from the queue, makes their calls, writes both ends of each down, and may be killed."""

import os
import select
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NoReturn

from django.db import DatabaseError, connection

from tests.faults import history
from tests.faults.board import Board, Place, Stage
from tests.faults.history import Journal
from tests.faults.plan import Kind, Manner, Plan, Point, Step
from tests.faults.requests import Fault, ask, outcome_of
from tests.faults.world import NothingToDo, World

TRIES: Final = 4
TRIES_OF_A_RESUME: Final = 1_000  # a programme that stayed paused would leave nothing to see
IDLE_LONGER_THAN_SECONDS: Final = 1.3
_EXIT_CODE: Final = 70
_BETWEEN_LOOKS_SECONDS: Final = 0.05

_AFTER: Final = {
    Point.SLIP_LOCKED: ('FROM "ratingslips_ratingslip"', "FOR NO KEY UPDATE"),
    Point.ACCOUNT_LOCKED: ('FROM "loyalty_playerloyalty"', "FOR NO KEY UPDATE"),
    Point.ENTRY_WRITTEN: ('INSERT INTO "loyalty_ledger"', ""),
    Point.ACCOUNT_WRITTEN: ('UPDATE "loyalty_playerloyalty"', ""),
    Point.SEGMENT_WRITTEN: ('"ratingslips_playsegment" ', "_as"),
    Point.SLIP_WRITTEN: ('UPDATE "ratingslips_ratingslip"', ""),
}


class Worker:
    """One process's life: from its fork to the end of the queue, or to its own."""

    def __init__(self, *, number: int, folder: Path, plan: Plan, board: Board) -> None:
        self._number = number
        self._plan = plan
        self._board = board
        self._journal = Journal(folder / f"history-{number}.jsonl")
        self._world = World(players=plan.players)
        self._armed: tuple[Point, Manner] | None = None
        _strike_at_commits(self._reach)

    def run(self) -> None:
        """Work until the queue is empty; begin with what an earlier process of this number left under way."""
        with connection.execute_wrapper(self._watch):
            place: Place | None = self._board.place(self._number)
            while place is not None:
                if place.has_unit:
                    self._finish_unit(place)
                place = self._board.take_unit(self._number, units=len(self._plan.units))

    def _finish_unit(self, place: Place) -> None:
        unit = self._plan.units[place.unit]
        while place.step < len(unit):
            step = unit[place.step]
            was_killed = place.stage is Stage.INVOKED
            if not was_killed or step.asks_again or step.kind == Kind.RESUME_PROGRAM:
                # What killed the worker once is not met a second time.
                place = self._perform(replace(step, point=None, manner=None) if was_killed else step, place)
            place = replace(place, step=place.step + 1, stage=Stage.READY)
            self._board.stand(self._number, place)

    def _perform(self, step: Step, place: Place) -> Place:
        """Make the call until there is an answer, or the client has had enough."""
        for _ in range(TRIES_OF_A_RESUME if step.kind == Kind.RESUME_PROGRAM else TRIES):
            try:
                call = self._ready(step)
            except NothingToDo:
                return place
            place = replace(place, stage=Stage.INVOKED)
            self._board.stand(self._number, place)
            self._journal.write(event="invoke", step=step.number)
            if step.point and step.manner:
                self._armed = (step.point, step.manner)
            self._reach(Point.FIRST_STATEMENT)
            answer = outcome_of(call)
            self._reach(Point.BEFORE_ANSWER)
            self._armed = None
            self._journal.write(event="answer", step=step.number, **answer)
            place = replace(place, answered=place.answered + 1)
            self._board.stand(self._number, place)
            step = replace(step, point=None, manner=None)
            if answer["outcome"] not in {history.BUSY, history.UNKNOWN, history.FAILED} or not step.asks_again:
                break
        return place

    def _ready(self, step: Step) -> Callable[[], dict[str, Any]]:
        """What is looked up before the call is no part of it: tried until the database answers."""
        while True:
            try:
                return ask(step, world=self._world)
            except DatabaseError:
                connection.close()
                select.select([], [], [], _BETWEEN_LOOKS_SECONDS)

    def _watch(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if self._armed and (words := _AFTER.get(self._armed[0])) and all(word in sql for word in words):
            self._reach(self._armed[0])
        return result

    def _reach(self, point: Point) -> None:
        """Meet the fault that is armed for this point, once."""
        if self._armed is None or self._armed[0] != point:
            return
        manner, self._armed = self._armed[1], None
        if manner is Manner.SIGKILL:
            os.kill(os.getpid(), signal.SIGKILL)
        if manner is Manner.EXIT:
            os._exit(_EXIT_CODE)
        if manner is Manner.IDLE:
            _idle_too_long()
        else:
            _raise()


def _raise() -> NoReturn:
    raise Fault


def _idle_too_long() -> None:
    """Do nothing, inside the transaction, until PostgreSQL has hung up or ought to have."""
    select.select([], [], [], IDLE_LONGER_THAN_SECONDS)


def _strike_at_commits(reach: Callable[[Point], None]) -> None:
    """Reach the points before and after each COMMIT that this process sends."""
    commit = connection.commit

    def watched() -> None:
        reach(Point.BEFORE_COMMIT)
        commit()
        reach(Point.AFTER_COMMIT)

    connection.commit = watched  # type: ignore[method-assign]
