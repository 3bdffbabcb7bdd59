"""What the pages that post points by hand show of an account, and say of a posting."""

from core.console import display
from loyalty.models import LedgerEntry, PlayerLoyalty
from loyalty.services import LoyaltyPosting


def facts_of(account: PlayerLoyalty) -> list[tuple[str, object]]:
    """The facts above the form: player, status, balance and tier."""
    return [
        ("Player", account.player),
        ("Status", account.player.get_status_display()),
        ("Balance", display.points(account.balance)),
        ("Tier", account.tier),
    ]


def balances_of(posting: LoyaltyPosting | LedgerEntry) -> str:
    """The balance before and after: “balance 1,436 → 1,336”."""
    return f"balance {posting.balance_before:,} → {posting.balance_after:,}"


def new_tier_of(posting: LoyaltyPosting) -> str:
    """The tier that the posting led to, after the balances: “, now Silver”; empty if it stayed the same."""
    return f", now {posting.tier_after}" if posting.tier_after != posting.tier_before else ""
