"""The last verification of the ledger and its result."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from loyalty.models import Checkpoint, LedgerVerification


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """The last verification of more than one account, one with an unresolved break, and the last checkpoint, if any."""

    verification: LedgerVerification | None
    age: timedelta | None
    broken: LedgerVerification | None
    checkpoint: Checkpoint | None
    checkpoint_age: timedelta | None

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
    last = runs.exclude(scope=LedgerVerification.Scope.ACCOUNT).first()
    broken = runs.filter(is_clean=False).first()
    if (
        broken is not None
        and runs.filter(id__gt=broken.pk, scope=LedgerVerification.Scope.FULL, is_clean=True).exists()
    ):
        broken = None
    checkpoint = Checkpoint.objects.order_by("-number").first()
    return Proof(
        verification=last,
        age=now - last.ended_at if last else None,
        broken=broken,
        checkpoint=checkpoint,
        checkpoint_age=now - checkpoint.taken_at if checkpoint else None,
    )
