"""What an account stood at, at a time that has passed."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Max, Sum

from loyalty.models import LedgerEntry, PlayerLoyalty


@dataclass(frozen=True, kw_only=True, slots=True)
class BalanceAt:
    """What the entries dated `at` or earlier come to; `last_entry_id` is the last of them in the account's order."""

    at: datetime
    balance: int
    lifetime_points: int
    entries: int
    last_entry_id: int | None


def balance_at(*, account: PlayerLoyalty, at: datetime) -> BalanceAt:
    """Add up, in one statement, the entries of `account` that are dated `at` or earlier.

    An entry is dated with the time of what it was posted for: points of play that came in later, by an import or after
    the clock was set back, count from when the play ended. So this is what the account should have stood at; what it
    did stand at around one entry stands in that entry.
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
