"""What the workers share, and outlives a killed one: the place in the queue, and the step of each."""

import fcntl
import mmap
import os
import struct
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final

_HEAD: Final = struct.Struct("<q")
_SLOT: Final = struct.Struct("<qqqq")
_NO_UNIT: Final = -1


class Stage(IntEnum):
    """How far a worker is with the step that it is at."""

    READY = 0
    INVOKED = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """The unit and the step that a worker is at; no unit where it needs one. `answered` counts its calls."""

    unit: int = _NO_UNIT
    step: int = 0
    stage: Stage = Stage.READY
    answered: int = 0

    @property
    def has_unit(self) -> bool:
        """Whether a unit is under way."""
        return self.unit != _NO_UNIT


class Board:
    """A small file, mapped into every process."""

    def __init__(self, file: Path, *, workers: int) -> None:
        size = _HEAD.size + workers * _SLOT.size
        self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        is_new = os.fstat(self._descriptor).st_size == 0
        os.truncate(self._descriptor, size)
        self._map = mmap.mmap(self._descriptor, size)
        self._workers = workers
        if is_new:
            for worker in range(workers):
                self.stand(worker, Place())

    def take_unit(self, worker: int, *, units: int) -> Place | None:
        """Stand at the next unit of the queue; none where it is empty."""
        fcntl.lockf(self._descriptor, fcntl.LOCK_EX)  # let go of by the kernel if this process is killed
        try:
            (unit,) = _HEAD.unpack_from(self._map)
            if unit >= units:
                return None
            place = Place(unit=unit, answered=self.place(worker).answered)
            self.stand(worker, place)
            _HEAD.pack_into(self._map, 0, unit + 1)
            return place
        finally:
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN)

    def place(self, worker: int) -> Place:
        """The step that a worker is at, or was at when it was killed."""
        unit, step, stage, answered = _SLOT.unpack_from(self._map, _HEAD.size + worker * _SLOT.size)
        return Place(unit=unit, step=step, stage=Stage(stage), answered=answered)

    def stand(self, worker: int, place: Place) -> None:
        """Say which step a worker is at."""
        slot = (place.unit, place.step, place.stage, place.answered)
        _SLOT.pack_into(self._map, _HEAD.size + worker * _SLOT.size, *slot)

    def answered(self) -> int:
        """How many calls have ended so far."""
        return sum(self.place(worker).answered for worker in range(self._workers))
