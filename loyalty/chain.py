"""The hash chain of an account's entries, computed from the text of the columns. It uses no database.

The trigger `loyalty_chain_entry` (migrations 0003 and 0006) computes the same in PostgreSQL. They share no code, so
that each can detect an error in the other. `docs/ledger-chain.md` describes the hashes for other programs.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final

CHAIN_VERSION: Final = 2
HASH_BYTES: Final = 32

# The columns that version 1 covers, in its order; dates and instants as days and microseconds since 1970-01-01 UTC.
_VERSION_1: Final = (
    *("id", "casino_id", "account_id", "seq", "kind", "points", "reason", "idempotency_key", "fingerprint", "staff_id"),
    *("reverses_id", "balance_before", "balance_after", "lifetime_points_before", "lifetime_points_after"),
    *(
        "tier_before_id",
        "tier_after_id",
        "gaming_day in days",
        "correlation_id",
        "inputs",
        "created_at in microseconds",
    ),
)


def _instant(column: str) -> str:
    """The SQL for an instant in UTC, as PostgreSQL writes it in JSON."""
    return f"(to_json(entry.{column} AT TIME ZONE 'UTC') #>> '{{}}') || '+00:00'"


# What is read of an entry, and the SQL for the text of each. No setting of the session changes a text.
TEXTS: Final[dict[str, str]] = {
    **{name: f"entry.{name}::text" for name in _VERSION_1},
    "gaming_day in days": "(entry.gaming_day - DATE '1970-01-01')::text",
    "created_at in microseconds": "(extract(epoch FROM entry.created_at) * 1000000)::bigint::text",
    "gaming_day": "to_json(entry.gaming_day) #>> '{}'",
    "created_at": _instant("created_at"),
    "recorded_at": _instant("recorded_at"),
    **{name: f"entry.{name}::text" for name in ("adjusts_id", "comp_type_id", "reason_code", "mac")},
}
# The columns that version 2 covers, which are all, in the order of the names' bytes.
HASHED_COLUMNS: Final = sorted(name for name in TEXTS if " " not in name)

_POSITIONS: Final = {name: position for position, name in enumerate(TEXTS)}
_NEWER_THAN_VERSION_1: Final = [
    _POSITIONS[name] for name in HASHED_COLUMNS if name not in {covered.split()[0] for covered in _VERSION_1}
]

_GENESIS: Final = b"loyalty-ledger-genesis"
_ENTRY: Final = b"loyalty-ledger-entry"
_COLUMNS: Final = b"loyalty-ledger-columns"
_NULL: Final = (-1).to_bytes(4, "big", signed=True)


def field(value: bytes | None) -> bytes:
    """The length of a value in four bytes, big-endian, then the value; NULL is only the length -1."""
    return _NULL if value is None else len(value).to_bytes(4, "big") + value


def preimage(values: Iterable[bytes | None]) -> bytes:
    """The bytes to hash: each value as a `field`, one after another."""
    return b"".join([field(value) for value in values])


_ENTRY_BEGINS: Final = {version: preimage([_ENTRY, b"%d" % version]) for version in (1, 2)}
_COLUMNS_BEGIN: Final = preimage([_COLUMNS, b"2"])
_IN_VERSION_1: Final = [_POSITIONS[name] for name in _VERSION_1]
_IN_VERSION_2: Final = [(field(name.encode()), _POSITIONS[name]) for name in HASHED_COLUMNS]


def genesis_hash(account_id: int) -> bytes:
    """The previous hash of an account's first entry, different for every account and the same in every version."""
    return sha256(preimage([_GENESIS, b"1", b"%d" % account_id])).digest()


def entry_hash(*, version: int, previous_hash: bytes, texts: Sequence[str | None]) -> bytes:
    """The hash of an entry with these `TEXTS`, after an entry with the hash `previous_hash`.

    :raises ValueError: there are more or fewer texts than `TEXTS` names, or the version is unknown.
    """
    if len(texts) != len(TEXTS):
        raise ValueError(f"{len(texts)} texts; an entry has {len(TEXTS)}")
    if version not in _HASHES:
        raise ValueError(f"there is no version {version} of the chain")
    return _HASHES[version](previous_hash, texts)


def has_newer_columns(version: int, texts: Sequence[str | None]) -> bool:
    """Whether an entry has a value in a column that is newer than its version, whose hash does not cover it."""
    return version == 1 and any(texts[position] is not None for position in _NEWER_THAN_VERSION_1)


def _hash_1(previous_hash: bytes, texts: Sequence[str | None]) -> bytes:
    written = [_ENTRY_BEGINS[1], field(previous_hash)]
    # Not `field(text.encode())`: a verification spends its time here, and that would take half as long again.
    for position in _IN_VERSION_1:
        text = texts[position]
        if text is None:
            written.append(_NULL)
        else:
            value = text.encode()
            written += (len(value).to_bytes(4, "big"), value)
    return sha256(b"".join(written)).digest()


def columns_hash(texts: Sequence[str | None]) -> bytes:
    """The hash over the columns of an entry of version 2, of which its own hash is made."""
    written = [_COLUMNS_BEGIN]
    for name, position in _IN_VERSION_2:
        text = texts[position]
        if text is not None:
            value = text.encode()
            written += (name, len(value).to_bytes(4, "big"), value)
    return sha256(b"".join(written)).digest()


def _hash_2(previous_hash: bytes, texts: Sequence[str | None]) -> bytes:
    return sha256(_ENTRY_BEGINS[2] + field(previous_hash) + field(columns_hash(texts))).digest()


_HASHES: Final[dict[int, Callable[[bytes, Sequence[str | None]], bytes]]] = {1: _hash_1, 2: _hash_2}
