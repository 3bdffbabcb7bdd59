"""What the database lacks of what the checkpoints of a file sealed, after a restore or a fork."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final, NamedTuple

from django.db import connection

from core.words import counted
from loyalty.models import Checkpoint, SealedAccount
from loyalty.proof.listed import accounts_file, accounts_listed
from loyalty.proof.outside import checkpoints_in
from loyalty.proof.restores import restore_of
from loyalty.proof.sealing import MerkleRoot, leaf_hash

# For each account and entry count that a lost checkpoint sealed: whether the account has that entry, how many entries
# of that time it has, its last entry, and the last that an earlier checkpoint sealed. Entries without a time are old.
_FOUND: Final = """
    SELECT lost.account_id, lost.entry_count, lost.head_hash IS NOT DISTINCT FROM same.entry_hash,
           (SELECT count(*) FROM loyalty_ledger AS entry
            WHERE entry.account_id = lost.account_id AND entry.seq <= lost.entry_count
              AND (entry.recorded_at IS NULL OR entry.recorded_at <= lost.taken_at)),
           (SELECT max(entry.seq) FROM loyalty_ledger AS entry WHERE entry.account_id = lost.account_id),
           (SELECT coalesce(max(sealed.entry_count), 0) FROM loyalty_sealedaccount AS sealed
            WHERE sealed.account_id = lost.account_id AND sealed.checkpoint_id < %(first)s)
    FROM unnest(%(accounts)s::bigint[], %(counts)s::bigint[], %(heads)s::bytea[], %(times)s::timestamptz[])
         AS lost (account_id, entry_count, head_hash, taken_at)
    LEFT JOIN loyalty_ledger AS same ON same.account_id = lost.account_id AND same.seq = lost.entry_count
    ORDER BY lost.account_id, lost.entry_count
"""
_CHANGES_LEFT: Final = """
    SELECT count(*) FROM core_change AS change LEFT JOIN loyalty_sealedchange AS sealed ON sealed.change_id = change.id
    WHERE (sealed.checkpoint_id IS NULL OR sealed.checkpoint_id >= %(first)s) AND change.recorded_at <= %(until)s
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class LackedEntries:
    """The entries that an account lacks, by number. If it `has_others`, other entries have some of these numbers."""

    account_id: int
    first: int
    last: int
    has_others: bool

    def __str__(self) -> str:
        one = f"number {self.first}" if self.first == self.last else f"numbers {self.first} to {self.last}"
        others = "; other entries have these numbers now" if self.has_others else ""
        return f"account {self.account_id}: {counted(self.last - self.first + 1, 'entry', 'entries')}, {one}{others}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Lacking:
    """The checkpoints of a file that the database does not have, and what they sealed that it does not have either.

    `changes` counts changes of the change log. `unlisted` are checkpoints whose accounts are not in the file of
    accounts, so that their entries are not known.
    """

    checkpoints: Sequence[Checkpoint]
    accounts: Sequence[LackedEntries]
    changes: int
    unlisted: Sequence[int]

    @property
    def entries(self) -> int:
        return sum(account.last - account.first + 1 for account in self.accounts)


def find_lacking(file: Path) -> Lacking | None:
    """What the database lacks of what `file` says; None if it has every checkpoint of it.

    Reads in the caller's transaction, which must be one snapshot.

    :raises OSError: the file, or its file of accounts, cannot be read.
    """
    lost = _lost_checkpoints(file)
    if not lost:
        return None
    leaves, unlisted = _listed(file, lost)
    accounts = [_lacked([*rows]) for _, rows in groupby(_found(leaves, lost), key=lambda row: row.account_id)]
    with connection.cursor() as cursor:
        cursor.execute(_CHANGES_LEFT, {"first": min(lost), "until": max(one.taken_at for one in lost.values())})
        (left,) = cursor.fetchone()
    sealed = sum(checkpoint.log_changes or 0 for checkpoint in lost.values())
    return Lacking(
        checkpoints=[*lost.values()],
        accounts=[account for account in accounts if account is not None],
        changes=max(0, sealed - left),
        unlisted=unlisted,
    )


