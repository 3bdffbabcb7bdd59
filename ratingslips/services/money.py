"""Record buy-ins and chips taken away on a slip."""

from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

import structlog
from django.db.models import Sum

from core.clock import InvalidTime, checked_event_time, clamp_to_last_event
from core.errors import DomainError
from core.idempotency import Request
from core.local_time import exact_time_in, time_in
from core.models import User
from core.permissions import require_permission
from core.retries import retried
from core.transactions import operation
from ratingslips.models import MoneyRow, Pit, RatingSlip, SlipRequest
from ratingslips.permissions import CORRECT_SLIP, OPERATE_PIT
from ratingslips.services.requests import RequestKind, amount_text, lock_request, record
from ratingslips.services.segments import lock_slip, require_not_void, slip_key
from ratingslips.services.stakes import InvalidAmount, require_amount
from ratingslips.services.times import ChosenTime, require_within_reach, with_time

log = structlog.get_logger(__name__)

Kind = MoneyRow.Kind
Means = MoneyRow.Means

NAMES: Final = {Kind.BUY_IN: "buy-in", Kind.CHIPS_OUT: "chips-out amount"}


class MoneyChanged(DomainError):
    """Somebody added or struck a row since the page was shown to the actor."""

    code = "MONEY_CHANGED"


@retried
def record_buy_in(
    *,
    slip: RatingSlip | UUID | str,
    amount: Decimal,
    actor: User,
    at: datetime,
    means: MoneyRow.Means | str = Means.CASH,
    chosen_time: ChosenTime | None = None,
    request_id: UUID | None = None,
    expected_rows: int | None = None,
) -> MoneyRow:
    """Record that the player bought in at the table; the row counts on the gaming day of `at`.

    The same request sent again returns the first row: see `lock_request`. `expected_rows` is the number of money rows
    that the page showed, if any, so that two people do not record the same buy-in. `chosen_time` is given if `at` is a
    time that the actor chose.

    :raises InvalidAmount: not a number of whole cents above 0, up to `MAX_AMOUNT`, or unknown `means`.
    :raises IdempotencyConflict, NotFound, NotPermitted, OwnPlay, SlipIsVoid, MoneyChanged, InvalidTime, Busy: see
        `_record`.
    """
    require_buy_in(amount)
    return _record(
        Kind.BUY_IN,
        slip=slip,
        amount=amount,
        means=means,
        actor=actor,
        at=at,
        chosen_time=chosen_time,
        request_id=request_id,
        expected_rows=expected_rows,
    )


@retried
def record_chips_out(
    *,
    slip: RatingSlip | UUID | str,
    amount: Decimal,
    actor: User,
    at: datetime,
    means: MoneyRow.Means | str = Means.CASH,
    chosen_time: ChosenTime | None = None,
    request_id: UUID | None = None,
    expected_rows: int | None = None,
) -> MoneyRow:
    """Record that the player took chips away from the table; 0 says that they left with none.

    The other arguments are those of `record_buy_in`.

    :raises InvalidAmount: not a number of whole cents from 0 to `MAX_AMOUNT`, or unknown `means`.
    :raises IdempotencyConflict, NotFound, NotPermitted, OwnPlay, SlipIsVoid, MoneyChanged, InvalidTime, Busy: see
        `_record`.
    """
    require_amount(amount, name=NAMES[Kind.CHIPS_OUT])
    return _record(
        Kind.CHIPS_OUT,
        slip=slip,
        amount=amount,
        means=means,
        actor=actor,
        at=at,
        chosen_time=chosen_time,
        request_id=request_id,
        expected_rows=expected_rows,
    )


def _record(
    kind: MoneyRow.Kind,
    *,
    slip: RatingSlip | UUID | str,
    amount: Decimal,
    means: str,
    actor: User,
    at: datetime,
    chosen_time: ChosenTime | None,
    request_id: UUID | None,
    expected_rows: int | None,
) -> MoneyRow:
    """Record a row.

    :raises IdempotencyConflict: see `lock_request`.
    :raises NotFound: there is no such slip.
    :raises NotPermitted: the actor may not change the money of the slip: see `require_may_record`.
    :raises OwnPlay: the player account is the actor's own.
    :raises SlipIsVoid: the slip is void.
    :raises MoneyChanged: the slip has not `expected_rows` money rows; names the newest one.
    :raises TooLongAgo: see `require_within_reach`.
    :raises InvalidTime: `at` is in the future, before the slip was opened or after it was closed.
    :raises Busy: the slip was locked for too long; nothing was changed.
    """
    require_means(means)
    contents = with_time({"amount": amount_text(amount), "means": str(means)}, chosen_time)
    with operation(f"ratingslips.{kind.lower()}", actor_id=actor.pk):
        slip_id = slip_key(slip)
        request = lock_request(
            RequestKind(kind.value), request_id=request_id, actor=actor, slip_id=slip_id, contents=contents
        )
        if request.is_recorded:
            return MoneyRow.objects.select_related("slip", "request").get(request=request)
        locked = lock_slip_for_money(slip_id, actor=actor)
        require_rows(locked, expected_rows)
        request.happened_at = _checked_time(locked, at=at, chosen_time=chosen_time)
        row = new_row(kind, slip=locked, amount=amount, means=means, request=request)
        record(request, slip=locked)
        row.save()
    log.info("ratingslips.money_recorded", slip_id=str(slip_id), actor_id=actor.pk, kind=kind.value, row_id=row.pk)
    return row


