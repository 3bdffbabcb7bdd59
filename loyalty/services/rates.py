"""Add earning rates to a programme."""

from datetime import datetime
from decimal import Decimal

import structlog

from core.effective_dates import require_may_begin
from core.errors import DomainError
from core.models import User
from core.permissions import require_permission
from core.retries import retried
from core.transactions import operation
from loyalty.models import EarningRate, LoyaltyProgram
from loyalty.permissions import ADD_EARNING_RATE

log = structlog.get_logger(__name__)


class RateTaken(DomainError):
    """Another rate of the programme begins at the same instant."""

    code = "RATE_TAKEN"


@retried
def add_earning_rate(
    *, program: LoyaltyProgram, points_per_unit: Decimal, effective_from: datetime, actor: User, at: datetime
) -> EarningRate:
    """Add a rate that holds for play that ends at `effective_from` or later, until the next rate begins.

    It begins in the future, as seen at `at`, or before the programme's first rate: then the points that are owed
    because there was no rate can be paid. The same rate again gives the first one back.

    :raises NotPermitted: the actor may not add rates.
    :raises BeginsTooEarly, InvalidTime: see `require_may_begin`.
    :raises RateTaken: another rate begins at `effective_from`.
    :raises Busy: the programme was locked for too long.
    """
    with operation("loyalty.add_earning_rate", actor_id=actor.pk):
        locked = LoyaltyProgram.objects.locked().get(pk=program.pk)
        require_permission(actor, ADD_EARNING_RATE, locked)
        rates = EarningRate.objects.filter(program=locked)
        rate = next((rate for rate in rates if rate.effective_from == effective_from), None)
        if rate is not None and rate.points_per_unit != points_per_unit:
            raise RateTaken(f"“{rate}” was added already. Choose another beginning, such as a minute later.")
        if rate is None:
            require_may_begin(effective_from, among=rates, at=at)
            rate = EarningRate.objects.create(
                program=locked, points_per_unit=points_per_unit, effective_from=effective_from
            )
    log.info("loyalty.earning_rate_added", program_id=program.pk, actor_id=actor.pk, rate_id=rate.pk)
    return rate
