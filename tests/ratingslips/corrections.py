"""Slips in every state, corrections of them, and what tests of corrections do with them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from core.models import Player
from loyalty.models import LedgerEntry
from ratingslips.models import RatingSlip
from ratingslips.services import (
    CorrectedPlay,
    CorrectedSlip,
    SlipSettlement,
    complete_rating_slip,
    correct_rating_slip,
    pause_rating_slip,
    play_of,
    release_withheld_points,
    void_rating_slip,
)
from tests.floor import Floor
from tests.loyalty.postings import increment

REASON = "The bet was wrong since nine"


def void(floor: Floor, slip: RatingSlip, **changes: Any) -> CorrectedSlip:
    """Void a slip as the supervisor, now, unless told otherwise."""
    arguments: dict[str, Any] = {"actor": floor.supervisor, "at": floor.now, "reason": REASON}
    return void_rating_slip(slip=slip.pk, **(arguments | changes))


def correct(floor: Floor, slip: RatingSlip, play: Sequence[CorrectedPlay], **changes: Any) -> CorrectedSlip:
    """Give a slip another list as the supervisor, now, unless told otherwise."""
    arguments: dict[str, Any] = {"actor": floor.supervisor, "at": floor.now, "reason": REASON}
    return correct_rating_slip(slip=slip.pk, segments=play, **(arguments | changes))


def current_play(slip: RatingSlip) -> list[CorrectedPlay]:
    """The play that counts now, as a correction would give it."""
    return play_of(slip.segments.current().order_by("seq"))


def last_at(slip: RatingSlip, bet: int) -> list[CorrectedPlay]:
    """The current play, with another bet in its last stretch."""
    *before, last = current_play(slip)
    return [*before, replace(last, average_bet=Decimal(bet))]


def without_length(slip: RatingSlip) -> list[CorrectedPlay]:
    """Play of no length, which is worth nothing."""
    first = current_play(slip)[0]
    return [replace(first, ended_at=first.started_at)]


def close(floor: Floor, slip: RatingSlip) -> SlipSettlement:
    return complete_rating_slip(slip=slip.pk, actor=floor.boss, at=floor.now)


def spend(floor: Floor, player: Player, points: int) -> None:
    """Redeem points of a player."""
    increment(floor, player, kind=LedgerEntry.Kind.REDEMPTION, points=-points)


def live(floor: Floor) -> RatingSlip:
    return floor.played_slip()


def paused(floor: Floor) -> RatingSlip:
    return pause_rating_slip(slip=floor.played_slip(), actor=floor.boss, at=floor.ago(minutes=5))


def closed(floor: Floor, slip: RatingSlip | None = None) -> RatingSlip:
    slip = slip or floor.played_slip()
    close(floor, slip)
    return RatingSlip.objects.get(pk=slip.pk)


def worth_nothing(floor: Floor) -> RatingSlip:
    return closed(floor, floor.open_slip(at=floor.now))


def withheld(floor: Floor) -> RatingSlip:
    slip = floor.played_slip()
    Player.objects.filter(pk=slip.player_id).update(status="BARRED")
    return closed(floor, slip)


def released(floor: Floor) -> RatingSlip:
    slip = withheld(floor)
    Player.objects.filter(pk=slip.player_id).update(status="ACTIVE")
    release_withheld_points(slip=slip, actor=floor.supervisor, reason="Barred by mistake", at=floor.now)
    return slip


def silver_and_spent(floor: Floor) -> RatingSlip:
    """A credited slip whose player became Silver by it, and has spent all but a few of its points."""
    slip = closed(floor)
    correct(floor, slip, last_at(slip, 400))
    spend(floor, slip.player, 1_365)
    return slip


def spent(points: int) -> Callable[[Floor], RatingSlip]:
    """A credited slip whose player has spent so many of its 578 points."""

    def make(floor: Floor) -> RatingSlip:
        slip = closed(floor)
        spend(floor, slip.player, points)
        return slip

    return make
