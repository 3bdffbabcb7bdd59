"""Compare the entries of an account with its hash chain, and name the first that differs. Uses no database."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from core.words import counted
from loyalty.chain import CHAIN_VERSION, TEXTS, entry_hash, has_newer_columns

# An entry is read as the `TEXTS` of its columns, followed by its chain version and its two hashes.
Row = Sequence[Any]
_TEXTS: Final = len(TEXTS)
_ID, _SEQ = (list(TEXTS).index(name) for name in ("id", "seq"))
_VERSION, _PREVIOUS, _HASH = _TEXTS, _TEXTS + 1, _TEXTS + 2


class BreakKind(StrEnum):
    """What the comparison found."""

    CHANGED = "changed"
    INSERTED = "inserted"
    MISSING = "missing in the middle"
    MISSING_TAIL = "missing tail"
    HEAD_CHANGED = "head changed"
    REWRITTEN = "account rewritten"
    BALANCE_CHANGED = "balance changed"
    ACCOUNT_MISSING = "account missing"
    CHANGE_ALTERED = "change log altered"
    CHANGE_MISSING = "change missing in the change log"
    CHECKPOINT_MISSING = "checkpoint missing"
    CHECKPOINT_ALTERED = "checkpoint altered"
    CHECKPOINT_FOREIGN = "checkpoint signed with another key"


@dataclass(frozen=True, kw_only=True, slots=True)
class Break:
    """The first difference. `expected` and `found` are hashes in hexadecimal, unless `what` is about something else."""

    kind: BreakKind
    what: str
    account_id: int | None = None
    seq: int | None = None
    entry_id: int | None = None
    checkpoint: int | None = None
    change_id: int | None = None
    expected: str = ""
    found: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chain:
    """The entry count and head that an account stores, and the count, hash and version after which it is read."""

    account_id: int
    entry_count: int
    head_hash: bytes | None
    from_count: int
    from_hash: bytes
    from_version: int = 1

    @property
    def end_hash(self) -> bytes | None:
        """The hash of the last entry by the account; the genesis hash if it has no entries."""
        return self.from_hash if self.entry_count == self.from_count == 0 and self.head_hash is None else self.head_hash


def first_break(chain: Chain, rows: Iterable[Row]) -> Break | None:
    """Compare the entries of an account, in the order of `seq`, with its chain. Return the first difference, if any."""
    entries, seq, head, before = iter(rows), chain.from_count, chain.from_hash, None
    version = chain.from_version
    for entry in entries:
        if seq >= chain.entry_count and head == chain.end_hash:
            what = f"the account has {counted(chain.entry_count, 'entry', 'entries')}, and this is one more"
            return _at(entry, BreakKind.INSERTED, what, chain=chain, expected=head, found=entry[_HASH])
        seq += 1
        if (
            entry[_SEQ] != str(seq)
            or not version <= entry[_VERSION] <= CHAIN_VERSION
            or entry[_PREVIOUS] != head
            or entry[_HASH] != _computed(entry)
            or has_newer_columns(entry[_VERSION], entry)
        ):
            return _break_at(entry, chain=chain, seq=seq, before=before, following=entries)
        head, version, before = entry[_HASH], entry[_VERSION], entry
    if (seq, head) == (chain.entry_count, chain.end_hash):
        return None
    return _break_at_end(chain, seq=seq, head=head, last=before)


def _break_at(entry: Row, *, chain: Chain, seq: int, before: Row | None, following: Iterator[Row]) -> Break:
    """The break at `entry`, where entry number `seq` should follow `before`."""
    head = before[_HASH] if before else chain.from_hash
    if int(entry[_SEQ]) > seq:
        return Break(
            kind=BreakKind.MISSING,
            what=f"the next entry is number {entry[_SEQ]}, entry {entry[_ID]}",
            account_id=chain.account_id,
            seq=seq,
            expected=entry[_PREVIOUS].hex(),
            found=head.hex(),
        )
    if int(entry[_SEQ]) < seq:
        what = f"there is another entry number {entry[_SEQ]}"
        return _at(entry, BreakKind.INSERTED, what, chain=chain, expected=head, found=entry[_PREVIOUS])
    is_known = 1 <= entry[_VERSION] <= CHAIN_VERSION
    if (not is_known or entry[_PREVIOUS] == head) and (
        wrong := _wrong_version(entry, before=before[_VERSION] if before else chain.from_version)
    ):
        return _at(entry, BreakKind.CHANGED, wrong, chain=chain, expected=CHAIN_VERSION, found=entry[_VERSION])
    if entry[_PREVIOUS] == head:
        what = "its contents do not match its hash"
        return _at(entry, BreakKind.CHANGED, what, chain=chain, expected=_computed(entry), found=entry[_HASH])
    if before is not None and _is_of_predecessor(entry, chain=chain, before=before, following=following):
        what = f"entry {entry[_ID]}, which is next, follows another hash"
        return _at(before, BreakKind.CHANGED, what, chain=chain, expected=entry[_PREVIOUS], found=head)
    what = "it follows another hash than that of the entry before it"
    return _at(entry, BreakKind.CHANGED, what, chain=chain, expected=head, found=entry[_PREVIOUS])


def _wrong_version(entry: Row, *, before: int) -> str:
    """What is wrong with the chain version of `entry` after an entry of version `before`; empty if nothing is."""
    if not 1 <= entry[_VERSION] <= CHAIN_VERSION:
        return f"its chain version is {entry[_VERSION]}, and 1 to {CHAIN_VERSION} are known"
    if entry[_VERSION] < before:
        return f"its chain version is {entry[_VERSION]}, behind an entry of version {before}"
    if has_newer_columns(entry[_VERSION], entry):
        return f"its chain version is {entry[_VERSION]}, and it has columns that this version does not cover"
    return ""


def _is_of_predecessor(entry: Row, *, chain: Chain, before: Row, following: Iterator[Row]) -> bool:
    """Whether a broken link between `before` and `entry` is a break at `before`, by the contents of both."""
    after = next(following, None)
    next_previous = after[_PREVIOUS] if after else chain.head_hash
    if entry[_HASH] == _computed(entry):
        return bool(next_previous == entry[_HASH])
    is_relinked = entry[_HASH] == _computed(entry, previous_hash=before[_HASH])
    is_beside = entry[_PREVIOUS] == before[_PREVIOUS] and next_previous != before[_HASH]
    return is_beside and not is_relinked


def _break_at_end(chain: Chain, *, seq: int, head: bytes, last: Row | None) -> Break:
    """How the end of the entries, of which number `seq` is the last, differs from what the account stores."""
    entries = counted(chain.entry_count, "entry", "entries")
    if seq < chain.entry_count and head != chain.head_hash:
        return Break(
            kind=BreakKind.MISSING_TAIL,
            what=f"the account has {entries}, and number {seq} is the last one found",
            account_id=chain.account_id,
            seq=seq + 1,
            expected=_hex(chain.head_hash),
            found=head.hex(),
        )
    if head == chain.end_hash:
        what = f"the account stores {entries} and the hash of its last, which is number {seq}"
        expected, found = counted(seq, "entry", "entries"), entries
    else:
        what = f"the account stores {entries} and another hash than that of its last, number {seq}"
        expected, found = head.hex(), _hex(chain.head_hash)
    return Break(
        kind=BreakKind.HEAD_CHANGED,
        what=what,
        account_id=chain.account_id,
        seq=seq,
        entry_id=int(last[_ID]) if last else None,
        expected=expected,
        found=found,
    )


def _at(entry: Row, kind: BreakKind, what: str, *, chain: Chain, expected: bytes | int, found: bytes | int) -> Break:
    """A break at `entry`; `expected` and `found` are hashes or versions."""
    return Break(
        kind=kind,
        what=what,
        account_id=chain.account_id,
        seq=int(entry[_SEQ]),
        entry_id=int(entry[_ID]),
        expected=_said(expected),
        found=_said(found),
    )


def _said(value: bytes | int) -> str:
    return f"version {value}" if isinstance(value, int) else value.hex()


def _computed(entry: Row, *, previous_hash: bytes | None = None) -> bytes:
    """The hash of the entry, computed from its contents and `previous_hash`, by default its own."""
    previous_hash = entry[_PREVIOUS] if previous_hash is None else previous_hash
    return entry_hash(version=entry[_VERSION], previous_hash=previous_hash, texts=entry[:_TEXTS])


def _hex(value: bytes | None) -> str:
    return value.hex() if value is not None else "none"
