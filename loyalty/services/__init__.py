"""The services of loyalty. Import them from here, not from the modules of this package."""

from core.reasons.text import InvalidReason, checked_reason
from loyalty.services.accounts import NoLoyaltyProgram, open_accounts
from loyalty.services.accrual import (
    AdjustedPlay,
    NoEarningRate,
    accrue_play,
    adjust_play,
    estimate_points,
    points_of_play,
)
from loyalty.services.adjustments import Adjustment, InvalidAdjustment, adjust_points
from loyalty.services.awards import InvalidAward, manual_reward
from loyalty.services.balances import BalanceAt, balance_at
from loyalty.services.batches import PostingBatch, begin_batch
from loyalty.services.by_hand import AccountChanged, AwardRateExceeded, PlayerNotActive
from loyalty.services.comp_slips import RedemptionReversed, print_comp_slip
from loyalty.services.posting import (
    InsufficientBalance,
    LoyaltyPosting,
    ProgramPaused,
    increment_player_loyalty,
    posting_of,
)
from loyalty.services.program import ProgramStateUnchanged, pause_program, resume_program
from loyalty.services.rates import RateTaken, add_earning_rate
from loyalty.services.redemptions import CompTypeNotActive, InvalidRedemption, redeem_points
from loyalty.services.reversals import AlreadyReversed, NotReversible, reverse_entry

__all__ = [
    "AccountChanged",
    "AdjustedPlay",
    "Adjustment",
    "AlreadyReversed",
    "AwardRateExceeded",
    "BalanceAt",
    "CompTypeNotActive",
    "InsufficientBalance",
    "InvalidAdjustment",
    "InvalidAward",
    "InvalidReason",
    "InvalidRedemption",
    "LoyaltyPosting",
    "NoEarningRate",
    "NoLoyaltyProgram",
    "NotReversible",
    "PlayerNotActive",
    "PostingBatch",
    "ProgramPaused",
    "ProgramStateUnchanged",
    "RateTaken",
    "RedemptionReversed",
    "accrue_play",
    "add_earning_rate",
    "adjust_play",
    "adjust_points",
    "balance_at",
    "begin_batch",
    "checked_reason",
    "estimate_points",
    "increment_player_loyalty",
    "manual_reward",
    "open_accounts",
    "pause_program",
    "points_of_play",
    "posting_of",
    "print_comp_slip",
    "redeem_points",
    "resume_program",
    "reverse_entry",
]
