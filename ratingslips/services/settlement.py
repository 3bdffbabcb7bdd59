"""Credit the points of a closed slip, or withhold them; used by completion, recovery and release."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from loyalty.models import LedgerEntry
from loyalty.services import LoyaltyPosting, PostingBatch, accrue_play, posting_of
from ratingslips.events import SlipVersion
from ratingslips.models import PlaySegment, RatingSlip


@dataclass(frozen=True, kw_only=True, slots=True)
class SlipSettlement:
    """The settlement of a closed slip; `posting` is None if its play was worth 0 points or its points are withheld.

    `withheld_because` is the player's status at the closing, where the points are withheld; else empty. Of a slip that
    was corrected since, theo and points are the current ones, and `posting` is the entry for its play.
    `version_before` is what the slip was before this call closed it.
    """

    slip_id: UUID
    slip_number: str
    theoretical_win: Decimal
    points: int
    posting: LoyaltyPosting | None
    correlation_id: UUID
    closed_at: datetime
    replayed: bool
    withheld_because: str = ""
    is_corrected: bool = False
    version_before: SlipVersion | None = field(default=None, compare=False)


def settle(
    slip: RatingSlip,
    *,
    segments: Sequence[PlaySegment],
    at: datetime,
    batch: PostingBatch | None = None,
    is_new: bool = False,
) -> SlipSettlement:
    """Credit the closed, locked `slip` and mark it settled (not saved yet), in the caller's transaction.

    The ledger entry has the slip's id as key and the slip's correlation id, also if it is paid later by somebody else.
    The player's status does not matter here: what was owed when the slip closed is paid. For `batch` and
    `is_new`, see `increment_player_loyalty`.

    :raises DomainError: `accrue_play` refused; the slip must then not be saved as settled.
    """
    posting = credit(slip, segments=segments, at=at, batch=batch, is_new=is_new)
    slip.settled_at = at
    slip.ledger_entry_id = posting.entry_id if posting else None
    return _settlement(slip, posting=posting, replayed=False)


def credit(
    slip: RatingSlip,
    *,
    segments: Sequence[PlaySegment],
    at: datetime,
    batch: PostingBatch | None = None,
    is_new: bool = False,
) -> LoyaltyPosting | None:
    """Post the entry of the closed, locked `slip`, in the caller's transaction; None if its play is worth 0 points.

    :raises DomainError: `accrue_play` refused.
    """
    assert slip.theoretical_win is not None
    assert slip.closed_at is not None
    if slip.theoretical_win == 0:
        return None
    return accrue_play(
        player_id=slip.player_id,
        theoretical_win=slip.theoretical_win,
        earned_at=slip.closed_at,
        reason=f"Play on slip {slip.slip_number}",
        idempotency_key=str(slip.pk),
        at=at,
        correlation_id=slip.correlation_id,
        play=frozen_play(slip, segments),
        batch=batch,
        is_new=is_new,
    )


def withhold(slip: RatingSlip, *, at: datetime) -> SlipSettlement:
    """Settle the closing `slip` of a player who is not active with 0 points (not saved yet).

    The status is kept also if the play is worth nothing: a correction may say later that it is worth something.
    """
    slip.settled_at, slip.withheld_because = at, slip.player.status
    return _settlement(slip, posting=None, replayed=False)


def first_settlement(slip: RatingSlip, *, replayed: bool) -> SlipSettlement:
    """The first settlement of a settled slip; `replayed` says whether an earlier call settled it."""
    posting = None
    if slip.ledger_entry_id is not None:
        entries = LedgerEntry.objects.select_related("account", "tier_before", "tier_after")
        posting = posting_of(entries.get(pk=slip.ledger_entry_id), replayed=replayed)
    return _settlement(slip, posting=posting, replayed=replayed)


def _settlement(slip: RatingSlip, *, posting: LoyaltyPosting | None, replayed: bool) -> SlipSettlement:
    assert slip.theoretical_win is not None
    assert slip.closed_at is not None
    points = posting.points if posting else 0
    return SlipSettlement(
        slip_id=slip.pk,
        slip_number=slip.slip_number,
        theoretical_win=slip.theoretical_win,
        points=points if slip.corrected_points is None else slip.corrected_points,
        posting=posting,
        correlation_id=slip.correlation_id,
        closed_at=slip.closed_at,
        replayed=replayed,
        withheld_because=slip.withheld_because if slip.is_withheld else "",
        is_corrected=slip.is_corrected,
    )


def frozen_play(slip: RatingSlip, segments: Sequence[PlaySegment]) -> dict[str, object]:
    """The play of a slip as an entry keeps it, to show later how its points were calculated."""
    return {
        "slip": slip.pk,
        "slip_number": slip.slip_number,
        "segments": [
            {
                "table": segment.table_id,
                "seat": segment.seat,
                "average_bet": segment.average_bet,
                "house_edge_percent": segment.house_edge_percent,
                "decisions_per_hour": segment.decisions_per_hour,
                "started_at": segment.started_at,
                "ended_at": segment.ended_at,
            }
            for segment in segments
        ],
    }
