"""What the workers were asked and answered: JSON lines, one written before and one after each call.

Each record is one write to a file that is only ever appended to, so a worker that is killed leaves whole lines. Times
are of the machine's monotonic clock, which all its processes share.
"""

import json
import os
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

OK: Final = "acknowledged"
OWED: Final = "owed"
REFUSED: Final = "refused"
BUSY: Final = "busy"
UNKNOWN: Final = "unknown"
FAILED: Final = "failed"  # by an exception of the harness's own, before the commit
ERROR: Final = "error"  # by one that nobody foresaw: always a finding


class Journal:
    """One worker's file."""

    def __init__(self, file: Path) -> None:
        self._descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, **record: Any) -> None:
        """Append one record, with the time."""
        line = json.dumps({"t": time.monotonic_ns(), **record}, default=str) + "\n"
        os.write(self._descriptor, line.encode())


@dataclass(kw_only=True, slots=True)
class Call:
    """One try of a step: when it began, and its answer; none where its worker died."""

    step: int
    began: int
    ended: int | None = None
    outcome: str = UNKNOWN
    code: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


def read_history(files: Iterable[Path]) -> dict[int, list[Call]]:
    """The calls of every step, in the order in which they began."""
    calls: dict[int, list[Call]] = defaultdict(list)
    for file in files:
        under_way: Call | None = None
        with file.open() as lines:
            for record in map(json.loads, lines):
                if record["event"] == "invoke":
                    under_way = Call(step=record["step"], began=record["t"])
                    calls[under_way.step].append(under_way)
                elif under_way is not None:
                    assert record["step"] == under_way.step
                    under_way.ended = record["t"]
                    under_way.outcome = record["outcome"]
                    under_way.code = record.get("code", "")
                    under_way.facts = record.get("facts", {})
                    under_way = None
    for tries in calls.values():
        tries.sort(key=lambda call: call.began)
    return calls
