"""The id that ties a request or a command to its log lines, its rows and its answer."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

HEADER = "X-Correlation-ID"
_KEY = "correlation_id"


def parse(text: str | None) -> uuid.UUID | None:
    """Read a caller's correlation id; anything that is not a UUID counts as none."""
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        return None


def current() -> uuid.UUID:
    """The id bound to this request, command or thread; a new one where nothing is bound."""
    bound = structlog.contextvars.get_contextvars().get(_KEY)
    return uuid.UUID(bound) if bound else uuid.uuid4()


@contextmanager
def bound(correlation_id: uuid.UUID | None = None) -> Iterator[uuid.UUID]:
    """Bind `correlation_id`, or a new one, to everything that happens inside; a new thread must bind its own."""
    correlation_id = correlation_id or uuid.uuid4()
    with structlog.contextvars.bound_contextvars(**{_KEY: str(correlation_id)}):
        yield correlation_id


def bind(correlation_id: uuid.UUID | None = None) -> uuid.UUID:
    """Bind `correlation_id`, or a new one, to this thread until `unbind`, in the place of whatever was bound."""
    correlation_id = correlation_id or uuid.uuid4()
    structlog.contextvars.bind_contextvars(**{_KEY: str(correlation_id)})
    return correlation_id


def unbind() -> None:
    """Let go of what is bound to this thread, if anything is."""
    structlog.contextvars.unbind_contextvars(_KEY)
