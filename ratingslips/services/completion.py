"""Close a slip, and credit its points in the same commit or leave them owed."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Final
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError, transaction

from core.clock import clamp_to_last_event
from core.errors import Busy, DomainError
from core.models import Player, User
from core.permissions import require_permission
from core.replays import count_replay
from core.retries import call_id, is_bug, is_busy, is_connection_lost, retried, will_retry
from core.transactions import operation, transaction_required
from loyalty.services import PostingBatch
from ratingslips.events import SlipVersion
from ratingslips.models import MoneyRow, PlaySegment, RatingSlip, SlipRequest, why_owed
from ratingslips.permissions import OPERATE_PIT
from ratingslips.services.closing_money import ClosingMoney
from ratingslips.services.long_play import require_long_play_confirmed
from ratingslips.services.money import Means, require_rows
from ratingslips.services.requests import RequestKind, is_own_commit, record, request_on
from ratingslips.services.segments import (
    SEGMENT_END_FIELDS,
    end_segment,
    lock_slip,
    read_segments_and_request,
    require_not_void,
    slip_key,
)
from ratingslips.services.settlement import SlipSettlement, first_settlement, settle, withhold
from ratingslips.services.times import ChosenTime, checked_act_time, with_time
from ratingslips.theo import theoretical_win

log = structlog.get_logger(__name__)

UNEXPECTED_ERROR: Final = "UNEXPECTED_ERROR"
CLOSING_FIELDS: Final = (
    *("status", "closed_at", "closed_by", "theoretical_win", "correlation_id"),
    *("settled_at", "ledger_entry", "owed_because", "withheld_because"),
)


class _CreditFailed(Exception):
    """The credit failed with `error`, without a savepoint, so the transaction cannot go on."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


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
    `chips_out` are the chips that the player leaves with, a row besides those that are recorded. `expected_rows` is the
    number of money rows that the page showed: it is compared only if there is a further buy-in.

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
    except _CreditFailed as failed:
        # Everything was undone. Few credits fail, and a savepoint takes two statements.
        because = _code_of(failed.error)
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

    :raises _CreditFailed: the credit failed, and there was no savepoint.
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


def close_play(
    slip: RatingSlip,
    *,
    segments: Sequence[PlaySegment],
    request: SlipRequest,
    at: datetime,
) -> None:
    """End the play of a live slip at `at`, which was checked, and set its theoretical win, unsaved."""
    last = segments[-1]
    actor = request.actor
    request.happened_at = at
    slip.correlation_id = request.correlation_id
    if last.ended_at is None:
        end_segment(last, at=at, ended_as=PlaySegment.End.CLOSED, actor=actor, correlation_id=slip.correlation_id)
    slip.status = RatingSlip.Status.CLOSED
    slip.closed_at = at
    slip.closed_by = actor
    slip.theoretical_win = theoretical_win(segment.play for segment in segments)


@transaction_required
def try_to_settle(
    slip: RatingSlip,
    *,
    segments: Sequence[PlaySegment],
    at: datetime,
    batch: PostingBatch | None = None,
    is_new: bool = False,
    in_savepoint: bool = True,
    failed: Exception | None = None,
) -> tuple[SlipSettlement | None, Exception | None]:
    """Credit the points; if that fails, set `owed_because` and return the error.

    Points of a player who is not active are withheld. A refusal comes before anything is posted. After any other
    error only a savepoint lets the transaction go on: without one, `_CreditFailed` is raised, and in a `batch` the
    error. An error that has ended the transaction, or after which the whole service will run again, is raised. For
    `is_new`, see `increment_player_loyalty`. If the credit `failed` before, because the account was locked for too
    long, it is not tried again.
    """
    if slip.player.status != Player.Status.ACTIVE:
        return withhold(slip, at=at), None
    if isinstance(failed, DatabaseError) and is_busy(failed):
        return None, _owe(slip, failed)
    try:
        with transaction.atomic() if in_savepoint and not batch else nullcontext():
            return settle(slip, segments=segments, at=at, batch=batch, is_new=is_new), None
    except Exception as error:
        if (in_savepoint and transaction.get_rollback()) or (batch and not isinstance(error, DomainError)):
            raise  # The connection is lost or the batch failed, and the closing is rolled back too.
        if isinstance(error, DatabaseError | InterfaceError) and (is_connection_lost(error) or _is_tried_again(error)):
            raise
        if not (in_savepoint or isinstance(error, DomainError)):
            raise _CreditFailed(error) from error
        return None, _owe(slip, error)


def _owe(slip: RatingSlip, error: Exception) -> Exception:
    slip.settled_at, slip.ledger_entry_id = None, None
    slip.owed_because = _code_of(error)
    return error


def _is_tried_again(error: DatabaseError | InterfaceError) -> bool:
    """Whether the whole service runs again after `error`, such as a deadlock, and is likely to credit the points."""
    return not is_busy(error) and will_retry(error)


def _code_of(error: Exception) -> str:
    if isinstance(error, DomainError):
        return error.code
    return Busy.code if isinstance(error, DatabaseError) and not is_bug(error) else UNEXPECTED_ERROR


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
