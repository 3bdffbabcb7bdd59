"""Take the first checkpoint after a restore, which says for ever what the restored database lacked."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import structlog
from django.db.models import Max

from core.errors import DomainError
from core.leases import lease
from core.models import User
from core.permissions import NotPermitted, require_permission
from core.reasons.text import checked_reason
from core.transactions import transaction_required
from loyalty.models import Checkpoint, LoyaltyProgram
from loyalty.permissions import REBUILD_BALANCES
from loyalty.proof import outside
from loyalty.proof.appending import CheckpointFileDiffers
from loyalty.proof.breaks import BreakKind
from loyalty.proof.checkpoints import CHECKPOINT_LEASE, CheckpointUnderWay, seal_accounts, sealing
from loyalty.proof.keys import signing_key
from loyalty.proof.lacking import Lacking, find_lacking
from loyalty.proof.restores import MAX_NAMED_ACCOUNTS, Restore
from loyalty.proof.sealing import FIRST_PREVIOUS_HASH
from loyalty.proof.verification import Scope, verify_ledger

log = structlog.get_logger(__name__)


class RestoredLedgerBroken(DomainError):
    """The restored database differs from its own checkpoints, so that it is not what was backed up."""

    code = "RESTORED_LEDGER_BROKEN"


def take_checkpoint_after_restore(*, actor: User, reason: str, at: datetime, file: Path) -> Checkpoint:
    """Sign the state of a restored database, with what it lacks of what `file` says, who says so and why.

    The checkpoint follows the last one of the file. So the file stays one chain, and the database lacks the numbers
    between. What is signed names them, and is shown by verifications, by `check_invariants` and in the console.

    :raises NotPermitted: the actor may not rebuild the balances of every programme.
    :raises InvalidReason: the reason is too short or too long.
    :raises NoCheckpointKey: there is no key to sign with.
    :raises CheckpointUnderWay: another checkpoint is being taken.
    :raises CheckpointFileDiffers: the file and the database differ in a checkpoint that both have.
    :raises RestoredLedgerBroken: a verification finds that the database is not what its own checkpoints sealed.
    :raises ChangesAltered: a change of the change log does not match its hash.
    :raises BalancesDiffer: accounts differ from their entries.
    :raises OSError: the file cannot be read, or cannot be written; the next run writes the missing line.
    """
    key, reason = signing_key(), checked_reason(reason)
    with lease(CHECKPOINT_LEASE, refusal=CheckpointUnderWay) as held:
        with sealing(held, actor_id=actor.pk):
            _require_permission(actor)
            _require_whole()
            lacking = _lacking(file)
            restore = _restore(lacking, actor=actor, reason=reason)
            last = lacking.checkpoints[-1] if lacking else None
            checkpoint = seal_accounts(at=at, key=key, last=last, after_restore=restore.as_text())
        outside.complete(file)
    log.warning(
        "loyalty.checkpoint_taken_after_restore",
        number=checkpoint.number,
        kept=restore.kept,
        entries=restore.entries,
        actor_id=actor.pk,
    )
    return checkpoint


def _require_permission(actor: User) -> None:
    """:raises NotPermitted: see above."""
    programs = list(LoyaltyProgram.objects.order_by("pk"))
    if not programs:
        raise NotPermitted("There is no loyalty programme, and so no ledger that could be sealed.")
    for program in programs:
        require_permission(actor, REBUILD_BALANCES, program)


@transaction_required
def _require_whole() -> None:
    """:raises RestoredLedgerBroken: see above."""
    found = verify_ledger(scope=Scope(every_root=True)).first_break
    if found is not None:
        raise RestoredLedgerBroken(
            f"The database differs from its own checkpoints ({found.kind}: {found.what}), which a restore does not do. "
            "Nothing was sealed. Run verify_ledger, and see the runbook."
        )


def _lacking(file: Path) -> Lacking | None:
    """What the database lacks, which must be what the file has behind the last checkpoint of both.

    :raises CheckpointFileDiffers: see above.
    """
    file.stat()
    lacking, found = find_lacking(file), outside.compare(file).first_break
    expected = lacking.checkpoints[0].number if lacking else None
    if found is not None and (found.checkpoint != expected or found.kind is not BreakKind.CHECKPOINT_MISSING):
        raise CheckpointFileDiffers(
            f"{file} and the database differ in checkpoint {found.checkpoint}: {found.what}. That is not a restore. "
            "Nothing was sealed. Compare the files with compare_checkpoints, and see the runbook."
        )
    if lacking:
        _require_one_chain(lacking.checkpoints, file=file)
    return lacking


def _require_one_chain(lost: Sequence[Checkpoint], *, file: Path) -> None:
    """:raises CheckpointFileDiffers: they do not follow the newest of the database, or are not the end of the file."""
    newest = Checkpoint.objects.order_by("number").last()
    hashes = [newest.checkpoint_hash if newest else FIRST_PREVIOUS_HASH, *(one.checkpoint_hash for one in lost)]
    if [one.previous_hash for one in lost] != hashes[:-1] or outside.last_line(file) != outside.line_of(lost[-1]):
        raise CheckpointFileDiffers(
            f"{file} has lines behind checkpoint {newest.number if newest else 0} that were not signed one after the "
            "other. Nothing was sealed. See the runbook."
        )


def _restore(lacking: Lacking | None, *, actor: User, reason: str) -> Restore:
    kept = Checkpoint.objects.aggregate(last=Max("number", default=0))["last"]
    accounts = lacking.accounts if lacking else ()
    return Restore(
        by=actor.get_username(),
        staff_id=actor.pk,
        reason=reason,
        kept=kept,
        last=lacking.checkpoints[-1].number if lacking else kept,
        accounts=len(accounts),
        entries=lacking.entries if lacking else 0,
        named=[[one.account_id, one.first, one.last] for one in accounts[:MAX_NAMED_ACCOUNTS]],
        changes=lacking.changes if lacking else 0,
        unlisted=[*lacking.unlisted] if lacking else [],
    )
