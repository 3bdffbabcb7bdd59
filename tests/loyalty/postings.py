"""Postings that tests of the ledger begin with."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.db import transaction

from core.models import Player
from loyalty.models import LedgerEntry
from loyalty.points import value_of_points
from loyalty.services import (
    Adjustment,
    LoyaltyPosting,
    accrue_play,
    adjust_points,
    increment_player_loyalty,
    manual_reward,
    redeem_points,
    reverse_entry,
)
from tests.factories import CompTypeFactory
from tests.floor import Floor

REASON = "Birthday of a regular guest"


def award(floor: Floor, player: Player, **changes: Any) -> LoyaltyPosting:
    """100 points from the supervisor, now, unless told otherwise."""
    arguments: dict[str, Any] = {"points": 100, "reason": REASON, "actor": floor.supervisor, "at": floor.now}
    return manual_reward(player=player, **(arguments | changes))


def adjust(floor: Floor, player: Player, **changes: Any) -> Adjustment:
    """100 points added by the supervisor, now, unless told otherwise."""
    arguments: dict[str, Any] = {"points": 100, "reason": REASON, "actor": floor.supervisor, "at": floor.now}
    return adjust_points(player=player, **(arguments | changes))


def reverse(floor: Floor, entry: LedgerEntry | int, **changes: Any) -> LoyaltyPosting:
    """An entry reversed by the supervisor, now, unless told otherwise."""
    arguments: dict[str, Any] = {"reason": "Given to the wrong card", "actor": floor.supervisor, "at": floor.now}
    return reverse_entry(entry=entry, **(arguments | changes))


def redeem(floor: Floor, player: Player, **changes: Any) -> LoyaltyPosting:
    """Dinner for 5.00 (100 points) at the steakhouse, by the supervisor, now, unless told otherwise."""
    arguments: dict[str, Any] = {"outlet": "Steakhouse", "actor": floor.supervisor, "at": floor.now}
    if "points" not in changes:
        arguments["value"] = Decimal("5.00")
    if "comp_type" not in changes:
        arguments["comp_type"] = CompTypeFactory.create(program=floor.program)
    return redeem_points(player=player, **(arguments | changes))


def increment(floor: Floor, player: Player, **changes: Any) -> LoyaltyPosting:
    """A promotion of 100 points that the system posts now, unless told otherwise; a redemption is of the dinner."""
    arguments: dict[str, Any] = {
        "kind": LedgerEntry.Kind.PROMOTION,
        "points": 100,
        "reason": "Double points on Tuesdays",
        "idempotency_key": f"promotion:{uuid4()}",
        "staff": None,
        "at": floor.now,
        "correlation_id": uuid4(),
    }
    if changes.get("kind") == LedgerEntry.Kind.REDEMPTION:
        comp = arguments["comp_type"] = changes.get("comp_type") or CompTypeFactory.create(program=floor.program)
        worth = value_of_points(-changes["points"], point_value=comp.point_value)
        arguments["calculation"] = {"point_value": comp.point_value, "value": worth}
    with transaction.atomic():
        return increment_player_loyalty(player=player, **(arguments | changes))


def accrue(floor: Floor, player: Player, **changes: Any) -> LoyaltyPosting:
    """The posting of the worked example's play, theo 57.75, which ended now, unless told otherwise."""
    posting = accrue_if_worth(floor, player, **changes)
    assert posting is not None
    return posting


def accrue_if_worth(floor: Floor, player: Player, **changes: Any) -> LoyaltyPosting | None:
    """The same for play that may be worth 0 points."""
    arguments: dict[str, Any] = {
        "theoretical_win": Decimal("57.75"),
        "earned_at": floor.now,
        "reason": "Play on slip R00001",
        "idempotency_key": str(uuid4()),
        "at": floor.now,
        "correlation_id": uuid4(),
        "play": {"slip_number": "R00001"},
    }
    with transaction.atomic():
        return accrue_play(player_id=player.pk, **(arguments | changes))
