"""The processes of one private PostgreSQL, and the removal of what a killed one left behind.

Processes are identified by their command lines, which every user may read. Their working folders cannot be used: in a
container without the right to trace, even root may not read them.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from .errors import LocalServerError

_PROC = Path("/proc")
_PID_FILE = "postmaster.pid"
_STOP_TIMEOUT_SECONDS = 30.0
# An idle backend ends with its postmaster; one in the middle of a long computation notices much later.
_ORPHAN_GRACE_SECONDS = 2.0
_POLL_SECONDS = 0.02


def postmaster_of(data: Path) -> int | None:
    """Return the process id of the live server of a data folder, or None.

    The pid file is no proof: the process may be dead, a zombie, or another program that got the same number.
    A server of another checkout, from which this folder was copied, does not count either.
    """
    try:
        first, second, *_ = (data / _PID_FILE).read_text().splitlines()
        process_id, recorded = int(first), Path(second)
    except (OSError, ValueError):
        return None
    arguments = _command_line(process_id)
    if Path(arguments[0]).name != "postgres" or str(recorded) not in arguments:
        return None
    if recorded.exists() and not recorded.samefile(data):
        return None
    return process_id


def stop_postmaster(data: Path) -> bool:
    """Stop the server of a data folder, and give whether there was one.

    :raises LocalServerError: when it does not stop in time.
    """
    process_id = postmaster_of(data)
    if process_id is None:
        return False
    # SIGINT is PostgreSQL's "fast" shutdown: it undoes open transactions and writes everything down.
    _send(process_id, signal.SIGINT)
    if not wait_until(lambda: postmaster_of(data) is None, timeout_seconds=_STOP_TIMEOUT_SECONDS):
        raise LocalServerError(
            f"The private PostgreSQL (process {process_id}) did not stop within {_STOP_TIMEOUT_SECONDS:.0f} seconds: "
            f"end it with `kill -QUIT {process_id}` and try again."
        )
    return True


def clear_remains(data: Path, *, socket_folder: Path, cluster_name: str) -> None:
    """End what is left of an earlier server of this data folder, and remove the files that would stop the next one.

    The caller holds the lock of this server and has checked that no server listens on the socket.

    :raises LocalServerError: when an earlier server does not stop.
    """
    stop_postmaster(data)
    if not wait_until(lambda: not _orphans(cluster_name), timeout_seconds=_ORPHAN_GRACE_SECONDS):
        for process_id in _orphans(cluster_name):
            _send(process_id, signal.SIGKILL)
        wait_until(lambda: not _orphans(cluster_name), timeout_seconds=_STOP_TIMEOUT_SECONDS)
    (data / _PID_FILE).unlink(missing_ok=True)
    for leftover in socket_folder.glob(".s.PGSQL.*"):
        leftover.unlink(missing_ok=True)


def wait_until(holds: Callable[[], bool], *, timeout_seconds: float) -> bool:
    """Wait for a condition, and return whether it was true in time."""
    deadline = time.monotonic() + timeout_seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _orphans(cluster_name: str) -> list[int]:
    """Return the process ids of a server's backends and helpers, which carry the name of their cluster as a title."""
    title = f"postgres: {cluster_name}: "
    process_ids = [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdecimal()]
    return [process_id for process_id in process_ids if _command_line(process_id)[0].startswith(title)]


def _command_line(process_id: int) -> list[str]:
    """Return the words that a process was started with; a single empty one for a zombie or no process."""
    try:
        return (_PROC / str(process_id) / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return [""]


def _send(process_id: int, number: signal.Signals) -> None:
    """Send a signal to a process that may be gone by now."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process_id, number)
