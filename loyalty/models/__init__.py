"""The programme and its rules, the players' accounts, and the ledger that every point stands in."""

from loyalty.models.exports import LedgerExport
from loyalty.models.ledger import IDEMPOTENCY_KEY_MAX_LENGTH, LedgerEntry, PlayerLoyalty
from loyalty.models.programs import REASON_MAX_LENGTH, EarningRate, LoyaltyProgram, Tier

__all__ = [
    "IDEMPOTENCY_KEY_MAX_LENGTH",
    "REASON_MAX_LENGTH",
    "EarningRate",
    "LedgerEntry",
    "LedgerExport",
    "LoyaltyProgram",
    "PlayerLoyalty",
    "Tier",
]
