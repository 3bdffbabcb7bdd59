"""A limit on passwords that are checked or set at once: each takes a processor for most of a second.

It holds in a process that serves requests (`limit_passwords`). Commands may take their time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, local
from typing import Any, Final

from django.contrib.auth.hashers import PBKDF2PasswordHasher

from core.errors import Busy

# Threads that wait for others. The rest of a worker's threads stay free for the floor.
WAITING_AT_ONCE: Final = 2
WAIT_SECONDS: Final = 5


class PasswordsBusy(Busy):
    """Too many passwords are being checked; this one was not looked at, and does not count as a try."""

    code = "PASSWORDS_BUSY"

    def __init__(self) -> None:
        super().__init__("Too many people are signing in just now. Wait a moment, then try again.")


class _Turns:
    def __init__(self, at_once: int) -> None:
        self._admitted = BoundedSemaphore(at_once + WAITING_AT_ONCE)
        self._running = BoundedSemaphore(at_once)
        self._mine = local()

    @contextmanager
    def one(self) -> Iterator[None]:
        if getattr(self._mine, "is_held", False):
            yield
            return
        if not self._admitted.acquire(blocking=False):
            raise PasswordsBusy
        try:
            if not self._running.acquire(timeout=WAIT_SECONDS):
                raise PasswordsBusy
            self._mine.is_held = True
            try:
                yield
            finally:
                self._mine.is_held = False
                self._running.release()
        finally:
            self._admitted.release()


_turns: _Turns | None = None


def limit_passwords(at_once: int | None) -> None:
    """Let this process check `at_once` passwords at once from now on; None means without a limit."""
    global _turns
    _turns = _Turns(at_once) if at_once else None


@contextmanager
def password_turn() -> Iterator[None]:
    """Hold one of the turns for the block; a thread that holds one keeps it in a nested block.

    :raises PasswordsBusy: none was free in time, or too many threads wait already.
    """
    if _turns is None:
        yield
    else:
        with _turns.one():
            yield


class LimitedPasswordHasher(PBKDF2PasswordHasher):
    """Django's hasher, under the limit; it hashes every password that is checked or set."""

    def encode(self, *args: Any, **kwargs: Any) -> str:
        """Hash the password.

        :raises PasswordsBusy: too many are being hashed.
        """
        with password_turn():
            return super().encode(*args, **kwargs)
