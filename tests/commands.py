"""Commands as a shell sees them: what they write, and the code they end with."""

import io
from dataclasses import dataclass
from errno import ENOSPC
from pathlib import Path

from django.conf import settings
from django.core.management import CommandError, call_command

PIT_DAY = Path(settings.BASE_DIR) / "config/demo/data/pit-day-2026-11-14"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """A command that ended; `error` is the sentence that it would leave on standard error, after its `progress`."""

    code: int
    out: str
    error: str
    progress: str


def run(name: str, *arguments: object) -> Ran:
    """Run a command in this process."""
    out, progress = io.StringIO(), io.StringIO()
    try:
        call_command(name, *map(str, arguments), stdout=out, stderr=progress)
    except CommandError as error:
        # What the argument parser refuses would end a process with 2, and gets its own beginning here.
        code = 2 if str(error).startswith("Error: ") else error.returncode
        return Ran(code=code, out=out.getvalue(), error=str(error), progress=progress.getvalue())
    return Ran(code=0, out=out.getvalue(), error="", progress=progress.getvalue())


class FullDisk(io.StringIO):
    """An output on a disk that has no room left."""

    def flush(self) -> None:
        raise OSError(ENOSPC, "No space left on device")