def lock_slip_for_money(slip_id: UUID, *, actor: User) -> RatingSlip:
    """Lock a slip, with its pit and casino, and check that `actor` may change its money.

    :raises NotFound: there is no such slip.
    :raises NotPermitted, OwnPlay, SlipIsVoid: see `require_may_record`.
    """
    locked = lock_slip(slip_id)
    assert locked is not None
    locked.pit = Pit.objects.select_related("casino").get(pk=locked.pit_id)
    locked.casino = locked.pit.casino
    require_may_record(locked, actor=actor)
    return locked


def require_may_record(slip: RatingSlip, *, actor: User) -> None:
    """Refuse an actor who may not change the money of the locked `slip`.

    :raises SlipIsVoid: the slip is void.
    :raises NotPermitted: the actor does not operate the pit that the slip is in, or, if play has ended, does not hold
        `ratingslips.correct_slip` on it.
    :raises OwnPlay: the player account is the actor's own.
    """
    require_permission(actor, right_to_record(slip), slip.pit, player_id=slip.player_id)
    require_not_void(slip)


def right_to_record(slip: RatingSlip) -> str:
    """The permission that changing the money of a slip needs on its pit."""
    return CORRECT_SLIP if slip.is_closed else OPERATE_PIT


def _checked_time(slip: RatingSlip, *, at: datetime, chosen_time: ChosenTime | None) -> datetime:
    at = checked_event_time(at)
    require_within_reach(at, chosen_time=chosen_time, casino=slip.casino)
    at = clamp_to_last_event(at, last_event=slip.opened_at, to_the_minute=chosen_time is not None)
    if at < slip.opened_at:
        opened = time_in(slip.opened_at, slip.casino)
        raise InvalidTime(f"{time_in(at, slip.casino)} is before slip {slip.slip_number} was opened, at {opened}.")
    require_before_closing(slip, at)
    return at


def require_before_closing(slip: RatingSlip, at: datetime) -> None:
    """:raises InvalidTime: the slip is closed, and `at` is after its closing."""
    if slip.closed_at is not None and at > slip.closed_at:
        closed = exact_time_in(slip.closed_at, slip.casino)
        raise InvalidTime(f"{exact_time_in(at, slip.casino)} is after slip {slip.slip_number} was closed, at {closed}.")


def require_rows(slip: RatingSlip, expected: int | None) -> None:
    """:raises MoneyChanged: the locked slip has another number of money rows than a page showed; None: no page did."""
    rows = list(slip.money_rows.select_related("actor").order_by("pk")) if expected is not None else []
    if expected is not None and len(rows) != expected:
        newest = f": {rows[-1].words}, by {rows[-1].actor.display_name}" if rows else ""
        raise MoneyChanged(
            f"The buy-ins and chips of slip {slip.slip_number} were changed meanwhile{newest}. Nothing was done: send "
            "it again if this is another one."
        )


def new_row(kind: MoneyRow.Kind, *, slip: RatingSlip, amount: Decimal, means: str, request: SlipRequest) -> MoneyRow:
    """A row at the instant of `request`, which counts on the gaming day of that instant; it is not saved yet."""
    return MoneyRow(
        slip=slip,
        player_id=slip.player_id,
        kind=kind,
        means=means,
        amount=amount,
        happened_at=request.happened_at,
        gaming_day=slip.casino.gaming_day_at(request.happened_at),
        actor=request.actor,
        request=request,
    )


def chips_taken_away(slip: RatingSlip) -> Decimal:
    """Read the sum of the chips out of a locked slip; 0 if there were none, or they were struck."""
    return slip.money_rows.filter(kind=Kind.CHIPS_OUT).aggregate(total=Sum("amount"))["total"] or Decimal(0)


def require_buy_in(amount: Decimal) -> None:
    """:raises InvalidAmount: not a number of whole cents above 0, up to `MAX_AMOUNT`."""
    require_amount(amount, name=NAMES[Kind.BUY_IN])
    if amount == 0:
        raise InvalidAmount("The buy-in must be more than 0.")


def means_of(means: str) -> Request:
    """The means as part of the contents of a request that may have none: nothing where it is cash."""
    return {} if means == Means.CASH else {"means": str(means)}


def require_means(means: str) -> None:
    """:raises InvalidAmount: it is no means of a new row."""
    if means not in Means.values or means == Means.NOT_RECORDED:
        raise InvalidAmount("Say what the player bought in with: cash, chips, a marker or front money.")
