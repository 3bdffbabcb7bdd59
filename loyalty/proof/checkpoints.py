"""Checkpoints: everything that stands at one instant, sealed under one signature."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import DatabaseError, connection

from core.errors import DomainError
from core.snapshots import Stream, streamed
from core.timeouts import WHOLE_LEDGER_SECONDS, allow_statements
from core.transactions import operation
from loyalty.chain import genesis_hash
from loyalty.models import Checkpoint, SealedAccount
from loyalty.proof import outside
from loyalty.proof.keys import signing_key
from loyalty.proof.sealed import SEALED
from loyalty.proof.sealing import MerkleRoot, Seal, key_id_of, leaf_hash, previous_of_first

log = structlog.get_logger(__name__)

# Key of the advisory lock that one checkpoint at a time holds on a database.
CHECKPOINT_LOCK: Final = 0x4348_4B50
_CHUNK_ROWS: Final = 1_000

_ACCOUNTS: Final = f"""
    SELECT account.id, account.entry_count, account.head_hash, sealed.entry_count, sealed.head_hash
    FROM loyalty_playerloyalty AS account LEFT JOIN ({SEALED}) AS sealed ON sealed.account_id = account.id
    ORDER BY account.id
"""  # noqa: S608  (a constant of ours)
_TOTALS: Final = """
    SELECT count(*), coalesce(sum(points), 0), (SELECT coalesce(sum(balance), 0) FROM loyalty_playerloyalty)
    FROM loyalty_ledger
"""


class CheckpointUnderWay(DomainError):
    """Another checkpoint is being taken just now."""

    code = "CHECKPOINT_UNDER_WAY"


class SealedEntriesGone(DomainError):
    """An account does not have what the last checkpoint sealed: nothing is sealed over that."""

    code = "SEALED_ENTRIES_GONE"


def take_checkpoint(*, at: datetime, file: Path | None) -> Checkpoint:
    """Seal what stands at one instant, sign it, and append it to the file outside, if there is one.

    The row is committed before the line is written; a line that is missing, because a run was broken off between the
    two, is written first by the next one. Entries that commit later are in the next checkpoint, whatever their ids.

    :raises NoCheckpointKey: there is no key to sign with.
    :raises CheckpointUnderWay: another one is being taken.
    :raises CheckpointFileDiffers: the file does not tell what the database does; nothing was sealed.
    :raises SealedEntriesGone: an account is less than it was; nothing was sealed.
    :raises OSError: the file cannot be written; the next run writes what it lacks.
    """
    key = signing_key()
    with _one_at_a_time():
        if file is not None:
            outside.complete(file)
        with operation("loyalty.take_checkpoint", actor_id=None):
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                allow_statements(seconds=WHOLE_LEDGER_SECONDS)
            checkpoint = seal_accounts(at=at, key=key)
        if file is not None:
            outside.complete(file)
    log.info("loyalty.checkpoint_taken", number=checkpoint.number, changes=checkpoint.changes)
    return checkpoint


def seal_accounts(*, at: datetime, key: Ed25519PrivateKey) -> Checkpoint:
    """Write the next checkpoint, as the caller's transaction sees the accounts; it must be one snapshot.

    :raises SealedEntriesGone: an account is less than it was, or has another head with as many entries.
    """
    last = Checkpoint.objects.order_by("number").last()
    number = last.number + 1 if last else 1
    every, changed = MerkleRoot(), MerkleRoot()
    fresh: list[SealedAccount] = []
    with _accounts(last_number=number - 1) as accounts:
        for account_id, entry_count, head_hash, sealed_count, sealed_head in accounts:
            head = genesis_hash(account_id) if head_hash is None else head_hash
            leaf = leaf_hash(account_id=account_id, entry_count=entry_count, head_hash=head)
            every.add(leaf)
            if (entry_count, head) == (sealed_count, sealed_head):
                continue
            _require_grown(account_id, entry_count=entry_count, sealed_count=sealed_count)
            changed.add(leaf)
            fresh.append(
                SealedAccount(checkpoint_id=number, account_id=account_id, entry_count=entry_count, head_hash=head)
            )
            if len(fresh) == _CHUNK_ROWS:
                SealedAccount.objects.bulk_create(fresh)
                fresh.clear()
    SealedAccount.objects.bulk_create(fresh)
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS)
        entries, points_total, balance_total = cursor.fetchone()
    seal = Seal(
        number=number,
        taken_at=at,
        accounts=every.leaves,
        entries=entries,
        points_total=int(points_total),
        balance_total=int(balance_total),
        accounts_root=every.root(),
        changes=changed.leaves,
        changes_root=changed.root(),
        previous_hash=bytes(last.checkpoint_hash) if last else previous_of_first(),
    )
    return _signed(seal, key=key)


def _signed(seal: Seal, *, key: Ed25519PrivateKey) -> Checkpoint:
    return Checkpoint.objects.create(
        number=seal.number,
        taken_at=seal.taken_at,
        accounts=seal.accounts,
        entries=seal.entries,
        points_total=seal.points_total,
        balance_total=seal.balance_total,
        accounts_root=seal.accounts_root,
        changes=seal.changes,
        changes_root=seal.changes_root,
        previous_hash=seal.previous_hash,
        checkpoint_hash=seal.hash,
        key_id=key_id_of(key.public_key()),
        signature=key.sign(seal.preimage()),
    )


def _require_grown(account_id: int, *, entry_count: int, sealed_count: int | None) -> None:
    if sealed_count is not None and entry_count <= sealed_count:
        raise SealedEntriesGone(
            f"Account {account_id} was sealed with {sealed_count:,} entries and has {entry_count:,} now, or others. "
            "Nothing was sealed. Run verify_ledger, and see the runbook."
        )


def _accounts(*, last_number: int) -> Stream:
    return streamed(_ACCOUNTS, {"since": last_number}, chunk_rows=_CHUNK_ROWS)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Keep other checkpoints of this database out, also while the line is written.

    A lock of the session: one of the transaction would be taken with the snapshot that it is to come before.

    :raises CheckpointUnderWay: there is one.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [CHECKPOINT_LOCK])
        if not cursor.fetchone()[0]:
            raise CheckpointUnderWay("Another checkpoint is being taken just now: it seals the same.")
    try:
        yield
    finally:
        with suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [CHECKPOINT_LOCK])
