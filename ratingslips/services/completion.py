"""Close a slip, and credit its points in the same commit or leave them owed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from uuid import UUID

import structlog

from core.clock import clamp_to_last_event
from core.errors import DomainError
from core.models import User
from core.permissions import require_permission
from core.replays import count_replay
from core.retries import call_id, retried
from core.transactions import operation
from ratingslips.events import SlipVersion
from ratingslips.models import MoneyRow, PlaySegment, RatingSlip, SlipRequest, why_owed
from ratingslips.permissions import OPERATE_PIT
from ratingslips.services.closing import (
    CLOSING_FIELDS,
    UNEXPECTED_ERROR,
    CreditFailed,
    close_play,
    code_of,
    try_to_settle,
)
from ratingslips.services.closing_money import ClosingMoney
from ratingslips.services.long_play import require_long_play_confirmed
from ratingslips.services.money import Means, require_rows
from ratingslips.services.requests import RequestKind, is_own_commit, record, request_on
from ratingslips.services.segments import (
    SEGMENT_END_FIELDS,
    lock_slip,
    read_segments_and_request,
    require_not_void,
    slip_key,
)
from ratingslips.services.settlement import SlipSettlement, first_settlement
from ratingslips.services.times import ChosenTime, checked_act_time, with_time

log = structlog.get_logger(__name__)


class PartialCompletion(DomainError):
    """The slip is closed and its points are owed, to be paid by recovery.

    A slip that was voided since is owed nothing any more: only its closing that is sent again raises this.
    """

    code = "PARTIAL_COMPLETION"

    def __init__(self, slip: RatingSlip, *, replayed: bool, version_before: SlipVersion | None = None) -> None:
        why = f"could not be posted, because {why_owed(slip.owed_because)}"
        if slip.is_void:
            text = f"was closed. Its points {why}. It was voided since: nothing is owed for it any more."
        else:
            text = f"is closed. Its points {why}, and are owed: they will be paid by recovery."
        super().__init__(f"Slip {slip.slip_number} {text} Reference {slip.correlation_id}.")
        self.slip_id = slip.pk
        self.correlation_id = slip.correlation_id
        self.because = slip.owed_because
        self.replayed = replayed
        self.version_before = version_before


@retried
def complete_rating_slip(
    *,
    slip: RatingSlip | UUID | str,
    actor: User,
    at: datetime,
    buy_in: Decimal | None = None,
    further_buy_in: Decimal | None = None,
    chips_out: Decimal | None = None,
    means: MoneyRow.Means | str = Means.CASH,
    long_play_confirmed: bool | None = None,
    chosen_time: ChosenTime | None = None,
    request_id: UUID | None = None,
    expected_rows: int | None = None,
) -> SlipSettlement:
    """Close a slip, freeze its theoretical win and credit its points, all in one commit.

    If the credit fails, the slip still closes and its points are owed. If the player is not
    active, the slip closes and its points are withheld: see `release_withheld_points`. For a closed slip, the
    first result is returned, marked as a replay; of a slip that was corrected since, its current theo and points. The
    permission is not checked for the same request sent again, nor for
    the person who closed the slip, because it may have been revoked since.

    With `long_play_confirmed=False`, a slip that was played for longer than the casino's limit is refused, so that the
    caller can ask; True and None close it. It is no part of the request's contents. For `chosen_time`, see
    `LiveSlip.lock`.

    `buy_in` is the total of the slip: what is not recorded yet becomes a row. `further_buy_in` is a row of its own
    instead, for a caller that does not know the total. `means` is what the player bought in with, of either.
    `chips_out` are the chips that the player leaves with, in a row of their own. `expected_rows` is the number of money
    rows that the page showed: it is compared only if there is a further buy-in.

    :raises IdempotencyConflict: see `request_on`.
    :raises PartialCompletion: raised after the commit: the slip is closed and its points are owed.
    :raises LongPlayNotConfirmed: see `require_long_play_confirmed`; nothing was changed.
    :raises InvalidAmount: buy-in or chips out are not amounts of money, or both buy-ins are given.
    :raises BuyInBelowRows: see `ClosingMoney.rows`; nothing was changed.
    :raises MoneyChanged: the slip has not `expected_rows` money rows; names the newest one.
    :raises TooLongAgo, BeforeLastEvent, BeforeMoney, InvalidTime: see `checked_act_time`.
    :raises NotFound: there is no such slip.
    :raises SlipIsVoid: the slip is void.
    :raises NotPermitted: the actor does not operate the pit that the slip is in.
    :raises OwnPlay: the player account is the actor's own.
    :raises OutcomeUnknown: the answer to the COMMIT was lost, and no attempt could find out what it was.
    :raises Busy: the slip was locked for too long, or the connection was lost; nothing was changed.
    """
    money = ClosingMoney(buy_in=buy_in, further_buy_in=further_buy_in, chips_out=chips_out, means=means)
    complete = partial(
        _complete,
        slip=slip,
        actor=actor,
        at=at,
        money=money,
        long_play_confirmed=long_play_confirmed,
        chosen_time=chosen_time,
        request_id=request_id or call_id(),
        expected_rows=expected_rows,
    )
    try:
        return complete(failed=None)
    except CreditFailed as failed:
        # Everything was undone. Few credits fail, and a savepoint takes two statements.
        because = code_of(failed.error)
        unexpected = failed.error if because == UNEXPECTED_ERROR else None
        log.warning(
            "ratingslips.credit_failed",
            slip_id=str(slip_key(slip)),
            actor_id=actor.pk,
            because=because,
            exc_info=unexpected,
        )
        return complete(failed=failed.error)


def _complete(
    *,
    slip: RatingSlip | UUID | str,
    actor: User,
    at: datetime,
    money: ClosingMoney,
    long_play_confirmed: bool | None,
    chosen_time: ChosenTime | None,
    request_id: UUID,
    expected_rows: int | None,
    failed: Exception | None,
) -> SlipSettlement:
    """Do what `complete_rating_slip` says, in one attempt; `failed` is the error of a credit without a savepoint.

    :raises CreditFailed: the credit failed, and there was no savepoint.
    """
    contents = with_time(money.contents, chosen_time)
    failure: Exception | None = None
    with operation("ratingslips.complete", actor_id=actor.pk):
        locked = lock_slip(slip_key(slip), with_player=True)
        assert locked is not None
        segments, is_recorded = read_segments_and_request(locked, request_id)
        request = request_on(
            locked,
            RequestKind.CLOSE,
            request_id=request_id,
            actor=actor,
            contents=contents,
            is_recorded=is_recorded,
        )
        if not request.is_recorded:
            require_not_void(locked)
        already_closed = locked.is_closed or request.is_recorded
        version_before = None if already_closed else SlipVersion(seq=segments[-1].seq, status=locked.status)
        replayed = already_closed and not is_own_commit(request)
        if not (request.is_recorded or (already_closed and locked.closed_by_id == actor.pk)):
            require_permission(actor, OPERATE_PIT, locked.pit, player_id=locked.player_id)
        if already_closed:
            at = clamp_to_last_event(at, last_event=locked.settled_at or locked.closed_at)
            settlement = first_settlement(locked, replayed=replayed) if locked.settled_at else None
        else:
            at = checked_act_time(at, last=segments[-1], chosen_time=chosen_time, last_money_at=locked.last_money_at)
            close_play(locked, segments=segments, request=request, at=at)
            if long_play_confirmed is False:
                require_long_play_confirmed(locked, played=sum((segment.played for segment in segments), timedelta()))
            if money.further_buy_in is not None:
                require_rows(locked, expected_rows)
            rows = money.rows(locked, request=request, recorded=locked.bought_in)
            settlement, failure = _settle_and_save(locked, segments=segments, request=request, rows=rows, failed=failed)
        # Read before the commit: a query that failed after it would lose the answer.
        replay_of_casino = locked.casino if replayed else None
    if replay_of_casino:
        count_replay(casino=replay_of_casino, operation="ratingslips.complete", at=at)
    return answer(
        locked,
        settlement=settlement,
        failure=failure,
        replayed=replayed,
        actor=actor,
        version_before=version_before,
    )


def _settle_and_save(
    slip: RatingSlip,
    *,
    segments: Sequence[PlaySegment],
    request: SlipRequest,
    rows: Sequence[MoneyRow],
    failed: Exception | None,
) -> tuple[SlipSettlement | None, Exception | None]:
    """Settle a slip that `close_play` closed, and save it with its last segment, its request and its new money rows."""
    settlement, failure = try_to_settle(
        slip, segments=segments, at=request.happened_at, is_new=True, in_savepoint=failed is not None, failed=failed
    )
    if segments[-1].ended_as == PlaySegment.End.CLOSED:
        segments[-1].save(update_fields=SEGMENT_END_FIELDS)
    slip.save(update_fields=CLOSING_FIELDS)
    record(request, slip=slip)
    MoneyRow.objects.bulk_create(rows)
    return settlement, failure


def answer(
    slip: RatingSlip,
    *,
    settlement: SlipSettlement | None,
    failure: Exception | None,
    replayed: bool,
    actor: User,
    version_before: SlipVersion | None = None,
) -> SlipSettlement:
    """Log the settlement of a closed slip, after the commit, and return it.

    :raises PartialCompletion: there is none: its points are owed.
    """
    fields = {"slip_id": str(slip.pk), "actor_id": actor.pk, "slip_correlation_id": str(slip.correlation_id)}
    if settlement is None:
        unexpected = failure if slip.owed_because == UNEXPECTED_ERROR else None
        log.warning(
            "ratingslips.partial_completion",
            **fields,
            because=slip.owed_because,
            replayed=replayed,
            exc_info=unexpected,
        )
        raise PartialCompletion(slip, replayed=replayed, version_before=version_before) from failure
    event = "ratingslips.completion_replayed" if replayed else "ratingslips.slip_completed"
    log.info(event, **fields, points=settlement.points)
    if settlement.withheld_because:
        log.warning("ratingslips.points_withheld", **fields, because=settlement.withheld_because, replayed=replayed)
    return replace(settlement, version_before=version_before)
