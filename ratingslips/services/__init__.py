"""The services of rating slips. Import them from here, not from the modules of this package."""

from core.permissions import OwnPlay
from loyalty.services import PlayerNotActive
from ratingslips.services.acts import Act
from ratingslips.services.chunks import Pace
from ratingslips.services.claims import PlannedPlay
from ratingslips.services.closing_money import BuyInBelowRows
from ratingslips.services.completion import PartialCompletion, complete_rating_slip
from ratingslips.services.continuing import SlipContinued, SlipCorrected, continue_rating_slip
from ratingslips.services.corrected_play import CorrectedPlay, InvalidPlay, play_of
from ratingslips.services.correcting import CorrectionPreview, correct_rating_slip, preview_correction
from ratingslips.services.correction_plan import NothingCorrected
from ratingslips.services.corrections import CorrectedSlip
from ratingslips.services.draft import UnknownSlip
from ratingslips.services.drift import DriftJustChecked, check_drift
from ratingslips.services.game_values import GameValuesTaken, NoGameValues, add_game_values, recorded_values
from ratingslips.services.judging import BlockedBySlip, SlipNotOpened
from ratingslips.services.long_play import LongPlayNotConfirmed, describe_long_play
from ratingslips.services.money import MoneyChanged, record_buy_in, record_chips_out
from ratingslips.services.opening import (
    InvalidSlipNumber,
    PlayerHasLiveSlip,
    PlayerStillPlayed,
    SlipNumberTaken,
    open_rating_slip,
)
from ratingslips.services.overlaps import PlayHasNoEnd
from ratingslips.services.play import (
    change_average_bet,
    move_rating_slip,
    pause_rating_slip,
    resume_rating_slip,
)
from ratingslips.services.reassigning import Reassignment, SamePlayer, reassign_rating_slip
from ratingslips.services.recorder import Recording, SlipPlay
from ratingslips.services.recording import record_play, record_plays
from ratingslips.services.recovering import recover_together
from ratingslips.services.recovery import SlipInHand, SlipNotClosed, recover_slip_loyalty
from ratingslips.services.release import NothingWithheld, release_withheld_points
from ratingslips.services.requests import RequestKind
from ratingslips.services.seats import AlreadySeated, NoSuchSeat, SeatTaken, TableNotActive
from ratingslips.services.segments import SlipChanged, SlipClosed, SlipIsVoid, SlipNotOpen, SlipNotPaused
from ratingslips.services.settlement import SlipSettlement
from ratingslips.services.stakes import InvalidAmount, InvalidAverageBet
from ratingslips.services.striking import AlreadyStruck, strike_money_row
from ratingslips.services.tables import TableHasLiveSlips, require_pit_may_change, require_table_may_change
from ratingslips.services.times import (
    CHOSEN_TIME,
    BeforeLastEvent,
    BeforeMoney,
    ChosenTime,
    TooLongAgo,
    earliest_instant,
)
from ratingslips.services.undoing import UNDO_MINUTES, UndoTooLate, undo_opening
from ratingslips.services.voiding import is_own_and_new_slip, void_rating_slip

__all__ = [
    "CHOSEN_TIME",
    "UNDO_MINUTES",
    "Act",
    "AlreadySeated",
    "AlreadyStruck",
    "BeforeLastEvent",
    "BeforeMoney",
    "BlockedBySlip",
    "BuyInBelowRows",
    "ChosenTime",
    "CorrectedPlay",
    "CorrectedSlip",
    "CorrectionPreview",
    "DriftJustChecked",
    "GameValuesTaken",
    "InvalidAmount",
    "InvalidAverageBet",
    "InvalidPlay",
    "InvalidSlipNumber",
    "LongPlayNotConfirmed",
    "MoneyChanged",
    "NoGameValues",
    "NoSuchSeat",
    "NothingCorrected",
    "NothingWithheld",
    "OwnPlay",
    "Pace",
    "PartialCompletion",
    "PlannedPlay",
    "PlayHasNoEnd",
    "PlayerHasLiveSlip",
    "PlayerNotActive",
    "PlayerStillPlayed",
    "Reassignment",
    "Recording",
    "RequestKind",
    "SamePlayer",
    "SeatTaken",
    "SlipChanged",
    "SlipClosed",
    "SlipContinued",
    "SlipCorrected",
    "SlipInHand",
    "SlipIsVoid",
    "SlipNotClosed",
    "SlipNotOpen",
    "SlipNotOpened",
    "SlipNotPaused",
    "SlipNumberTaken",
    "SlipPlay",
    "SlipSettlement",
    "TableHasLiveSlips",
    "TableNotActive",
    "TooLongAgo",
    "UndoTooLate",
    "UnknownSlip",
    "add_game_values",
    "change_average_bet",
    "check_drift",
    "complete_rating_slip",
    "continue_rating_slip",
    "correct_rating_slip",
    "describe_long_play",
    "earliest_instant",
    "is_own_and_new_slip",
    "move_rating_slip",
    "open_rating_slip",
    "pause_rating_slip",
    "play_of",
    "preview_correction",
    "reassign_rating_slip",
    "record_buy_in",
    "record_chips_out",
    "record_play",
    "record_plays",
    "recorded_values",
    "recover_slip_loyalty",
    "recover_together",
    "release_withheld_points",
    "require_pit_may_change",
    "require_table_may_change",
    "resume_rating_slip",
    "strike_money_row",
    "undo_opening",
    "void_rating_slip",
]
