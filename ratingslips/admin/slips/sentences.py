"""The sentences that tell staff what became of a slip."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, TypeVar
from uuid import UUID

import structlog
from django.db import DatabaseError

from core import correlation
from core.console.display import exact_time_in, time_in
from core.console.row_actions import Outcome, OutcomeKind
from core.models import Player, User
from core.transactions import drop_lost_connection
from core.words import counted, signed_count
from loyalty.models import Tier
from loyalty.services import LoyaltyPosting
from loyalty.tiers import next_tier
from ratingslips.admin.slips.uncollected import kept_tier_of
from ratingslips.events import SlipVersion
from ratingslips.history import LINKED_SLIPS, events_since, read_events
from ratingslips.models import RatingSlip, SlipCorrection, SlipRequest
from ratingslips.services import CorrectedSlip, SlipSettlement
from ratingslips.services.requests import amount_text

NoEntry = SlipCorrection.NoEntry

log = structlog.get_logger(__name__)

T = TypeVar("T")

_CORRECTED_SINCE: Final = "was corrected since and is now worth "


def is_new(request: SlipRequest) -> bool:
    """Whether the running HTTP request wrote this row, and not an earlier one."""
    return request.correlation_id == correlation.current()


def read_after_commit(read: Callable[[], T]) -> T | None:
    """Read something for a message after the commit; None if that fails: the committed result is shown anyway."""
    try:
        return read()
    except DatabaseError:
        log.exception("console.answer_incomplete")
        drop_lost_connection()
        return None


def changes_since(slip_id: UUID, version: SlipVersion) -> str:
    """A sentence for each event of a slip after `version`, without the event of the running request."""
    slip = RatingSlip.objects.select_related("casino", "closed_by", *LINKED_SLIPS).get(pk=slip_id)
    changes = [
        event for event in events_since(read_events(slip), version) if event.correlation_id != correlation.current()
    ]
    return " ".join(f"{event.words} at {exact_time_in(event.at, slip.casino)} by {event.by}." for event in changes)


def changed_before_closing(slip_id: UUID, version: SlipVersion | None, *, closed_at: SlipVersion | None) -> str:
    """What changed between the version on the page and the one that was closed, for the end of a message."""
    if version is None or not version.seq or version == closed_at:
        return ""
    changes = read_after_commit(lambda: changes_since(slip_id, version))
    return f" Changed after the page was shown: {changes}" if changes else ""


def first_closing(slip_id: UUID, *, actor: User) -> str:
    """When and by whom a closed slip was closed first; a correction may have changed both since."""
    slip = RatingSlip.objects.select_related("casino", "closed_by").get(pk=slip_id)
    closing = _closing_of(slip_id)
    closed_at, closed_by = (closing.happened_at, closing.actor) if closing else (slip.closed_at, slip.closed_by)
    assert closed_at is not None
    return f"at {exact_time_in(closed_at, slip.casino)} by {'you' if closed_by == actor else closed_by}"


def _closing_of(slip_id: UUID) -> SlipRequest | None:
    return SlipRequest.objects.filter(slip=slip_id, kind=SlipRequest.Kind.CLOSE).select_related("actor").first()


def unsaved_amounts(slip_id: UUID, typed: Mapping[str, Any]) -> str:
    """A sentence if the typed amounts differ from those of the first closing, else empty text."""
    closing = _closing_of(slip_id)
    saved = closing.contents if closing else {}
    amounts = {"further_buy_in": typed.get("buy_in"), "chips_out": typed.get("chips_out")}
    differ = any(amount is not None and amount_text(amount) != saved.get(name) for name, amount in amounts.items())
    return " What you typed now was not saved." if differ else ""


def earned(slip: RatingSlip, settlement: SlipSettlement) -> str:
    """The theo of a slip, its points, and where they leave the player, or why they are withheld or the slip is void."""
    if slip.is_void:
        return "was voided since and counts nowhere"
    is_corrected = settlement.is_corrected and settlement.replayed
    theo = f"{_CORRECTED_SINCE if is_corrected else ''}theo {settlement.theoretical_win:,.2f}"
    if settlement.withheld_because:
        because = Player.Status(settlement.withheld_because).label.lower()
        return f"{theo}, no points: the player was {because}, so they are withheld"
    points = counted(settlement.points, "point") if is_corrected else _points(slip, settlement.posting)
    return f"{theo}, {points}"


def changed_while_owed(slip_id: UUID) -> str:
    """What a correction of an owed slip changed since, for the end of a message; else empty text."""
    slip = read_after_commit(lambda: RatingSlip.objects.get(pk=slip_id))
    if slip is None or slip.is_void or not slip.is_corrected:
        return ""
    return f" It {_CORRECTED_SINCE}theo {slip.theoretical_win:,.2f}."


def _points(slip: RatingSlip, posting: LoyaltyPosting | None) -> str:
    if posting is None:
        return "0 points"
    points = f"{counted(posting.points, 'point')}, balance {posting.balance_after:,}, {posting.tier_after}"
    following = posting.next_tier
    if following is None:
        tiers = Tier.objects.filter(program__casino=slip.casino_id).order_by("threshold_points")
        if (all_tiers := read_after_commit(lambda: list(tiers))) is None:
            return points
        following = str(next_tier(posting.lifetime_points, all_tiers) or "")
    progress = f"{posting.tier_progress} % of the way to {following}" if following else "the highest tier"
    return f"{points}, {progress}"


_NOTHING_TAKEN: Final = {
    NoEntry.LIVE: "it had no points yet, and its seat is free",
    NoEntry.OWED: "nothing is owed for it any more",
    NoEntry.WITHHELD: "nothing is withheld for it any more",
    NoEntry.SAME_POINTS: "it was worth 0 points",
}


def taken_back(result: CorrectedSlip) -> str:
    """What a void took back, and what it could not collect."""
    if result.no_entry_because in _NOTHING_TAKEN:
        return _NOTHING_TAKEN[NoEntry(result.no_entry_because)]
    taken = f"{counted(-result.posting.points, 'point')} taken back" if result.posting else "no points taken back"
    if not result.uncollected:
        return taken
    return f"{taken}; {counted(result.uncollected, 'point')} could not be collected, because the balance is 0"


def opening_outcome(slip: RatingSlip, *, average_bet: Decimal, is_late: bool) -> Outcome:
    """The outcome of opening a slip, now or when the page was sent before.

    It says when a slip was opened that `is_late`.
    """
    number, player = slip.slip_number, slip.player
    if not is_new(slip.result_of):
        at = exact_time_in(slip.result_of.happened_at, slip.casino)
        void = ", and is void since" if slip.is_void else ""
        sentence = f"{number} was opened for {player} at {at} by you{void}. Nothing was done twice."
        return Outcome(kind=OutcomeKind.REPLAYED, sentence=sentence)
    since = f" since {time_in(slip.opened_at, slip.casino)}" if is_late else ""
    sentence = f"{number} opened for {player} at {slip.place}{since}, average bet {average_bet:,.2f}."
    return Outcome(kind=OutcomeKind.DONE, sentence=sentence)


def correction_outcome(slip: RatingSlip, corrected: CorrectedSlip) -> Outcome:
    """What a correction of the play of `slip` changed: theo, points, the rest that was not covered, and the tier."""
    if corrected.replayed:
        sentence = f"{slip.slip_number}: the play was already corrected by this form. Nothing was done twice."
        return Outcome(kind=OutcomeKind.REPLAYED, sentence=sentence)
    parts = [f"{slip.slip_number}: play corrected."]
    if corrected.theoretical_win is not None:
        parts.append(f"Theo {corrected.theoretical_win_before or 0:,.2f} → {corrected.theoretical_win:,.2f}.")
    if posting := corrected.posting:
        points = signed_count(posting.points, "point")
        parts.append(f"Entry #{posting.entry_id}: {points}, balance {counted(posting.balance_after, 'point')}.")
    else:
        parts.append(f"No entry: {NoEntry(corrected.no_entry_because).label}.")
    if corrected.uncollected:
        parts.append(f"{counted(corrected.uncollected, 'point')} of what must be taken back are uncollected.")
        parts.append(tier_too_high(slip, corrected))
    kind = OutcomeKind.OWED if corrected.uncollected else OutcomeKind.DONE
    return Outcome(kind=kind, sentence=" ".join(filter(None, parts)))


def tier_too_high(slip: RatingSlip, corrected: CorrectedSlip) -> str:
    """A sentence if the tier stays too high after a correction or a void of `slip`; else empty text."""
    if not corrected.uncollected:
        return ""
    return read_after_commit(lambda: kept_tier_of(slip.player)) or ""
