"""Write the correction of a slip: its row, the segments that count from now on, and the points that follow."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db.models import Case, F, Value, When
from django.db.models.functions import Coalesce

from core.reasons.codes import GivenReason
from core.transactions import transaction_required
from loyalty.models import LedgerEntry
from loyalty.services import LoyaltyPosting, adjust_play, posting_of
from ratingslips.models import PlaySegment, RatingSlip, SlipCorrection, SlipRequest
from ratingslips.services.requests import is_own_commit
from ratingslips.services.settlement import credit, frozen_play

Kind = SlipCorrection.Kind
NoEntry = SlipCorrection.NoEntry

_SUMMARY: Final = (
    *("status", "opened_at", "closed_at", "closed_by", "gaming_day", "theoretical_win", "table", "pit", "seat"),
    *("ledger_entry", "correction_count", "corrected_points", "uncollected_points"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class CorrectedSlip:
    """The result of a correction or a void; a replay has that of the first request.

    Theo and points are those before and after it: None if the slip was live, or its points were not posted. `posting`
    is its ledger entry; without one, `no_entry_because` says why. `uncollected` points were not covered by the balance.
    """

    slip_id: UUID
    slip_number: str
    kind: SlipCorrection.Kind
    number: int
    theoretical_win_before: Decimal | None
    theoretical_win: Decimal | None
    points_before: int | None
    points: int | None
    posting: LoyaltyPosting | None
    no_entry_because: str
    uncollected: int
    correlation_id: UUID
    replayed: bool


@transaction_required
def void_play(
    slip: RatingSlip, *, segments: Sequence[PlaySegment], request: SlipRequest, reason: GivenReason
) -> CorrectedSlip:
    """Void the locked `slip`, which is not void, and take back its points, in the caller's transaction.

    `segments` are its current ones. The caller has recorded the `request`, whose instant is that of the void; a live
    slip ends then.

    :raises ProgramPaused: the programme is paused, and there are points to take back.
    """
    correction = begin_correction(slip, kind=Kind.VOIDED, segments=segments, request=request, reason=reason)
    if slip.is_live:
        slip.closed_at, slip.closed_by = request.happened_at, request.actor
    slip.status, slip.theoretical_win = RatingSlip.Status.VOID, Decimal("0.00")
    return write_correction(correction, play=())


def begin_correction(
    slip: RatingSlip,
    *,
    kind: SlipCorrection.Kind,
    segments: Sequence[PlaySegment],
    request: SlipRequest,
    reason: GivenReason,
) -> SlipCorrection:
    """The row of a correction, not saved, which keeps what the locked `slip` and its current `segments` are now."""
    return SlipCorrection(
        slip=slip,
        number=slip.correction_count + 1,
        kind=kind,
        request=request,
        reason_code=reason.code,
        reason=reason.text,
        last_seq_before=segments[-1].seq,
        status_before=slip.status,
        opened_at_before=slip.opened_at,
        closed_at_before=slip.closed_at,
        gaming_day_before=slip.gaming_day,
        theoretical_win_before=slip.theoretical_win,
        table_before_id=slip.table_id,
        pit_before_id=slip.pit_id,
        seat_before=slip.seat,
        uncollected_before=slip.uncollected_points,
        uncollected_after=0,
    )


@transaction_required
def write_correction(correction: SlipCorrection, *, play: Sequence[PlaySegment]) -> CorrectedSlip:
    """Save a correction with its slip, which the caller has changed, and the new segments; post what its points need.

    :raises DomainError: the points cannot be posted, for example because the programme is paused.
    """
    slip = correction.slip
    posting = _post(correction, play=play)
    correction.save(force_insert=True)
    _supersede(correction)
    PlaySegment.objects.bulk_create(play)
    slip.correction_count = correction.number
    slip.corrected_points, slip.uncollected_points = correction.points_after, correction.uncollected_after
    slip.save(update_fields=_SUMMARY)
    return _result(correction, theoretical_win=slip.theoretical_win, posting=posting)


def _post(correction: SlipCorrection, *, play: Sequence[PlaySegment]) -> LoyaltyPosting | None:
    """Post what the points of the slip need after its correction, and set what the correction says of them.

    docs/money-rules.md has the cases as a table.
    """
    slip, at = correction.slip, correction.request.happened_at
    if correction.status_before != RatingSlip.Status.CLOSED:
        correction.no_entry_because = NoEntry.LIVE
    elif slip.settled_at is None:
        correction.no_entry_because = NoEntry.OWED
    elif slip.withheld_because and slip.released_at is None:
        correction.no_entry_because = NoEntry.WITHHELD
    elif slip.ledger_entry_id is None:
        posting = credit(slip, segments=play, at=at)
        correction.points_before, correction.points_after = 0, posting.points if posting else 0
        correction.no_entry_because = "" if posting else NoEntry.SAME_POINTS
        correction.entry_id = slip.ledger_entry_id = posting.entry_id if posting else None
        return posting
    else:
        return _adjust(correction, entry_id=slip.ledger_entry_id, play=play)
    return None


def _adjust(correction: SlipCorrection, *, entry_id: int, play: Sequence[PlaySegment]) -> LoyaltyPosting | None:
    slip, request = correction.slip, correction.request
    assert slip.theoretical_win is not None
    adjusted = adjust_play(
        player_id=slip.player_id,
        entry_id=entry_id,
        theoretical_win=slip.theoretical_win,
        reason=correction.reason,
        reason_code=correction.reason_code,
        staff=request.actor,
        idempotency_key=f"correction:{slip.pk}:{correction.number}",
        at=request.happened_at,
        correlation_id=request.correlation_id,
        play=frozen_play(slip, play),
    )
    correction.points_before = adjusted.posted_before - slip.uncollected_points
    correction.points_after, correction.uncollected_after = adjusted.points, adjusted.uncollected
    if adjusted.posting:
        correction.entry_id = adjusted.posting.entry_id
    else:
        correction.no_entry_because = NoEntry.NOT_COVERED if adjusted.uncollected else NoEntry.SAME_POINTS
    return adjusted.posting


def _supersede(correction: SlipCorrection) -> None:
    """Mark the current segments of the slip as superseded; one that is open ends."""
    request = correction.request
    correction.slip.segments.current().update(
        superseded_by=correction,
        held_until=Coalesce(F("held_until"), request.happened_at),
        ended_as=Case(When(ended_at=None, then=Value(PlaySegment.End.SUPERSEDED)), default=F("ended_as")),
        ended_at=Coalesce(F("ended_at"), request.happened_at),
        ended_by=Coalesce(F("ended_by"), request.actor_id),
        end_correlation_id=Coalesce(F("end_correlation_id"), request.correlation_id),
    )


def first_result(request: SlipRequest) -> CorrectedSlip:
    """The result of a correction that is recorded; its slip may have been corrected again since."""
    correction = request.correction
    slip = correction.slip
    following = slip.corrections.filter(number=correction.number + 1).first()
    posting = None
    if correction.entry_id is not None:
        entries = LedgerEntry.objects.select_related("account", "tier_before", "tier_after")
        posting = posting_of(entries.get(pk=correction.entry_id), replayed=True)
    theo = following.theoretical_win_before if following else slip.theoretical_win
    replayed = not is_own_commit(request)
    return replace(_result(correction, theoretical_win=theo, posting=posting), replayed=replayed)


def _result(
    correction: SlipCorrection, *, theoretical_win: Decimal | None, posting: LoyaltyPosting | None
) -> CorrectedSlip:
    return CorrectedSlip(
        slip_id=correction.slip_id,
        slip_number=correction.slip.slip_number,
        kind=Kind(correction.kind),
        number=correction.number,
        theoretical_win_before=correction.theoretical_win_before,
        theoretical_win=theoretical_win,
        points_before=correction.points_before,
        points=correction.points_after,
        posting=posting,
        no_entry_because=correction.no_entry_because,
        uncollected=correction.uncollected_after,
        correlation_id=correction.request.correlation_id,
        replayed=False,
    )
