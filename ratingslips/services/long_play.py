"""Ask for a confirmation before very long play counts: the slip may have been forgotten, or a date be wrong."""

from datetime import timedelta

from core.errors import DomainError
from core.words import hours_in_words
from ratingslips.models import RatingSlip


class LongPlayNotConfirmed(DomainError):
    """The slip was played for longer than the casino's limit, and nobody has confirmed it: `because` says how long."""

    code = "LONG_PLAY_NOT_CONFIRMED"

    def __init__(self, because: str) -> None:
        super().__init__(f"{because} Confirm it if that is right.")
        self.because = because


def describe_long_play(slip: RatingSlip, *, played: timedelta) -> str:
    """When the slip was opened and how long it was `played`; empty if that is within the limit of its casino."""
    casino = slip.casino
    if played <= casino.longest_play:
        return ""
    opened = f"{slip.opened_at.astimezone(casino.zone):%-d %b %Y %H:%M}"
    length = hours_in_words(played)
    return f"opened on {opened}, and {length} of play count, more than {casino.longest_play_hours} h"


def require_long_play_confirmed(slip: RatingSlip, *, played: timedelta, because: str = "is not closed: it was") -> None:
    """Refuse to close, or to correct, a slip that was `played` for longer than the limit of its casino.

    `because` joins the number of the slip to what is long.

    :raises LongPlayNotConfirmed: naming when it was opened, the hours that count, and the limit.
    """
    if long_play := describe_long_play(slip, played=played):
        raise LongPlayNotConfirmed(f"Slip {slip.slip_number} {because} {long_play}.")
