"""The correlation id: one for each request or command, in its log lines, its rows and its response.

It is always our own. The id that a trusted caller gave its request is a second one, in the log lines and in the row of
`core.models.RequestOrigin`.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import structlog

HEADER = "X-Correlation-ID"
_KEY = "correlation_id"
_OUTSIDE_KEY = "outside_correlation_id"

_is_of_service: ContextVar[bool] = ContextVar("is_of_service", default=False)


def parse(text: str | None) -> uuid.UUID | None:
    """Read a correlation id; None if the text is not a UUID."""
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        return None


def current() -> uuid.UUID:
    """Return the id that is bound to this request, command or service call.

    :raises LookupError: none is bound.
    """
    correlation_id = current_or_none()
    if correlation_id is None:
        raise LookupError("No correlation id is bound: wrap this in correlation.bound().")
    return correlation_id


def current_or_none() -> uuid.UUID | None:
    """Return the id that is bound; None outside of requests, commands and service calls."""
    return parse(structlog.contextvars.get_contextvars().get(_KEY))


def current_outside() -> uuid.UUID | None:
    """Return the id that a trusted caller gave this request; None if there is none."""
    return parse(structlog.contextvars.get_contextvars().get(_OUTSIDE_KEY))


@contextmanager
def kept_or_new() -> Iterator[uuid.UUID]:
    """Keep the bound id, or bind a new one for the block if there is none, as outside of requests and commands."""
    before = current_or_none()
    token = _is_of_service.set(before is None or _is_of_service.get())
    try:
        with bound(before) as correlation_id:
            yield correlation_id
    finally:
        _is_of_service.reset(token)


def is_of_service() -> bool:
    """Whether the bound id was made for a service call, outside of requests and commands."""
    return _is_of_service.get()


@contextmanager
def bound(correlation_id: uuid.UUID | None = None) -> Iterator[uuid.UUID]:
    """Bind `correlation_id`, or a new one, for the block; a new thread must bind its own."""
    correlation_id = correlation_id or uuid.uuid4()
    with structlog.contextvars.bound_contextvars(**{_KEY: str(correlation_id)}):
        yield correlation_id


def bind(*, outside: uuid.UUID | None) -> uuid.UUID:
    """Bind a new id, and the caller's id if there is one, to this thread until `unbind`, replacing what was bound."""
    unbind()
    correlation_id = uuid.uuid4()
    ids = {_KEY: correlation_id, _OUTSIDE_KEY: outside}
    structlog.contextvars.bind_contextvars(**{key: str(bound_id) for key, bound_id in ids.items() if bound_id})
    return correlation_id


def unbind() -> None:
    """Unbind the ids of this thread, if there are any."""
    structlog.contextvars.unbind_contextvars(_KEY, _OUTSIDE_KEY)
