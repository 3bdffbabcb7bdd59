"""Wait for what another process or thread does: on a condition and with a deadline, never by the clock."""

import threading
import time
from collections.abc import Callable

_POLL_SECONDS = 0.01


def wait_until(holds: Callable[[], object], *, timeout_seconds: float = 20.0) -> None:
    """Return as soon as the condition holds.

    :raises AssertionError: when it does not hold in time.
    """
    deadline = time.monotonic() + timeout_seconds
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < deadline, f"{holds} did not hold within {timeout_seconds} seconds"
        pause.wait(_POLL_SECONDS)
