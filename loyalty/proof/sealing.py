"""The Merkle tree over accounts that a checkpoint signs; uses no database. Described in docs/ledger-chain.md."""

from dataclasses import dataclass
from functools import reduce
from hashlib import sha256
from typing import Final, NamedTuple

from loyalty.chain import preimage

_LEAF: Final = b"\0"
_NODE: Final = b"\1"

# The `previous_hash` of the first checkpoint.
FIRST_PREVIOUS_HASH: Final = sha256(preimage([b"loyalty-checkpoint-genesis", b"1"])).digest()


def leaf_hash(*, account_id: int, entry_count: int, head_hash: bytes) -> bytes:
    """The leaf of an account."""
    return sha256(_LEAF + preimage([b"%d" % account_id, b"%d" % entry_count, head_hash])).digest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A tree to join on the way from a leaf to the root, and whether it is on the left."""

    is_left: bool
    root: bytes


def change_leaf_hash(*, change_id: int, change_hash: bytes) -> bytes:
    """The leaf of a change of the change log."""
    return sha256(_LEAF + preimage([b"%d" % change_id, change_hash])).digest()


class MerkleRoot:
    """The root of a Merkle tree (RFC 6962) over leaves that are added one by one; keeps one branch in memory."""

    def __init__(self) -> None:
        self.leaves = 0
        self._branch: list[_Tree] = []

    def add(self, leaf: bytes, *, is_proven: bool = False) -> None:
        """Add the next leaf. If it `is_proven`, `path` leads from it to the root."""
        self.leaves += 1
        tree = _Tree(size=1, root=leaf, path=() if is_proven else None)
        while self._branch and self._branch[-1].size == tree.size:
            tree = _joined(self._branch.pop(), tree)
        self._branch.append(tree)

    def root(self) -> bytes:
        """The root over the leaves so far; the hash of no bytes if there are none."""
        return self._whole().root if self._branch else sha256().digest()

    def path(self) -> tuple[Step, ...] | None:
        """The steps from the proven leaf to the root; None if no leaf is proven."""
        return self._whole().path if self._branch else None

    def _whole(self) -> "_Tree":
        return reduce(lambda right, left: _joined(left, right), reversed(self._branch))


class _Tree(NamedTuple):
    """A tree of `size` leaves, and the path to its root if the proven leaf is in it."""

    size: int
    root: bytes
    path: tuple[Step, ...] | None


def _joined(left: _Tree, right: _Tree) -> _Tree:
    path = None
    if left.path is not None:
        path = (*left.path, Step(is_left=False, root=right.root))
    elif right.path is not None:
        path = (*right.path, Step(is_left=True, root=left.root))
    return _Tree(size=left.size + right.size, root=sha256(_NODE + left.root + right.root).digest(), path=path)
