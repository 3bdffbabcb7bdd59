"""What a checkpoint seals and how it is signed; knows no database. For other programs: docs/ledger-chain.md."""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from loyalty.chain import preimage

KEY_BYTES: Final = 32
KEY_ID_DIGITS: Final = 16
_VERSION: Final = b"1"
_CHECKPOINT: Final = b"loyalty-checkpoint"
_GENESIS: Final = sha256(preimage([b"loyalty-checkpoint-genesis", _VERSION])).digest()
_LEAF: Final = b"\0"
_NODE: Final = b"\1"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class WrongKey(ValueError):
    """A text is no Ed25519 key."""


def leaf_hash(*, account_id: int, entry_count: int, head_hash: bytes) -> bytes:
    """The leaf of an account."""
    return sha256(_LEAF + preimage([b"%d" % account_id, b"%d" % entry_count, head_hash])).digest()


class MerkleRoot:
    """The Merkle tree of RFC 6962 over leaves that come one by one, of which only one branch is kept."""

    def __init__(self) -> None:
        self.leaves = 0
        self._branch: list[tuple[int, bytes]] = []

    def add(self, leaf: bytes) -> None:
        """Take the next leaf."""
        self.leaves += 1
        size = 1
        while self._branch and self._branch[-1][0] == size:
            leaf = _node(self._branch.pop()[1], leaf)
            size *= 2
        self._branch.append((size, leaf))

    def root(self) -> bytes:
        """The root over the leaves so far; of none, the hash of nothing."""
        if not self._branch:
            return sha256().digest()
        *left, (_, root) = self._branch
        for _, tree in reversed(left):
            root = _node(tree, root)
        return root


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(_NODE + left + right).digest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Seal:
    """Everything that a checkpoint says under its signature."""

    number: int
    taken_at: datetime
    accounts: int
    entries: int
    points_total: int
    balance_total: int
    accounts_root: bytes
    changes: int
    changes_root: bytes
    previous_hash: bytes

    def preimage(self) -> bytes:
        """The bytes that are signed."""
        microseconds = (self.taken_at - _EPOCH) // timedelta(microseconds=1)
        counts = (self.number, microseconds, self.accounts, self.entries, self.points_total, self.balance_total)
        return preimage(
            [
                _CHECKPOINT,
                _VERSION,
                *(b"%d" % count for count in counts),
                self.accounts_root,
                b"%d" % self.changes,
                self.changes_root,
                self.previous_hash,
            ]
        )

    @property
    def hash(self) -> bytes:
        """What the next checkpoint is chained to."""
        return sha256(self.preimage()).digest()


def previous_of_first() -> bytes:
    """What stands in the place of the hash before the first checkpoint."""
    return _GENESIS


def as_line(seal: Seal, *, key_id: str, signature: bytes) -> bytes:
    """The line of a checkpoint in the file outside: the same bytes whenever it is written."""
    contents: dict[str, Any] = {
        "number": seal.number,
        "taken_at": seal.taken_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "accounts": seal.accounts,
        "entries": seal.entries,
        "points_total": seal.points_total,
        "balance_total": seal.balance_total,
        "accounts_root": seal.accounts_root.hex(),
        "changes": seal.changes,
        "changes_root": seal.changes_root.hex(),
        "previous_hash": seal.previous_hash.hex(),
        "checkpoint_hash": seal.hash.hex(),
        "key_id": key_id,
        "signature": signature.hex(),
    }
    return json.dumps(contents, separators=(",", ":")).encode() + b"\n"


def private_key(text: str) -> Ed25519PrivateKey:
    """The signing key that a setting holds: 32 bytes in base64.

    :raises WrongKey: it is no such text; says nothing of it.
    """
    return Ed25519PrivateKey.from_private_bytes(_key_bytes(text))


def public_key(text: str) -> Ed25519PublicKey:
    """The public key that a setting holds: 32 bytes in base64.

    :raises WrongKey: it is no such text.
    """
    return Ed25519PublicKey.from_public_bytes(_key_bytes(text))


def _key_bytes(text: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise WrongKey(f"a key is {KEY_BYTES} bytes in base64, 44 characters")
    return key


def new_key_pair() -> tuple[str, str]:
    """A new signing key and its public key, as the settings take them."""
    key = Ed25519PrivateKey.generate()
    return _text(key.private_bytes_raw()), _text(key.public_key().public_bytes_raw())


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()


def key_id_of(key: Ed25519PublicKey) -> str:
    """How a checkpoint says which key it was signed with."""
    return sha256(key.public_bytes_raw()).hexdigest()[:KEY_ID_DIGITS]


def by_id(keys: Iterable[Ed25519PublicKey]) -> Mapping[str, Ed25519PublicKey]:
    """The keys that are trusted, by their id."""
    return {key_id_of(key): key for key in keys}


def is_signed(seal: Seal, *, signature: bytes, key: Ed25519PublicKey) -> bool:
    """Whether the signature was made with the private half of `key` over this very seal."""
    try:
        key.verify(signature, seal.preimage())
    except InvalidSignature:
        return False
    return True
