"""Pay owed slips one by one; a slip that cannot be paid does not stop the others."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

import structlog
from django.db.models import Q

from core import correlation
from core.errors import DomainError
from core.models import User
from core.transactions import drop_lost_connection
from ratingslips.models import RatingSlip
from ratingslips.services.completion import UNEXPECTED_ERROR
from ratingslips.services.recovery import SlipInHand, recover_slip_loyalty

log = structlog.get_logger(__name__)

BATCH_SLIPS: Final = 100


class RecoveryOutcome(StrEnum):
    """The result for a slip."""

    PAID = "paid"
    ALREADY_SETTLED = "already_settled"
    LEFT = "left_to_another_run"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class SlipRecovery:
    """The result for one slip: its points and the balance after them, or the error as a code and a sentence.

    `balance` is None if the slip was worth 0 points.
    """

    slip: RatingSlip
    outcome: RecoveryOutcome
    points: int = 0
    balance: int | None = None
    code: str = ""
    reason: str = ""


def owed_slips(
    *, closed_until: datetime | None, correlation_ids: Collection[UUID] | None = None
) -> Iterator[RatingSlip]:
    """Yield each owed slip once, the longest owed first.

    Each batch begins after the last slip of the batch before. So a slip that stays owed is yielded only once, and the
    caller may pay slips while it reads them.
    """
    owed = RatingSlip.objects.owed().select_related("casino").order_by("closed_at", "pk")
    if closed_until is not None:
        owed = owed.filter(closed_at__lte=closed_until)
    if correlation_ids is not None:
        owed = owed.filter(correlation_id__in=correlation_ids)
    not_seen = Q()
    while batch := list(owed.filter(not_seen)[:BATCH_SLIPS]):
        yield from batch
        last = batch[-1]
        not_seen = Q(closed_at__gt=last.closed_at) | Q(closed_at=last.closed_at, pk__gt=last.pk)


@correlation.kept_or_new()
def recover(slip: RatingSlip, *, actor: User, at: datetime, skip_locked: bool) -> SlipRecovery:
    """Pay one slip and return the result, also of an error. With `skip_locked`, leave a locked slip to another run."""
    try:
        settlement = recover_slip_loyalty(slip=slip, actor=actor, at=at, skip_locked=skip_locked)
    except SlipInHand as error:
        return SlipRecovery(slip=slip, outcome=RecoveryOutcome.LEFT, code=error.code, reason=error.message)
    except DomainError as error:
        log.warning("ratingslips.recovery_failed", slip_id=str(slip.pk), code=error.code)
        drop_lost_connection()
        return SlipRecovery(slip=slip, outcome=RecoveryOutcome.FAILED, code=error.code, reason=error.message)
    except Exception:
        log.exception("ratingslips.recovery_failed", slip_id=str(slip.pk), code=UNEXPECTED_ERROR)
        drop_lost_connection()
        reason = f"An unexpected error; the log has it under {correlation.current()}."
        return SlipRecovery(slip=slip, outcome=RecoveryOutcome.FAILED, code=UNEXPECTED_ERROR, reason=reason)
    return SlipRecovery(
        slip=slip,
        outcome=RecoveryOutcome.ALREADY_SETTLED if settlement.replayed else RecoveryOutcome.PAID,
        points=settlement.points,
        balance=settlement.posting.balance_after if settlement.posting else None,
    )
