"""Verify the checkpoints: their hashes and signatures, and the accounts and changes that they sealed."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import connection

from core.snapshots import streamed
from core.words import counted
from loyalty.models import Checkpoint
from loyalty.proof.breaks import Break, BreakKind
from loyalty.proof.changes import root_of_changes
from loyalty.proof.keys import is_signed, trusted_keys
from loyalty.proof.restores import restore_of
from loyalty.proof.sealing import FIRST_PREVIOUS_HASH, MerkleRoot, leaf_hash

_CHUNK_ROWS: Final = 1_000
_Bytes = bytes | memoryview

# The newest sealed entry count and head of an account, up to checkpoint number `since`.
SEALED_OF: Final = """
    SELECT checkpoint_id, account_id, entry_count, head_hash FROM loyalty_sealedaccount
    WHERE account_id = {account} AND checkpoint_id <= %(since)s ORDER BY checkpoint_id DESC LIMIT 1
"""
# The same of every account. An index finds one row an account: the table has a row for each time that one was sealed.
SEALED: Final = f"""
    WITH RECURSIVE every (account_id) AS (
        (SELECT account_id FROM loyalty_sealedaccount ORDER BY account_id LIMIT 1)
        UNION ALL
        SELECT (SELECT next.account_id FROM loyalty_sealedaccount AS next WHERE next.account_id > every.account_id
                ORDER BY next.account_id LIMIT 1)
        FROM every WHERE every.account_id IS NOT NULL
    )
    SELECT sealed.account_id, sealed.entry_count, sealed.head_hash, sealed.checkpoint_id
    FROM every CROSS JOIN LATERAL ({SEALED_OF.format(account="every.account_id")}) AS sealed ORDER BY sealed.account_id
"""  # noqa: S608  (constants)
# The accounts that checkpoint number `since` sealed, of which its `changes_root` is made.
CHANGED: Final = """
    SELECT account_id, entry_count, head_hash FROM loyalty_sealedaccount
    WHERE checkpoint_id = %(since)s ORDER BY account_id
"""
# What was sealed after checkpoint number `since`, and what was the newest then.
_UNSEALED: Final = f"""
    SELECT sealed.checkpoint_id, sealed.account_id, sealed.entry_count, sealed.head_hash, account.id, entry.id,
           entry.entry_hash
    FROM (
        SELECT account_id, entry_count, head_hash, checkpoint_id FROM loyalty_sealedaccount
        WHERE checkpoint_id > %(since)s
        UNION ALL
        SELECT * FROM ({SEALED}) AS newest WHERE %(since)s > 0
    ) AS sealed
    LEFT JOIN loyalty_playerloyalty AS account ON account.id = sealed.account_id
    LEFT JOIN LATERAL (
        SELECT id, entry_hash FROM loyalty_ledger WHERE account_id = sealed.account_id AND seq = sealed.entry_count
        OFFSET 0
    ) AS entry ON true
    WHERE (%(account)s::bigint IS NULL OR sealed.account_id = %(account)s::bigint)
      AND (account.id IS NULL OR sealed.entry_count > 0 AND entry.entry_hash IS DISTINCT FROM sealed.head_hash)
    ORDER BY sealed.checkpoint_id, sealed.account_id LIMIT 1
