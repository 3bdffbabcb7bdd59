"""The award that tests of manual rewards begin with."""

from typing import Any

from core.models import Player
from loyalty.services import LoyaltyPosting, manual_reward
from tests.floor import Floor

REASON = "Birthday of a regular guest"


def award(floor: Floor, player: Player, **changes: Any) -> LoyaltyPosting:
    """100 points from the supervisor, now, unless told otherwise."""
    arguments: dict[str, Any] = {"points": 100, "reason": REASON, "actor": floor.supervisor, "at": floor.now}
    return manual_reward(player=player, **(arguments | changes))
