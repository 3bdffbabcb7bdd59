"""The Merkle tree over accounts that a checkpoint signs; uses no database. Described in docs/ledger-chain.md."""

from hashlib import sha256
from typing import Final

from loyalty.chain import preimage

_LEAF: Final = b"\0"
_NODE: Final = b"\1"

# The `previous_hash` of the first checkpoint.
FIRST_PREVIOUS_HASH: Final = sha256(preimage([b"loyalty-checkpoint-genesis", b"1"])).digest()


def leaf_hash(*, account_id: int, entry_count: int, head_hash: bytes) -> bytes:
    """The leaf of an account."""
    return sha256(_LEAF + preimage([b"%d" % account_id, b"%d" % entry_count, head_hash])).digest()


class MerkleRoot:
    """The root of a Merkle tree (RFC 6962) over leaves that are added one by one; keeps one branch in memory."""

    def __init__(self) -> None:
        self.leaves = 0
        self._branch: list[tuple[int, bytes]] = []

    def add(self, leaf: bytes) -> None:
        """Add the next leaf."""
        self.leaves += 1
        size = 1
        while self._branch and self._branch[-1][0] == size:
            leaf = _node(self._branch.pop()[1], leaf)
            size *= 2
        self._branch.append((size, leaf))

    def root(self) -> bytes:
        """The root over the leaves so far; the hash of no bytes if there are none."""
        if not self._branch:
            return sha256().digest()
        *left, (_, root) = self._branch
        for _, tree in reversed(left):
            root = _node(tree, root)
        return root


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(_NODE + left + right).digest()
