"""What is wrong with an account whose chain does not hold: which entry, and what was done to it. Knows no database."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, NamedTuple, Self

from loyalty.chain import CHAIN_VERSION, HASHED_COLUMNS, entry_hash, genesis_hash

_NAMES: Final = tuple(HASHED_COLUMNS)
_COLUMNS: Final = len(_NAMES)
_ID, _ACCOUNT, _SEQ = (_NAMES.index(name) for name in ("id", "account_id", "seq"))
# How far an entry may have been moved down for what was taken out before it to be told.
MAX_RENUMBERED: Final = 10_000


class BreakKind(StrEnum):
    """What was done, as far as the rows tell."""

    CHANGED = "changed"
    MISSING = "missing in the middle"
    MISSING_TAIL = "missing tail"
    SWAPPED = "swapped"
    INSERTED = "inserted"
    HEAD_CHANGED = "head changed"
    REWRITTEN = "account rewritten"
    ACCOUNT_MISSING = "account missing"
    CHECKPOINT_MISSING = "checkpoint missing"
    CHECKPOINT_ALTERED = "checkpoint altered"
    CHECKPOINT_FOREIGN = "checkpoint signed with another key"


@dataclass(frozen=True, kw_only=True, slots=True)
class Break:
    """The first thing that is wrong; `expected` and `found` are hashes in hex, or what stands for them."""

    kind: BreakKind
    what: str
    account_id: int | None = None
    seq: int | None = None
    entry_id: int | None = None
    checkpoint: int | None = None
    expected: str = ""
    found: str = ""


class StoredEntry(NamedTuple):
    """A row of the ledger as it stands: the texts of `HASHED_COLUMNS`, and its three columns of the chain."""

    columns: tuple[str | None, ...]
    chain_version: int
    previous_hash: bytes
    entry_hash: bytes

    @classmethod
    def of(cls, row: Sequence[Any]) -> Self:
        """The entry of a row that has these columns in this order."""
        return cls(tuple(row[:_COLUMNS]), *row[_COLUMNS : _COLUMNS + 3])

    @property
    def id(self) -> int:
        return int(self.columns[_ID] or 0)

    @property
    def account_id(self) -> int:
        return int(self.columns[_ACCOUNT] or 0)

    @property
    def seq(self) -> int:
        return int(self.columns[_SEQ] or 0)

    def hash_of(self, columns: Sequence[str | None] = ()) -> bytes:
        """What its hash should be: of its own columns, unless of others, behind the hash that it says is before it."""
        return entry_hash(previous_hash=self.previous_hash, columns=columns or self.columns)

    def was(self, **columns: int) -> bool:
        """Whether its hash was made when these of its columns had these values."""
        return self.chain_version == CHAIN_VERSION and self.hash_of(self._with(columns)) == self.entry_hash

    def _with(self, columns: dict[str, int]) -> list[str | None]:
        texts = list(self.columns)
        for name, value in columns.items():
            texts[_NAMES.index(name)] = str(value)
        return texts

    @property
    def is_own(self) -> bool:
        """Whether its hash is that of its columns."""
        return self.chain_version == CHAIN_VERSION and self.hash_of() == self.entry_hash

    def has_contents_of(self, other: "StoredEntry") -> bool:
        """Whether its hash is that of another entry's contents with its own number, and its own id or the other's."""
        columns = list(other.columns)
        columns[_SEQ] = self.columns[_SEQ]
        if self.hash_of(columns) == self.entry_hash:
            return True
        columns[_ID] = self.columns[_ID]
        return self.hash_of(columns) == self.entry_hash


@dataclass(frozen=True, kw_only=True, slots=True)
class Chain:
    """What an account says of its chain, and from where on it is looked at: the genesis, or what was sealed."""

    account_id: int
    entry_count: int
    head_hash: bytes | None
    from_count: int
    from_hash: bytes

    @classmethod
    def whole(cls, *, account_id: int, entry_count: int, head_hash: bytes | None) -> "Chain":
        """The chain from its first entry on."""
        return cls(
            account_id=account_id,
            entry_count=entry_count,
            head_hash=head_hash,
            from_count=0,
            from_hash=genesis_hash(account_id),
        )

    @property
    def end_hash(self) -> bytes | None:
        """The hash that the account keeps; of an account without entries, its genesis."""
        return self.from_hash if self.entry_count == self.from_count == 0 and self.head_hash is None else self.head_hash


def holds(chain: Chain, rows: Iterable[Sequence[Any]]) -> bool:
    """Whether `rows` (as `StoredEntry.of` takes them, in order) are the account's whole chain."""
    seq, head = chain.from_count, chain.from_hash
    for row in rows:
        seq += 1
        if row[_SEQ] != str(seq) or row[_COLUMNS] != CHAIN_VERSION or row[_COLUMNS + 1] != head:
            return False
        head = entry_hash(previous_hash=head, columns=row[:_COLUMNS])
        if row[_COLUMNS + 2] != head:
            return False
    return seq == chain.entry_count and head == chain.end_hash


