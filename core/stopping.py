"""Handle SIGTERM and SIGINT in long-running commands, which stop when it is safe."""

import os
import select
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Final, Self

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """In this block SIGTERM raises `KeyboardInterrupt`, as Ctrl-C does; in a thread it cannot be handled."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class StopSignal:
    """In this block the two signals set `is_set` and end `wait`, and interrupt nothing else."""

    def __init__(self) -> None:
        self.is_set = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        # A pipe, because a handler may not take the lock of a threading.Event that the same thread waits on.
        self._reader, self._writer = os.pipe()
        self._before = {number: signal.signal(number, self._stop) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._reader)
        os.close(self._writer)

    def wait(self, *, seconds: float) -> None:
        """Wait for `seconds`, or until a signal comes."""
        if not self.is_set:
            select.select([self._reader], [], [], seconds)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        if not self.is_set:
            self.is_set = True
            os.write(self._writer, b".")
