"""Pay owed slips, several in one transaction or one by one; a slip that cannot be paid does not stop the others."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from time import perf_counter
from typing import Final
from uuid import UUID

import structlog
from django.db.models import Q

from core import correlation
from core.errors import DomainError
from core.models import User
from core.retries import is_database_away
from core.transactions import drop_lost_connection
from ratingslips.models import RatingSlip
from ratingslips.services.chunks import Pace
from ratingslips.services.closing import UNEXPECTED_ERROR
from ratingslips.services.recovering import recover_together
from ratingslips.services.recovery import SlipInHand, recover_slip_loyalty
from ratingslips.services.settlement import SlipSettlement

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
    """Pay one slip and return the result, also of an error. With `skip_locked`, leave a locked slip to another run.

    :raises DatabaseAway, DatabaseError: the connection is lost; no further slip can be paid now either.
    """
    try:
        settlement = recover_slip_loyalty(slip=slip, actor=actor, at=at, skip_locked=skip_locked)
    except SlipInHand as error:
        return SlipRecovery(slip=slip, outcome=RecoveryOutcome.LEFT, code=error.code, reason=error.message)
    except DomainError as error:
        log.warning("ratingslips.recovery_failed", slip_id=str(slip.pk), code=error.code)
        drop_lost_connection()
        return SlipRecovery(slip=slip, outcome=RecoveryOutcome.FAILED, code=error.code, reason=error.message)
    except Exception as error:
        if is_database_away(error):
            raise
        log.exception("ratingslips.recovery_failed", slip_id=str(slip.pk), code=UNEXPECTED_ERROR)
        drop_lost_connection()
        reason = f"An unexpected error; the log has it under {correlation.current()}."
        return SlipRecovery(slip=slip, outcome=RecoveryOutcome.FAILED, code=UNEXPECTED_ERROR, reason=reason)
    return _recovered(slip, settlement)


def recover_all(slips: Iterable[RatingSlip], *, actor: User, clock: Callable[[], datetime]) -> Iterator[SlipRecovery]:
    """Pay slips, as many in one transaction as are quick, and yield their results in order.

    `clock` gives the instant of each payment, alone or together. A slip that another transaction holds is left to it.
    What cannot be paid together is paid one by one.
    """

    def singly(slip: RatingSlip) -> SlipRecovery:
        return recover(slip, actor=actor, at=clock(), skip_locked=True)

    waiting, pace = iter(slips), Pace()
    while chunk := list(islice(waiting, pace.slips)):
        began = perf_counter()
        if len(chunk) == 1:
            done = {chunk[0].pk: singly(chunk[0])}
        else:
            done = _recovered_together(chunk, actor=actor, at=clock(), pace=pace)
        if len(done) == len(chunk):
            pace.learn(slips=len(chunk), seconds=perf_counter() - began)
        for slip in chunk:
            yield done.get(slip.pk) or singly(slip)


def _recovered_together(
    slips: Sequence[RatingSlip], *, actor: User, at: datetime, pace: Pace
) -> dict[UUID, SlipRecovery]:
    """The results of those of several slips that could be paid together, by key."""
    try:
        settlements = recover_together(slips=slips, actor=actor, at=at)
    except Exception:
        log.warning("ratingslips.chunk_failed", slips=len(slips), exc_info=True)
        drop_lost_connection()
        pace.fail()
        return {}
    return {slip.pk: _recovered(slip, settlements[slip.pk]) for slip in slips if slip.pk in settlements}


def _recovered(slip: RatingSlip, settlement: SlipSettlement) -> SlipRecovery:
    return SlipRecovery(
        slip=slip,
        outcome=RecoveryOutcome.ALREADY_SETTLED if settlement.replayed else RecoveryOutcome.PAID,
        points=settlement.points,
        balance=settlement.posting.balance_after if settlement.posting else None,
    )
