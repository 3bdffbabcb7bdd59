"""The balance of an account at an earlier time."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Max, Sum

from loyalty.models import LedgerEntry, PlayerLoyalty


@dataclass(frozen=True, kw_only=True, slots=True)
class BalanceAt:
    """The sums of the entries dated `at` or earlier; `last_entry_id` is the last of them in the account's order."""

    at: datetime
    balance: int
    lifetime_points: int
    entries: int
    last_entry_id: int | None


def balance_at(*, account: PlayerLoyalty, at: datetime) -> BalanceAt:
    """Add up, in one statement, the entries of `account` that are dated `at` or earlier.

    Points of play that was imported later, or closed after the clock was set back, count from the time of the play. So
    this is the balance that the account should have had. Each entry shows the balance that it did have, before and
    after the entry.
    """
    dated = LedgerEntry.objects.filter(account=account, created_at__lte=at).order_by()
    totals = dated.aggregate(
        balance=Sum("points"),
        lifetime_points=Sum(F("lifetime_points_after") - F("lifetime_points_before")),
        entries=Count("pk"),
        last_entry_id=Max("pk"),
    )
    return BalanceAt(
        at=at,
        balance=totals["balance"] or 0,
        lifetime_points=totals["lifetime_points"] or 0,
        entries=totals["entries"],
        last_entry_id=totals["last_entry_id"],
    )
