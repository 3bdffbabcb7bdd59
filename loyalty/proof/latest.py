"""The last verification of the ledger and its result."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db.models import Q, Subquery

from loyalty.models import Checkpoint, LedgerVerification
from loyalty.proof.restores import Restore, restore_of

# On the home page; the list of checkpoints has all of them.
MAX_RESTORES: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """The last verification of more than one account, one with an unresolved break, and the last checkpoint, if any.

    `restored` are the last checkpoints that were taken after a restore.
    """

    verification: LedgerVerification | None
    age: timedelta | None
    broken: LedgerVerification | None
    checkpoint: Checkpoint | None
    checkpoint_age: timedelta | None
    restored: Sequence[tuple[Checkpoint, Restore]]

    @property
    def is_old(self) -> bool:
        """Whether the last verification is older than it may be."""
        return self.age is not None and self.age > timedelta(hours=settings.VERIFICATION_MAX_AGE_HOURS)

    @property
    def needs_attention(self) -> bool:
        """Whether the home page shows it among what needs attention."""
        return self.is_old or self.broken is not None

    @property
    def first_break(self) -> dict[str, Any]:
        """The first break."""
        return (self.broken and self.broken.first_break) or {}


def read_proof(*, now: datetime) -> Proof:
    """Read the results for the ledger of all casinos; nothing is verified here.

    A break stays unresolved until a verification of the whole ledger is clean.
    """
    runs = LedgerVerification.objects.order_by("-id")
    of_more, unclean = runs.exclude(scope=LedgerVerification.Scope.ACCOUNT), runs.filter(is_clean=False)
    # A union of the two would sort what the indexes have in order.
    either = runs.filter(Q(pk=Subquery(of_more.values("pk")[:1])) | Q(pk=Subquery(unclean.values("pk")[:1])))
    found = list(either)
    last = next((run for run in found if run.scope != LedgerVerification.Scope.ACCOUNT), None)
    broken = next((run for run in found if not run.is_clean), None)
    if (
        broken is not None
        and runs.filter(id__gt=broken.pk, scope=LedgerVerification.Scope.FULL, is_clean=True).exists()
    ):
        broken = None
    newest = Checkpoint.objects.order_by("-number").values("number")[:1]
    last_and_restored = Checkpoint.objects.filter(Q(number=Subquery(newest)) | Q(after_restore__isnull=False))
    checkpoints = list(last_and_restored.order_by("-number")[: 1 + MAX_RESTORES])
    checkpoint = checkpoints[0] if checkpoints else None
    return Proof(
        verification=last,
        age=now - last.ended_at if last else None,
        broken=broken,
        checkpoint=checkpoint,
        checkpoint_age=now - checkpoint.taken_at if checkpoint else None,
        restored=[(one, restore) for one in checkpoints if (restore := restore_of(one))][:MAX_RESTORES],
    )
