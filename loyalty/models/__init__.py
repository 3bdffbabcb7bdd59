"""The programme and its rules, the players' accounts, the ledger, and the proof of the ledger."""

from loyalty.models.checkpoints import Checkpoint, SealedAccount, SealedChange
from loyalty.models.comp_slips import CompSlipPrint
from loyalty.models.comp_totals import CompTotal
from loyalty.models.comps import CompType
from loyalty.models.exports import LedgerExport
from loyalty.models.ledger import IDEMPOTENCY_KEY_MAX_LENGTH, LedgerEntry, PlayerLoyalty
from loyalty.models.programs import (
    MAX_POINTS_PER_UNIT,
    EarningRate,
    LoyaltyProgram,
    ProgramPause,
    Tier,
)
from loyalty.models.verifications import BalanceRebuild, LedgerVerification

__all__ = [
    "IDEMPOTENCY_KEY_MAX_LENGTH",
    "MAX_POINTS_PER_UNIT",
    "BalanceRebuild",
    "Checkpoint",
    "CompSlipPrint",
    "CompTotal",
    "CompType",
    "EarningRate",
    "LedgerEntry",
    "LedgerExport",
    "LedgerVerification",
    "LoyaltyProgram",
    "PlayerLoyalty",
    "ProgramPause",
    "SealedAccount",
    "SealedChange",
    "Tier",
]
