"""Prove to somebody without access to the database that an entry is in a signed checkpoint."""

from typing import Any, Final

from django.db import connection

from core.errors import DomainError
from core.snapshots import streamed
from loyalty.chain import HASHED_COLUMNS, TEXTS, columns_hash
from loyalty.models import LedgerEntry, SealedAccount
from loyalty.proof.breaks import Chain, Row, first_break
from loyalty.proof.outside import values_of
from loyalty.proof.sealed import CHANGED
from loyalty.proof.sealing import MerkleRoot, Step, leaf_hash

PROOF_VERSION: Final = 1
CHUNK_ROWS: Final = 1_000

_TEXTS: Final = len(TEXTS)
_PREVIOUS, _HASH = _TEXTS + 1, _TEXTS + 2
_ENTRIES: Final = f"""
    SELECT {", ".join(TEXTS.values())}, entry.chain_version, entry.previous_hash, entry.entry_hash
    FROM loyalty_ledger AS entry
    WHERE entry.account_id = %(account)s AND entry.seq BETWEEN %(first)s AND %(last)s ORDER BY entry.seq
"""  # noqa: S608  (constants)


class NoSuchEntry(DomainError):
    """The ledger has no entry with this number."""

    code = "NO_SUCH_ENTRY"


class NotProvable(DomainError):
    """No checkpoint has sealed the entry, or its hash is of version 1."""

    code = "NOT_PROVABLE"


class LedgerBroken(DomainError):
    """The ledger differs from the checkpoint that sealed the entry."""

    code = "LEDGER_BROKEN"


def prove_entry(entry_id: int) -> dict[str, Any]:
    """The proof of an entry, as the JSON object that docs/ledger-chain.md describes.

    The proof leads to the first checkpoint that sealed the entry. Reads in the caller's transaction, which must be one
    snapshot.

    :raises NoSuchEntry: the ledger has no such entry.
    :raises NotProvable: no checkpoint has sealed it yet, or it is of version 1 of the chain.
    :raises LedgerBroken: the ledger differs from the checkpoint, so the proof would fail.
    """
    entry = LedgerEntry.objects.filter(pk=entry_id).only("account_id", "seq", "chain_version").first()
    if entry is None:
        raise NoSuchEntry(f"The ledger has no entry {entry_id}.")
    if entry.chain_version == 1:
        raise NotProvable(f"Entry {entry_id} is of version 1 of the chain: only verify_ledger can check it.")
    sealed = (
        SealedAccount.objects.filter(account_id=entry.account_id, entry_count__gte=entry.seq)
        .select_related("checkpoint")
        .order_by("checkpoint_id")
        .first()
    )
    if sealed is None:
        raise NotProvable(f"No checkpoint has sealed entry {entry_id} yet: run “manage.py checkpoint” first.")
    rows = _read_rows(sealed, first=entry.seq)
    path = _path_to_root(sealed)
    if path is None or not _lead_to_head(rows, sealed=sealed, first=entry.seq):
        raise LedgerBroken(
            f"The ledger differs from checkpoint {sealed.checkpoint_id}, which sealed entry {entry_id}. "
            "Run verify_ledger, and see the runbook."
        )
    proven, *later = rows
    texts = dict(zip(TEXTS, proven, strict=False))
    return {
        "proof": "loyalty-entry",
        "version": PROOF_VERSION,
        "columns": {name: texts[name] for name in HASHED_COLUMNS if texts[name] is not None},
        "previous_hash": proven[_PREVIOUS].hex(),
        "entry_hash": proven[_HASH].hex(),
        "later": [columns_hash(row[:_TEXTS]).hex() for row in later],
        "head_hash": rows[-1][_HASH].hex(),
        "path": [["left" if step.is_left else "right", step.root.hex()] for step in path],
        "checkpoint": values_of(sealed.checkpoint),
    }


def _read_rows(sealed: SealedAccount, *, first: int) -> list[Row]:
    """The entries of the account from number `first` to the last that was sealed."""
    with connection.cursor() as cursor:
        cursor.execute(_ENTRIES, {"account": sealed.account_id, "first": first, "last": sealed.entry_count})
        return list(cursor)


def _lead_to_head(rows: list[Row], *, sealed: SealedAccount, first: int) -> bool:
    chain = Chain(
        account_id=sealed.account_id,
        entry_count=sealed.entry_count,
        head_hash=bytes(sealed.head_hash),
        from_count=first - 1,
        from_hash=rows[0][_PREVIOUS],
    )
    return first_break(chain, rows) is None


def _path_to_root(sealed: SealedAccount) -> tuple[Step, ...] | None:
    """The path from the account to `changes_root`; None if what was sealed does not lead there."""
    tree = MerkleRoot()
    with streamed(CHANGED, {"since": sealed.checkpoint_id}, chunk_rows=CHUNK_ROWS) as rows:
        for account_id, entry_count, head_hash in rows:
            leaf = leaf_hash(account_id=account_id, entry_count=entry_count, head_hash=head_hash)
            tree.add(leaf, is_proven=account_id == sealed.account_id)
    return tree.path() if tree.root() == sealed.checkpoint.changes_root else None