def diagnose(
    chain: Chain, entries: Sequence[StoredEntry], *, follows: Callable[[bytes], StoredEntry | None] = lambda _: None
) -> Break:
    """The first break of a chain that does not hold; `follows` finds the entry of any account behind a hash."""
    seq, head = chain.from_count, chain.from_hash
    for place, entry in enumerate(entries):
        if entry.seq != seq + 1 or entry.previous_hash != head or not entry.is_own:
            return _break_at(chain, entries, place, head=head, follows=follows)
        seq, head = entry.seq, entry.entry_hash
    return _break_at_end(chain, entries, head=head, follows=follows)


def _break_at(
    chain: Chain,
    entries: Sequence[StoredEntry],
    place: int,
    *,
    head: bytes,
    follows: Callable[[bytes], StoredEntry | None],
) -> Break:
    """What is wrong with the entry at `place`, where an entry behind `head` should be."""
    entry, seq = entries[place], chain.from_count + place + 1
    if entry.seq < seq:
        return _found(BreakKind.INSERTED, entry, f"there is another entry number {entry.seq}", head)
    true = next((one for one in entries[place:] if one.previous_hash == head and one.was(seq=seq)), None)
    if true is not None:
        return _break_before(entry, true, seq=seq)
    if entry.seq > seq:
        return _moved(chain, follows(head), seq=seq) or _missing(chain, entry, seq=seq, until=entry.seq, head=head)
    if entry.previous_hash == head:
        other = next((one for one in entries[place + 1 :] if entry.has_contents_of(one)), None)
        if other is not None:
            return _found(BreakKind.SWAPPED, entry, f"it stands there with the contents of entry {other.id}", None)
        return _changed(entry)
    return _broken_link(chain, entries, place, head=head)


def _break_before(entry: StoredEntry, true: StoredEntry, *, seq: int) -> Break:
    """What stands where `true` was, which is further on now."""
    if entry.seq > seq:
        return _found(BreakKind.CHANGED, true, f"its number was {seq}", None)
    if true is not entry and entry.was(seq=true.seq):
        return _found(BreakKind.SWAPPED, entry, f"entry {true.id} was number {seq}, and is number {true.seq}", None)
    return _found(BreakKind.INSERTED, entry, f"entry {true.id} was number {seq}, and is number {true.seq}", None)


