"""Who changes a logged table: told to the triggers in a comment at the end of the statement.

A comment costs no statement of its own, holds for one statement alone, and passes every connection pool. The trigger
reads it from `current_query()`. What the application's role sends is believed: it could write another person there.
The name of the role, the instant and the values are PostgreSQL's own.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from core import correlation
from core.changes.tables import LOGGED

_actor_id: ContextVar[int | None] = ContextVar("actor_id", default=None)
_record: ContextVar[Callable[[], None] | None] = ContextVar("record", default=None)

_WRITES: Final = re.compile(
    rf'\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|MERGE\s+INTO)\s+(?:ONLY\s+)?(?:public\.)?"?(?:{"|".join(LOGGED)})\b',
    re.IGNORECASE,
)


@contextmanager
def acting(actor_id: int | None, *, record: Callable[[], None] | None = None) -> Iterator[None]:
    """Name the author of what the block changes; None leaves the author as it is.

    `record` is called after the first statement of the block that changes a logged table.
    """
    before, recorded_before = _actor_id.get(), _record.get()
    _actor_id.set(before if actor_id is None else actor_id)
    _record.set(record)
    try:
        yield
    finally:
        _actor_id.set(before)
        _record.set(recorded_before)


def name_author(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
    """Append author and correlation id to a statement that changes a logged table; a wrapper of each connection."""
    if isinstance(sql, str) and _WRITES.search(sql):
        actor_id, correlation_id = _actor_id.get(), correlation.current_or_none()
        sql = f"{sql}\n/* actor={actor_id or ''} correlation_id={correlation_id or ''} */"
        result = execute(sql, params, many, context)
        if record := _record.get():
            _record.set(None)
            record()
        return result
    return execute(sql, params, many, context)


def install(*, connection: Any, **_signal: Any) -> None:
    """Let `name_author` see every statement of a new connection."""
    if name_author not in connection.execute_wrappers:
        connection.execute_wrappers.append(name_author)
