"""The hash chain of an account's entries, computed from the text of the columns. It uses no database.

The trigger `loyalty_chain_entry` (migration 0003) computes the same in PostgreSQL. They share no code, so that each can
detect an error in the other. `docs/ledger-chain.md` describes the hashes for other programs.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

CHAIN_VERSION: Final = 1
HASH_BYTES: Final = 32

# The columns that an entry's hash covers, in this order, and the SQL for the text of each. Instants are in microseconds
# and dates in days since 1970-01-01 UTC, so that no setting of the session changes the text.
HASHED_COLUMNS: Final[dict[str, str]] = {
    "id": "entry.id::text",
    "casino_id": "entry.casino_id::text",
    "account_id": "entry.account_id::text",
    "seq": "entry.seq::text",
    "kind": "entry.kind::text",
    "points": "entry.points::text",
    "reason": "entry.reason::text",
    "idempotency_key": "entry.idempotency_key::text",
    "fingerprint": "entry.fingerprint::text",
    "staff_id": "entry.staff_id::text",
    "reverses_id": "entry.reverses_id::text",
    "balance_before": "entry.balance_before::text",
    "balance_after": "entry.balance_after::text",
    "lifetime_points_before": "entry.lifetime_points_before::text",
    "lifetime_points_after": "entry.lifetime_points_after::text",
    "tier_before_id": "entry.tier_before_id::text",
    "tier_after_id": "entry.tier_after_id::text",
    "gaming_day": "(entry.gaming_day - DATE '1970-01-01')::text",
    "correlation_id": "entry.correlation_id::text",
    "inputs": "entry.inputs::text",
    "created_at": "(extract(epoch FROM entry.created_at) * 1000000)::bigint::text",
}

_GENESIS: Final = b"loyalty-ledger-genesis"
_ENTRY: Final = b"loyalty-ledger-entry"
_NULL: Final = (-1).to_bytes(4, "big", signed=True)


def field(value: bytes | None) -> bytes:
    """The length of a value in four bytes, big-endian, then the value; NULL is only the length -1."""
    return _NULL if value is None else len(value).to_bytes(4, "big") + value


def preimage(values: Iterable[bytes | None]) -> bytes:
    """The bytes to hash: each value as a `field`, one after another."""
    return b"".join([field(value) for value in values])


_ENTRY_BEGINS: Final = preimage([_ENTRY, b"%d" % CHAIN_VERSION])


def genesis_hash(account_id: int) -> bytes:
    """The previous hash of an account's first entry, different for every account."""
    return sha256(preimage([_GENESIS, b"%d" % CHAIN_VERSION, b"%d" % account_id])).digest()


def entry_hash(*, previous_hash: bytes, columns: Sequence[str | None]) -> bytes:
    """The hash of an entry with these texts of `HASHED_COLUMNS`, after an entry with the hash `previous_hash`.

    :raises ValueError: there are more or fewer columns than `HASHED_COLUMNS` names.
    """
    if len(columns) != len(HASHED_COLUMNS):
        raise ValueError(f"{len(columns)} columns; an entry has {len(HASHED_COLUMNS)}")
    written = [_ENTRY_BEGINS, field(previous_hash)]
    # Not `field(text.encode())`: a verification spends its time here, and that would take half as long again.
    for text in columns:
        if text is None:
            written.append(_NULL)
        else:
            value = text.encode()
            written += (len(value).to_bytes(4, "big"), value)
    return sha256(b"".join(written)).digest()