def lines_about(lacking: Lacking) -> list[str]:
    """What is lacking, for people: one line for each account."""
    first, last = lacking.checkpoints[0], lacking.checkpoints[-1]
    numbers = f"checkpoint {first.number}" if first is last else f"checkpoints {first.number} to {last.number}"
    lines = [f"Lacking: {numbers}, the last of {last.taken_at:%Y-%m-%d %H:%M:%S} UTC."]
    if len(lacking.unlisted) < len(lacking.checkpoints):
        entries, accounts = counted(lacking.entries, "entry", "entries"), counted(len(lacking.accounts), "account")
        lines += [f"Lacking: {entries} of {accounts}.", *(f"  {account}" for account in lacking.accounts)]
    lines += [
        f"Not known: which entries checkpoint {number} sealed. The file of accounts does not list them all."
        for number in lacking.unlisted
    ]
    return [*lines, f"Lacking: {counted(lacking.changes, 'change')} of the change log."]


def data_about(lacking: Lacking) -> dict[str, Any]:
    """What is lacking, for programs."""
    return {
        "checkpoints": [checkpoint.number for checkpoint in lacking.checkpoints],
        "entries": lacking.entries,
        "accounts": [asdict(account) for account in lacking.accounts],
        "changes": lacking.changes,
        "unlisted": lacking.unlisted,
    }


def _lost_checkpoints(file: Path) -> dict[int, Checkpoint]:
    """The checkpoints of the file, by number, that the database does not have and that none of its restores names.

    A line that is not signed is passed over: `compare_whole` names it.
    """
    stored = {number: bytes(hash_) for number, hash_ in Checkpoint.objects.values_list("number", "checkpoint_hash")}
    known = set[int]()
    for checkpoint in Checkpoint.objects.exclude(after_restore=None):
        if restore := restore_of(checkpoint):
            known.update(range(restore.kept + 1, checkpoint.number))
    return {
        one.number: one
        for one in checkpoints_in(file)
        if one.number not in known and stored.get(one.number) != one.checkpoint_hash
    }


def _listed(file: Path, lost: Mapping[int, Checkpoint]) -> tuple[list[SealedAccount], list[int]]:
    """The accounts that lost checkpoints sealed, and the numbers of those of which the file does not have all."""
    trees = {number: MerkleRoot() for number in lost}
    leaves: dict[int, list[SealedAccount]] = {number: [] for number in lost}
    for sealed in accounts_listed(accounts_file(file), since=min(lost)):
        number = sealed.checkpoint_id
        if number in lost:
            head = bytes(sealed.head_hash)
            trees[number].add(leaf_hash(account_id=sealed.account_id, entry_count=sealed.entry_count, head_hash=head))
            leaves[number].append(sealed)
    unlisted = [number for number, checkpoint in lost.items() if trees[number].root() != checkpoint.changes_root]
    return [leaf for number, kept in leaves.items() if number not in unlisted for leaf in kept], unlisted


class _Found(NamedTuple):
    """What the database has of an account at the entry count that a lost checkpoint sealed."""

    account_id: int
    entry_count: int
    is_same: bool
    had: int
    newest: int | None
    sealed: int


def _found(leaves: Sequence[SealedAccount], lost: Mapping[int, Checkpoint]) -> Iterator[_Found]:
    """By account and entry count. An account without entries lacks none."""
    leaves = [leaf for leaf in leaves if leaf.entry_count]
    with connection.cursor() as cursor:
        cursor.execute(
            _FOUND,
            {
                "accounts": [leaf.account_id for leaf in leaves],
                "counts": [leaf.entry_count for leaf in leaves],
                "heads": [bytes(leaf.head_hash) for leaf in leaves],
                "times": [lost[leaf.checkpoint_id].taken_at for leaf in leaves],
                "first": min(lost),
            },
        )
        yield from (_Found(*row) for row in cursor.fetchall())


def _lacked(rows: Sequence[_Found]) -> LackedEntries | None:
    """What an account lacks: the entries behind the last one that it is known to have, up to the last that was sealed.

    If it has as many entries of that time, with another hash, they are others from the last one that is the same.
    """
    last = rows[-1]
    if last.is_same:
        return None
    same = max([last.sealed, *(row.entry_count for row in rows if row.is_same)])
    had = max(same, last.had) if last.had < last.entry_count else same
    return LackedEntries(
        account_id=last.account_id,
        first=had + 1,
        last=last.entry_count,
        has_others=last.newest is not None and last.newest > had,
    )
