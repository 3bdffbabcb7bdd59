"""Fingerprints, which distinguish a repeated request from a different one with the same key."""

import hashlib
import json
from collections.abc import Mapping
from typing import Final

from core.errors import DomainError

Request = Mapping[str, str | int | None]

_ABSENT: Final = object()
# Fields whose name is not what people call it.
_WORDS: Final = {"actor": "person", "buy_in": "buy-in", "further_buy_in": "further buy-in"}


class IdempotencyConflict(DomainError):
    """The key was used before, for a request with other contents; nothing was changed."""

    code = "IDEMPOTENCY_CONFLICT"

    def __init__(
        self, *, key: str, fields: tuple[str, ...], advice: str = "look the first entry up, or use a new reference"
    ) -> None:
        differing = ", ".join(_WORDS.get(name, name.replace("_", " ")) for name in fields)
        super().__init__(f"{key} was already used with a different {differing}. Nothing was changed: {advice}.")
        self.key = key
        self.fields = fields


def fingerprint(request: Request) -> str:
    """SHA-256 (hex) of a request; the order of its fields does not matter."""
    canonical = json.dumps(dict(request), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def differing_fields(first: Request, again: Request) -> tuple[str, ...]:
    """The sorted names of the fields in which two requests differ; a missing field differs from an empty one."""
    fields = {*first, *again}
    return tuple(sorted(name for name in fields if first.get(name, _ABSENT) != again.get(name, _ABSENT)))
