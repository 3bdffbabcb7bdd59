"""Act as the role that owns the tables: for migrations, never to serve requests."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connections

_ADDRESS: Final = ("USER", "PASSWORD", "HOST", "PORT")
_NO_STATEMENT_TIMEOUT: Final = "-c statement_timeout=0"  # PostgreSQL uses the last of several equal options


@contextmanager
def as_owner(*, using: str = DEFAULT_DB_ALIAS, may_take_long: bool = False) -> Iterator[None]:
    """Replace this thread's connection `using` by one of the owner while the block runs.

    The application's connection is kept, with its transaction and its locks. If the settings name no other owner, the
    connection is not replaced. `may_take_long` removes the statement timeout, in both cases; the lock timeout stays.
    """
    own = connections[using]
    owner: dict[str, Any] = own.settings_dict.get("OWNER") or {}
    if not owner and not may_take_long:
        yield
        return
    address: dict[str, Any] = {name: owner[name] for name in _ADDRESS if name in owner}
    options: dict[str, Any] = {**owner.get("OPTIONS", own.settings_dict["OPTIONS"])}
    options.pop("assume_role", None)  # it is the application's
    if may_take_long:
        options["options"] = f"{options.get('options', '')} {_NO_STATEMENT_TIMEOUT}".strip()
    connections[using] = type(own)({**own.settings_dict, **address, "OPTIONS": options}, using)
    try:
        yield
    finally:
        connections[using].close()
        connections[using] = own
