"""What goes wrong once it is committed: the answer still says what happened."""

import errno
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from config.logging import line_formatter
from loyalty.models import LedgerEntry
from loyalty.services import pause_program
from ratingslips.services import PartialCompletion, complete_rating_slip, recover_slip_loyalty
from tests.floor import Floor
from tests.loyalty.postings import award
from tests.ratingslips.test_recovery import owed_slip


class _FullDisk:
    """A log file on a disk that is full."""

    def __init__(self) -> None:
        self.refused = 0

    def write(self, _text: str) -> int:
        self.refused += 1
        raise OSError(errno.ENOSPC, "No space left on device")

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


class _BrokenFormatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__()
        self.refused = 0

    def format(self, record: logging.LogRecord) -> str:
        self.refused += 1
        raise ValueError("this line cannot be written")


@pytest.fixture(params=["the disk is full", "the line cannot be written"])
def broken_log(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The log as production writes it, but nothing can be written to it; counts what was tried."""
    disk, formatter = _FullDisk(), _BrokenFormatter()
    handler = logging.StreamHandler(disk)
    is_full = request.param == "the disk is full"
    handler.setFormatter(line_formatter(as_json=True) if is_full else formatter)
    root = logging.getLogger()
    root.addHandler(handler)
    yield disk if is_full else formatter
    root.removeHandler(handler)


CALLS: dict[str, Callable[[Floor], Any]] = {
    "completion": lambda floor: complete_rating_slip(slip=floor.played_slip(), actor=floor.boss, at=floor.now),
    "recovery": lambda floor: recover_slip_loyalty(slip=owed_slip(floor), actor=floor.supervisor, at=floor.now),
    "reward": lambda floor: award(floor, floor.player(), points=578),
}


class TestLogThatCannotBeWritten:
    @pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
    def test_changes_no_answer(self, floor: Floor, broken_log: Any, call: Callable[[Floor], Any]) -> None:
        answer = call(floor)

        assert (answer.points, answer.replayed) == (578, False)
        assert LedgerEntry.objects.get().points == 578
        assert broken_log.refused > 0

    def test_still_lets_owed_points_be_told(self, floor: Floor, broken_log: Any) -> None:
        slip = floor.played_slip()
        pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Migration of the tiers")

        with pytest.raises(PartialCompletion, match=f"Slip {slip.slip_number} is closed"):
            complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

        assert broken_log.refused > 0
