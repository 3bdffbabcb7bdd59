"""The casino, its staff and its players; Django finds here the tables of all rooms of core."""

from core.cards.models import Namesake, StaffCard
from core.changes.models import Change
from core.factors.models import RecoveryCode, SecondFactor
from core.models.casino import CODE_MAX_LENGTH, NAME_MAX_LENGTH, Casino, require_time_zone
from core.models.operations import (
    METHOD_MAX_LENGTH,
    ORIGIN_MAX_LENGTH,
    CommandOperation,
    JobRun,
    Lease,
    ReplayCount,
    RequestOrigin,
)
from core.models.player import Player
from core.models.staff import StaffManager, User
from core.reasons.models import ReasonCode
from core.sent_forms.models import SentForm
from core.sessions import Session
from core.sign_in_log import SignInEvent

__all__ = [
    "CODE_MAX_LENGTH",
    "METHOD_MAX_LENGTH",
    "NAME_MAX_LENGTH",
    "ORIGIN_MAX_LENGTH",
    "Casino",
    "Change",
    "CommandOperation",
    "JobRun",
    "Lease",
    "Namesake",
    "Player",
    "ReasonCode",
    "RecoveryCode",
    "ReplayCount",
    "RequestOrigin",
    "SecondFactor",
    "SentForm",
    "Session",
    "SignInEvent",
    "StaffCard",
    "StaffManager",
    "User",
    "require_time_zone",
]
