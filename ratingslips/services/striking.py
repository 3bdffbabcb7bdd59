"""Strike a wrong buy-in or chips out of a slip."""

from datetime import datetime
from uuid import UUID

import structlog

from core.clock import checked_event_time
from core.errors import DomainError, NotFound
from core.models import User
from core.reasons.codes import given_reason, reason_contents
from core.reasons.models import Operation
from core.retries import retried
from core.transactions import operation
from ratingslips.models import MoneyRow, RatingSlip
from ratingslips.services.money import lock_slip_for_money, new_row
from ratingslips.services.requests import RequestKind, lock_request, record

log = structlog.get_logger(__name__)

Kind = MoneyRow.Kind


class AlreadyStruck(DomainError):
    """The row was struck before, or strikes another one."""

    code = "ALREADY_STRUCK"


@retried
def strike_money_row(
    *,
    row: MoneyRow | int,
    reason: str,
    actor: User,
    at: datetime,
    slip: RatingSlip | None = None,
    reason_code: str | None = None,
    request_id: UUID | None = None,
) -> MoneyRow:
    """Strike a wrong row, by a new one that takes its amount back and keeps the `reason` and its code.

    `slip` is that of the page on which the row was chosen. The same request sent again returns the first strike: see
    `lock_request`.

    :raises InvalidReason, InvalidReasonCode: see `given_reason` and `GivenReason.require_allowed`.
    :raises AlreadyStruck: the row was struck before, or strikes another one.
    :raises NotFound: there is no such row, or it is another slip's.
    :raises NotPermitted: the actor may not change the money of the slip: see `require_may_record`.
    :raises IdempotencyConflict, OwnPlay, SlipIsVoid, InvalidTime, Busy: see `record_buy_in`.
    """
    row_id = row if isinstance(row, int) else row.pk
    with operation("ratingslips.strike", actor_id=actor.pk):
        struck = MoneyRow.objects.filter(pk=row_id).first()
        if struck is None:
            raise NotFound(f"There is no buy-in or chips out {row_id}.")
        if slip is not None and struck.slip_id != slip.pk:
            raise NotFound(f"Slip {slip.slip_number} has no such buy-in or chips out.")
        request = lock_request(
            RequestKind.STRIKE,
            request_id=request_id,
            actor=actor,
            slip_id=struck.slip_id,
            contents={"row": row_id, **reason_contents(reason, reason_code)},
        )
        if request.is_recorded:
            return MoneyRow.objects.select_related("slip", "request").get(request=request)
        locked = lock_slip_for_money(struck.slip_id, actor=actor)
        given = given_reason(casino_id=locked.casino_id, operation=Operation.STRIKE, code=reason_code, text=reason)
        given.require_allowed()
        _require_not_struck(struck)
        request.happened_at = checked_event_time(at, not_before=locked.opened_at)
        strike = new_row(Kind(struck.kind), slip=locked, amount=-struck.amount, means=struck.means, request=request)
        strike.strikes, strike.gaming_day = struck, struck.gaming_day
        strike.reason, strike.reason_code = given.text, given.code
        record(request, slip=locked)
        strike.save()
    log.info("ratingslips.money_struck", slip_id=str(locked.pk), actor_id=actor.pk, row_id=row_id)
    return strike


def _require_not_struck(row: MoneyRow) -> None:
    if row.strikes_id is not None:
        raise AlreadyStruck("This row strikes another one. If that was right after all, record the amount again.")
    if MoneyRow.objects.filter(strikes=row).exists():
        raise AlreadyStruck("This row was struck before. Nothing was done twice.")