"""  # noqa: S608


def broken_checkpoint(*, since: int, every_root: bool) -> tuple[int, Break | None]:
    """The number of checkpoints up to the last that was read, and the first that is missing or differs from what was
    signed.

    Reads the checkpoints from number `since` on; of that one only what it signed. Recomputes the roots over the changed
    accounts of each checkpoint, and over its changes of the change log. The root over all accounts is recomputed for
    the newest checkpoint only, unless `every_root`.

    :raises NoCheckpointKey: there are checkpoints, and no key to verify them with.
    """
    newest = Checkpoint.objects.order_by("number").last()
    if newest is None:
        return 0, None
    keys, before, looked_at = trusted_keys(), None, Checkpoint.objects.filter(number__lt=since).count()
    for checkpoint in Checkpoint.objects.filter(number__gte=since).order_by("number").iterator():
        looked_at += 1
        wrong = (
            unsigned(checkpoint, keys=keys)
            or (_wrong_place(checkpoint, before=before) if checkpoint.number > since else None)
            or (_wrong_rows(checkpoint) if checkpoint.number > since else None)
            or (_wrong_root(checkpoint) if every_root or checkpoint.number == newest.number else None)
        )
        if wrong is not None:
            return looked_at, wrong
        before = checkpoint
    return looked_at, None


def _wrong_place(checkpoint: Checkpoint, *, before: Checkpoint | None) -> Break | None:
    """What is wrong if `checkpoint` follows `before`. After a restore it follows one that is in the file alone."""
    kept, previous = (before.number, before.checkpoint_hash) if before else (0, FIRST_PREVIOUS_HASH)
    restore = restore_of(checkpoint)
    if checkpoint.number != kept + 1 and (restore is None or restore.kept != kept):
        return Break(
            kind=BreakKind.CHECKPOINT_MISSING,
            what=f"the next one that is there is checkpoint {checkpoint.number}",
            checkpoint=kept + 1,
            expected=bytes(checkpoint.previous_hash).hex(),
        )
    if checkpoint.number == kept + 1 and checkpoint.previous_hash != previous:
        what = f"checkpoint {checkpoint.number} was chained to another one"
        return _altered(kept, what, expected=checkpoint.previous_hash, found=previous)
    return None


def unsigned(checkpoint: Checkpoint, *, keys: Mapping[str, Ed25519PublicKey]) -> Break | None:
    """What is wrong with the hash, the key or the signature of a checkpoint, of the database or of a file."""
    number = checkpoint.number
    contents, key = checkpoint.signed_bytes(), keys.get(checkpoint.key_id)
    if key is None:
        return Break(
            kind=BreakKind.CHECKPOINT_FOREIGN,
            what="it is signed with an unknown key",
            checkpoint=number,
            expected=", ".join(keys),
            found=checkpoint.key_id,
        )
    if (computed := sha256(contents).digest()) != checkpoint.checkpoint_hash:
        what = "its contents do not match its hash"
        return _altered(number, what, expected=computed, found=checkpoint.checkpoint_hash)
    if not is_signed(contents, signature=bytes(checkpoint.signature), key=key):
        what = "its signature does not match its contents"
        return _altered(number, what, expected=b"", found=checkpoint.signature)
    return None


def _wrong_rows(checkpoint: Checkpoint) -> Break | None:
    """How the accounts and changes that are kept with a checkpoint differ from what it signed."""
    number = checkpoint.number
    root = _root(CHANGED, since=number)
    if (root.leaves, root.root()) != (checkpoint.changes, checkpoint.changes_root):
        kept = f"{counted(root.leaves, 'account is', 'accounts are')} kept as sealed by it"
        what = f"{kept}, and they are not the {checkpoint.changes:,} it signed"
        return _altered(number, what, expected=checkpoint.changes_root, found=root.root())
    log, signed = root_of_changes(number), checkpoint.log_root or MerkleRoot().root()
    if (log.leaves, log.root()) != (checkpoint.log_changes or 0, signed):
        kept = f"{counted(log.leaves, 'change of the change log is', 'changes of the change log are')} kept as sealed"
        what = f"{kept} by it, and they are not the {checkpoint.log_changes or 0:,} it signed"
        return _altered(number, what, expected=signed, found=log.root())
    return None


def _wrong_root(checkpoint: Checkpoint) -> Break | None:
    root = _root(SEALED, since=checkpoint.number)
    if (root.leaves, root.root()) == (checkpoint.accounts, checkpoint.accounts_root):
        return None
    sealed = f"all that was sealed up to it is {counted(root.leaves, 'account')}"
    what = f"{sealed}, and not the {checkpoint.accounts:,} that it signed"
    return _altered(checkpoint.number, what, expected=checkpoint.accounts_root, found=root.root())


def _root(query: str, *, since: int) -> MerkleRoot:
    root = MerkleRoot()
    with streamed(query, {"since": since}, chunk_rows=_CHUNK_ROWS) as rows:
        for account_id, entry_count, head_hash, *_ in rows:
            root.add(leaf_hash(account_id=account_id, entry_count=entry_count, head_hash=head_hash))
    return root


def _altered(number: int, what: str, *, expected: _Bytes, found: _Bytes) -> Break:
    return Break(
        kind=BreakKind.CHECKPOINT_ALTERED,
        what=what,
        checkpoint=number,
        expected=bytes(expected).hex(),
        found=bytes(found).hex(),
    )


def unsealed_account(*, account_id: int | None, since: int) -> Break | None:
    """The first account, of all or of one, that differs from what a checkpoint sealed.

    Of the checkpoints up to number `since`, it compares what was the newest then.
    """
    with connection.cursor() as cursor:
        cursor.execute(_UNSEALED, {"account": account_id, "since": since})
        row = cursor.fetchone()
    if row is None:
        return None
    checkpoint, account, entry_count, head, existing, entry_id, found = row
    sealed = f"checkpoint {checkpoint} sealed it with {counted(entry_count, 'entry', 'entries')}"
    if existing is None:
        kind, what = BreakKind.ACCOUNT_MISSING, f"{sealed}, and it is gone"
    elif found is None:
        kind, what = BreakKind.MISSING_TAIL, f"{sealed}, and entry number {entry_count:,} is gone"
    else:
        kind, what = BreakKind.REWRITTEN, f"{sealed}, and entry number {entry_count:,} has another hash now"
    return Break(
        kind=kind,
        what=what,
        account_id=account,
        seq=entry_count,
        entry_id=entry_id,
        checkpoint=checkpoint,
        expected=head.hex(),
        found=found.hex() if found is not None else "none",
    )
