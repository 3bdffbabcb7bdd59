"""The data of a slip's page: its state, its history, and what a closed slip earned."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet

from core.kept_queries import KeptQuery
from core.models import User
from loyalty.models import LedgerEntry, PlayerLoyalty, Tier
from loyalty.tiers import next_tier, progress_percent
from ratingslips.admin.floor.seatmap import warning_for
from ratingslips.admin.slips.money import Money
from ratingslips.events import Event, SlipEventKind
from ratingslips.history import LINKED_SLIPS, read_events
from ratingslips.models import RatingSlip

# The usual bets, by the values of chips.
_LADDER: Final = (
    Decimal(5),
    *(Decimal(step) * 10**power for power in range(6) for step in (10, 15, 20, 25, 30, 50, 75)),
)
QUICK_BETS_EACH_WAY: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Earned:
    """What a closed slip earned for its player."""

    points: int
    balance: int
    tier: str
    tier_before: str
    next_tier: str
    points_to_next: int
    progress_percent: int

    @classmethod
    def of(cls, entry: LedgerEntry, tiers: Sequence[Tier]) -> "Earned":
        """Read it from the entry: the state when the points were posted."""
        following = next_tier(entry.lifetime_points_after, tiers)
        return cls(
            points=entry.points,
            balance=entry.balance_after,
            tier=str(entry.tier_after),
            tier_before=str(entry.tier_before),
            next_tier=str(following) if following else "",
            points_to_next=following.threshold_points - entry.lifetime_points_after if following else 0,
            progress_percent=progress_percent(entry.lifetime_points_after, tiers),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """A slip with its events, at an instant."""

    slip: RatingSlip
    events: Sequence[Event]
    average_bet: Decimal
    played: timedelta
    account: PlayerLoyalty | None
    earned: Earned | None
    money: Money
    now: datetime

    @property
    def version(self) -> str:
        """The version as text, which the page sends back so that a change in the meantime is noticed."""
        return self.events[-1].version.text

    @property
    def newest_first(self) -> list[Event]:
        """The events in the order of the page, those that were superseded at their times too."""
        return sorted(self.events, key=attrgetter("at"))[::-1]

    @property
    def entered_first_by(self) -> list[User]:
        """Who entered the play of a slip that was corrected, without those who only corrected it."""
        if not any(event.correction for event in self.events):
            return []
        entered = (event for event in self.events if event.correction is None and event.kind != SlipEventKind.VOIDED)
        return list(dict.fromkeys(event.by for event in entered))

    @property
    def closing(self) -> Event:
        """The closing of a closed slip, as it counts now."""
        return next(event for event in reversed(self.events) if event.kind == SlipEventKind.CLOSED)

    def earliest_for(self, action: str) -> datetime:
        """The earliest instant at which an action can be recorded."""
        if action in {"buy_in", "chips_out"}:
            return self.slip.opened_at
        done = [event.at for event in self.events if event.kind != SlipEventKind.CORRECTED]
        return max(done[-1], self.money.last_at or done[-1]) if action == "complete" else done[-1]

    @property
    def is_paused(self) -> bool:
        return self.slip.status == RatingSlip.Status.PAUSED

    @property
    def paused_at(self) -> datetime | None:
        """When the current pause began; None if the slip is not paused."""
        pauses = [event.at for event in self.events if event.kind == SlipEventKind.PAUSED]
        return pauses[-1] if self.is_paused else None

    @property
    def warning(self) -> str:
        """Why the slip is overdue; empty if it is not."""
        if not self.slip.is_live:
            return ""
        paused_for = self.now - self.paused_at if self.paused_at else None
        return warning_for(open_for=self.now - self.slip.opened_at, paused_for=paused_for)

    @property
    def quick_bets(self) -> list[Decimal]:
        """Round amounts below and above the current bet."""
        below = [amount for amount in _LADDER if amount < self.average_bet][-QUICK_BETS_EACH_WAY:]
        return below + [amount for amount in _LADDER if amount > self.average_bet][:QUICK_BETS_EACH_WAY]


def _query_slip(slip_id: UUID, now: datetime) -> "QuerySet[RatingSlip]":
    related = ("casino", "pit", "table__game", "player__loyalty__tier", "opened_by", "closed_by", "recovered_by")
    entry = ("ledger_entry__tier_before", "ledger_entry__tier_after")
    slips: Any = RatingSlip.objects.filter(pk=slip_id).with_play(now=now).with_money()
    found: QuerySet[RatingSlip] = slips.select_related(*related, *entry, *LINKED_SLIPS)
    return found


_slips = KeptQuery(_query_slip)
_tiers = KeptQuery(lambda casino_id: Tier.objects.filter(program__casino=casino_id).order_by("threshold_points"))


def read_sheet(slip_id: UUID, *, now: datetime) -> Sheet | None:
    """A slip with all that its page shows; None if there is none of this key."""
    slip: Any = next(iter(_slips(slip_id, now)), None)
    if slip is None:
        return None
    return Sheet(
        slip=slip,
        events=read_events(slip),
        average_bet=slip.average_bet,
        played=slip.played,
        account=getattr(slip.player, "loyalty", None),
        earned=Earned.of(slip.ledger_entry, _tiers(slip.casino_id)) if slip.ledger_entry else None,
        money=Money.of(slip, now=now),
        now=now,
    )