def _broken_link(chain: Chain, entries: Sequence[StoredEntry], place: int, *, head: bytes) -> Break:
    """An entry with the right number that says another hash is before it."""
    entry, seq = entries[place], chain.from_count + place + 1
    before = entries[place - 1] if place else None
    if entry.is_own:
        following = entries[place + 1].previous_hash if place + 1 < len(entries) else chain.head_hash
        if before is not None and following == entry.entry_hash:
            what = "its hash was made anew, and the entry after it still has the one before"
            return replace(_found(BreakKind.CHANGED, before, what, None), expected=entry.previous_hash.hex())
        return _found(BreakKind.CHANGED, entry, "it says that another hash is before it", head)
    if before is not None and entry.was(seq=seq - 1) and entry.previous_hash == before.previous_hash:
        return _found(BreakKind.INSERTED, before, f"entry {entry.id} was number {seq - 1}, and is number {seq}", None)
    for number in range(seq + 1, seq + MAX_RENUMBERED):
        if entry.was(seq=number):
            return _missing(chain, entry, seq=seq, until=number, head=head)
    return _changed(entry)


def _break_at_end(
    chain: Chain, entries: Sequence[StoredEntry], *, head: bytes, follows: Callable[[bytes], StoredEntry | None]
) -> Break:
    """What is wrong with an account whose entries are whole among themselves."""
    seq = chain.from_count + len(entries)
    if seq < chain.entry_count and chain.head_hash != head:
        return _moved(chain, follows(head), seq=seq + 1) or Break(
            kind=BreakKind.MISSING_TAIL,
            what=f"the account has {chain.entry_count:,} entries, and the last that is there is number {seq}",
            account_id=chain.account_id,
            seq=seq + 1,
            expected=_hex(chain.head_hash),
            found=head.hex(),
        )
    hashes = [chain.from_hash, *(entry.entry_hash for entry in entries)]
    kept = chain.entry_count - chain.from_count
    if 0 <= kept < len(entries) and chain.end_hash == hashes[kept]:
        what = f"the account has {chain.entry_count:,} entries, and this is one more"
        return replace(_found(BreakKind.INSERTED, entries[kept], what, None), expected=_hex(chain.end_hash))
    return Break(
        kind=BreakKind.HEAD_CHANGED,
        what=f"the account says {chain.entry_count:,} entries, and its head is not the hash of its last, number {seq}",
        account_id=chain.account_id,
        seq=seq,
        entry_id=entries[-1].id if entries else None,
        expected=head.hex(),
        found=_hex(chain.head_hash),
    )


def _moved(chain: Chain, entry: StoredEntry | None, *, seq: int) -> Break | None:
    """The entry that should be the account's next, where it is another account's now."""
    if entry is None or not entry.was(seq=seq, account_id=chain.account_id):
        return None
    what = f"it was number {seq} of account {chain.account_id}, and is in account {entry.account_id}"
    return replace(_found(BreakKind.CHANGED, entry, what, None), account_id=chain.account_id, seq=seq)


def _missing(chain: Chain, entry: StoredEntry, *, seq: int, until: int, head: bytes) -> Break:
    gone = f"entry {seq} is" if until == seq + 1 else f"entries {seq} to {until - 1} are"
    return Break(
        kind=BreakKind.MISSING,
        what=f"{gone} missing before entry {entry.id}",
        account_id=chain.account_id,
        seq=seq,
        expected=entry.previous_hash.hex(),
        found=head.hex(),
    )


def _changed(entry: StoredEntry) -> Break:
    if entry.chain_version != CHAIN_VERSION:
        return _found(BreakKind.CHANGED, entry, f"its chain is of an unknown version, {entry.chain_version}", None)
    return _found(BreakKind.CHANGED, entry, "its contents do not make its hash", None)


def _found(kind: BreakKind, entry: StoredEntry, what: str, head: bytes | None) -> Break:
    """A break at an entry: told by its own hash, or, with `head`, by the hash before it."""
    return Break(
        kind=kind,
        what=what,
        account_id=entry.account_id,
        seq=entry.seq,
        entry_id=entry.id,
        expected=(head or entry.hash_of()).hex(),
        found=(entry.previous_hash if head else entry.entry_hash).hex(),
    )


def _hex(value: bytes | None) -> str:
    return value.hex() if value is not None else "none"
