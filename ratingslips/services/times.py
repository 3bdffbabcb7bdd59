"""How far back the time of an act may go."""

from datetime import UTC, datetime

from core.models import Casino, User
from core.permissions import has_permission
from ratingslips.models import Pit
from ratingslips.permissions import CORRECT_SLIP


def earliest_instant(*, actor: User, pit: Pit, casino: Casino, at: datetime) -> datetime:
    """The earliest time that `actor` may give for an act on a slip in `pit` at `at`, which is now; to the minute.

    It is `Casino.backdating` ago, or the start of the running gaming day if `actor` may correct slips there and that is
    earlier.
    """
    limit = (at.astimezone(UTC) - casino.backdating).replace(second=0, microsecond=0)
    if not has_permission(actor, CORRECT_SLIP, pit):
        return limit
    begins, _ = casino.gaming_day_span(casino.gaming_day_at(at))
    return min(begins, limit)
