"""Take checkpoints: sign the state of all accounts at one instant."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection

from core.errors import DomainError
from core.leases import HeldLease, LeaseHeld, lease
from core.models import Casino
from core.snapshots import Stream, streamed
from core.timeouts import WHOLE_LEDGER_SECONDS, allow_statements
from core.transactions import operation, transaction_required
from core.words import counted
from loyalty.chain import genesis_hash
from loyalty.models import Checkpoint, SealedAccount
from loyalty.proof import outside
from loyalty.proof.changes import seal_changes
from loyalty.proof.keys import key_id_of, signing_key
from loyalty.proof.sealed import SEALED
from loyalty.proof.sealing import FIRST_PREVIOUS_HASH, MerkleRoot, leaf_hash
from loyalty.services.drift import different_accounts

log = structlog.get_logger(__name__)

CHECKPOINT_LEASE: Final = "checkpoint"
MAX_ACCOUNTS_NAMED: Final = 10
CHUNK_ROWS: Final = 1_000

_ACCOUNTS: Final = f"""
    SELECT account.id, account.entry_count, account.head_hash, sealed.entry_count, sealed.head_hash
    FROM loyalty_playerloyalty AS account LEFT JOIN ({SEALED}) AS sealed ON sealed.account_id = account.id
    ORDER BY account.id
"""  # noqa: S608  (a constant)
_TOTALS: Final = """
    SELECT count(*), coalesce(sum(points), 0), (SELECT coalesce(sum(balance), 0) FROM loyalty_playerloyalty)
    FROM loyalty_ledger
"""


class CheckpointUnderWay(LeaseHeld):
    """Another checkpoint is being taken."""

    code = "CHECKPOINT_UNDER_WAY"
    sentence = "Another checkpoint is being taken. It seals the same accounts."


class SealedEntriesGone(DomainError):
    """An account no longer has the entries that the last checkpoint sealed; signing that would hide the loss."""

    code = "SEALED_ENTRIES_GONE"


class BalancesDiffer(DomainError):
    """Accounts differ from their entries; signing that would make the difference look checked."""

    code = "BALANCES_DIFFER"


def take_checkpoint(*, at: datetime, file: Path | None) -> Checkpoint:
    """Sign the state of all accounts at one instant, and append the checkpoint to the file outside, if there is one.

    The row is committed before the line is written. If a run ends between the two, the next run writes the missing line
    first. Entries that commit later are in the next checkpoint, whatever their ids.

    :raises NoCheckpointKey: there is no key to sign with.
    :raises CheckpointUnderWay: another checkpoint is being taken.
    :raises LeaseLost: another one was begun meanwhile, because this one was not active; nothing was sealed.
    :raises CheckpointFileDiffers: the file differs from the database; nothing was sealed.
    :raises SealedEntriesGone: an account has lost sealed entries; nothing was sealed.
    :raises ChangesAltered: a change of the change log does not match its hash; nothing was sealed.
    :raises BalancesDiffer: accounts differ from their entries; nothing was sealed.
    :raises OSError: the file cannot be written; the next run writes the missing lines.
    """
    key = signing_key()
    # The lease is taken before the snapshot, which then has the checkpoint before this one.
    with lease(CHECKPOINT_LEASE, refusal=CheckpointUnderWay) as held:
        if file is not None:
            outside.complete(file)
        with sealing(held, actor_id=None):
            checkpoint = seal_accounts(at=at, key=key)
        if file is not None:
            outside.complete(file)
    log.info("loyalty.checkpoint_taken", number=checkpoint.number, changes=checkpoint.changes)
    return checkpoint


@contextmanager
def sealing(held: HeldLease, *, actor_id: int | None) -> Iterator[None]:
    """Own the transaction of a checkpoint, on one snapshot, with the lease."""
    with operation("loyalty.take_checkpoint", actor_id=actor_id):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            allow_statements(seconds=WHOLE_LEDGER_SECONDS)
        held.hold()
        yield
        held.hold()  # again, so that there is time to write the line


@transaction_required
def seal_accounts(
    *, at: datetime, key: Ed25519PrivateKey, last: Checkpoint | None = None, after_restore: str | None = None
) -> Checkpoint:
    """Write the next checkpoint in the caller's transaction, which must be one snapshot.

    It follows `last`, by default the newest of the database. After a restore that is the last one of the file, and
    `after_restore` is signed with it.

    :raises SealedEntriesGone: an account has fewer entries than were sealed, or as many with another head.
    :raises ChangesAltered: a change of the change log does not match its hash.
    :raises BalancesDiffer: accounts differ from their entries.
    """
    last = last or Checkpoint.objects.order_by("number").last()
    number = last.number + 1 if last else 1
    every, changed = _seal_changed_accounts(number)
    logged = seal_changes(number)
    _require_no_drift()
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS)
        entries, points_total, balance_total = cursor.fetchone()
    checkpoint = Checkpoint(
        number=number,
        taken_at=at,
        accounts=every.leaves,
        entries=entries,
        points_total=points_total,
        balance_total=balance_total,
        accounts_root=every.root(),
        changes=changed.leaves,
        changes_root=changed.root(),
        log_changes=logged.leaves,
        log_root=logged.root(),
        after_restore=after_restore,
        previous_hash=last.checkpoint_hash if last else FIRST_PREVIOUS_HASH,
    )
    sign(checkpoint, key=key)
    checkpoint.save(force_insert=True)
    return checkpoint


def _seal_changed_accounts(number: int) -> tuple[MerkleRoot, MerkleRoot]:
    """Write a row for each account that changed since the checkpoint before `number`.

    Returns the roots of all accounts and of the changed ones.
    """
    every, changed = MerkleRoot(), MerkleRoot()
    fresh: list[SealedAccount] = []
    with changed_accounts(last_number=number - 1) as accounts:
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
            if len(fresh) == CHUNK_ROWS:
                SealedAccount.objects.bulk_create(fresh)
                fresh.clear()
    SealedAccount.objects.bulk_create(fresh)
    return every, changed


def sign(checkpoint: Checkpoint, *, key: Ed25519PrivateKey) -> None:
    """Set the hash, the key id and the signature of a checkpoint."""
    contents = checkpoint.signed_bytes()
    checkpoint.checkpoint_hash = sha256(contents).digest()
    checkpoint.key_id = key_id_of(key.public_key())
    checkpoint.signature = key.sign(contents)


def _require_grown(account_id: int, *, entry_count: int, sealed_count: int | None) -> None:
    if sealed_count is not None and entry_count <= sealed_count:
        raise SealedEntriesGone(
            f"Account {account_id} was sealed with {counted(sealed_count, 'entry', 'entries')} and has {entry_count:,} "
            "now, or others. "
            "Nothing was sealed. Run verify_ledger, and see the runbook."
        )


def _require_no_drift() -> None:
    differences = [
        difference
        for casino in Casino.objects.order_by("code")
        for difference in different_accounts(casino=casino, limit=MAX_ACCOUNTS_NAMED + 1)
    ]
    if differences:
        named = ", ".join(str(difference.account_id) for difference in differences[:MAX_ACCOUNTS_NAMED])
        more = " and more" if len(differences) > MAX_ACCOUNTS_NAMED else ""
        raise BalancesDiffer(
            f"These accounts differ from their entries: {named}{more}. Nothing was sealed. "
            "Run verify_ledger, and see the runbook."
        )


def changed_accounts(*, last_number: int) -> Stream:
    return streamed(_ACCOUNTS, {"since": last_number}, chunk_rows=CHUNK_ROWS)
