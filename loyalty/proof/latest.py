"""The last verification of the ledger and its result."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any, Final

from django.conf import settings
from django.db.models import Q, Subquery

from core.jobs import VERIFY_LEDGER
from loyalty.models import Checkpoint, LedgerVerification
from loyalty.proof.restores import Restore, restore_of

# On the home page; the list of checkpoints has all of them.
MAX_RESTORES: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """The last verification of more than one account, the last of the whole ledger, one with an unresolved break, and
    the last checkpoint, if any.

    `restored` are the last checkpoints that were taken after a restore.
    """

    verification: LedgerVerification | None
    age: timedelta | None
    whole_age: timedelta | None
    broken: LedgerVerification | None
    checkpoint: Checkpoint | None
    checkpoint_age: timedelta | None
    restored: Sequence[tuple[Checkpoint, Restore]]

    @property
    def is_old(self) -> bool:
        """Whether the last verification is older than it may be, or the last of the whole ledger."""
        return self.is_whole_old or (
            self.age is not None and self.age > timedelta(hours=settings.VERIFICATION_MAX_AGE_HOURS)
        )

    @property
    def is_whole_old(self) -> bool:
        """Whether the whole ledger was verified longer ago than it may be, or only what is new ever was."""
        return self.verification is not None and (self.whole_age is None or self.whole_age > VERIFY_LEDGER.max_age)

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
    scope = LedgerVerification.Scope
    of_more, of_whole, unclean = (
        runs.exclude(scope=scope.ACCOUNT),
        runs.filter(scope=scope.FULL),
        runs.filter(is_clean=False),
    )
    # A union of these would sort what the indexes have in order.
    newest_of_each = [Q(pk=Subquery(each.values("pk")[:1])) for each in (of_more, of_whole, unclean)]
    found = list(runs.filter(reduce(or_, newest_of_each)))
    last = next((run for run in found if run.scope != scope.ACCOUNT), None)
    whole = next((run for run in found if run.scope == scope.FULL), None)
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
        whole_age=now - whole.ended_at if whole else None,
        broken=broken,
        checkpoint=checkpoint,
        checkpoint_age=now - checkpoint.taken_at if checkpoint else None,
        restored=[(one, restore) for one in checkpoints if (restore := restore_of(one))][:MAX_RESTORES],
    )
