"""Acting as the role that owns the tables: what migrates does, and nothing that serves."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connections

_ADDRESS: Final = ("USER", "PASSWORD", "HOST", "PORT")


@contextmanager
def as_owner(*, using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """Let this thread's connection `using` be one of the owner's while the block runs.

    The application's own is set aside as it is, with its transaction and its locks. Where no owner is set apart, the
    one role is the owner, and nothing changes.
    """
    own = connections[using]
    owner: dict[str, Any] = own.settings_dict.get("OWNER") or {}
    if not owner:
        yield
        return
    address: dict[str, Any] = {name: owner[name] for name in _ADDRESS if name in owner}
    options: dict[str, Any] = {**owner.get("OPTIONS", own.settings_dict["OPTIONS"])}
    options.pop("assume_role", None)  # it is the application's
    connections[using] = type(own)({**own.settings_dict, **address, "OPTIONS": options}, using)
    try:
        yield
    finally:
        connections[using].close()
        connections[using] = own
