"""Whether the running request or command has to write. It then needs the primary: a standby is read-only."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_is_writing: ContextVar[bool] = ContextVar("is_writing", default=False)


@contextmanager
def writing() -> Iterator[None]:
    """In this block, a connection to a database that is read-only counts as lost, and is not opened."""
    token = _is_writing.set(True)
    try:
        yield
    finally:
        _is_writing.reset(token)


def is_writing() -> bool:
    """Whether a block of `writing` runs."""
    return _is_writing.get()
