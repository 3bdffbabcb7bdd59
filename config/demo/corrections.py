"""What the demo's staff put right on its evening: each kind of mistake once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from core.models import Casino, Player, User
from loyalty.models import CompType, LedgerEntry
from loyalty.services import redeem_points, reverse_entry
from ratingslips.models import RatingSlip, SlipRequest
from ratingslips.services import (
    ChosenTime,
    CorrectedPlay,
    complete_rating_slip,
    correct_rating_slip,
    earliest_instant,
    play_of,
    reassign_rating_slip,
    void_rating_slip,
)

from .plan import DemoPlan

Act = tuple[datetime, Callable[[], None]]

# All of these slips closed before the evening, whatever its time.
_BET_TOO_LOW: Final = "S00082"
_BET_TOO_HIGH: Final = "S00560"
_ENTERED_TWICE: Final = "S00766"
_WRONG_PLAYER: Final = "S00612"
_RIGHT_PLAYER_CARD: Final = "100022"
_AWARDED_BY_MISTAKE_CARD: Final = "100044"
_DINNER: Final = Decimal("70.00")


@dataclass(frozen=True, kw_only=True, slots=True)
class Corrections:
    """Who puts right what went wrong in `casino`, at `now`. Each act can be repeated."""

    casino: Casino
    boss: User
    supervisor: User
    now: datetime

    def acts(self, plan: DemoPlan) -> list[Act]:
        """All of them, in order of time."""
        acts: Sequence[tuple[datetime, str, Callable[[UUID], Any]]] = (
            (plan.left_at, "left unnoticed", partial(self._close_late, plan)),
            (self.now, "bet too low", self._raise_bet_of_last_hour),
            (self.now, "redeemed", self._redeem),
            (self.now, "bet too high", self._lower_bet_after_redemption),
            (self.now, "entered twice", self._void),
            (self.now, "wrong player", self._reassign),
            (self.now, "award reversed", self._reverse_award),
        )
        return [(at, partial(self._once, name, act)) for at, name, act in acts]

    def _once(self, name: str, act: Callable[[UUID], Any]) -> None:
        request_id = uuid5(NAMESPACE_URL, f"{self.casino.code}/{self.casino.pk}/{name}")
        if not SlipRequest.objects.filter(pk=request_id).exists():
            act(request_id)

    def _slip(self, number: str) -> RatingSlip:
        return RatingSlip.objects.select_related("pit").get(casino=self.casino, slip_number=number)

    def _close_late(self, plan: DemoPlan, request_id: UUID) -> None:
        slip = self._slip(plan.left_slip)
        earliest = earliest_instant(actor=self.boss, pit=slip.pit, casino=self.casino, at=self.now)
        complete_rating_slip(
            slip=slip,
            actor=self.boss,
            at=plan.left_at,
            chosen_time=ChosenTime(text=f"{plan.left_at:%H:%M}", earliest=earliest),
            further_buy_in=Decimal(200),
            chips_out=Decimal(145),
            request_id=request_id,
        )

    def _raise_bet_of_last_hour(self, request_id: UUID) -> None:
        slip = self._slip(_BET_TOO_LOW)
        (whole,) = play_of(slip.segments.current())
        assert whole.ended_at is not None
        since = whole.ended_at - timedelta(hours=1)
        play = [replace(whole, ended_at=since), replace(whole, started_at=since, average_bet=2 * whole.average_bet)]
        self._correct(slip, play, reason="100 a hand in the last hour, as the dealer says", request_id=request_id)

    def _redeem(self, request_id: UUID) -> None:
        redeem_points(
            player=self._slip(_BET_TOO_HIGH).player_id,
            comp_type=CompType.objects.get(program__casino=self.casino, code="food"),
            value=_DINNER,
            outlet="Harbour Grill",
            reason_code="REQUESTED",
            actor=self.supervisor,
            at=self.now,
            request_id=request_id,
        )

    def _lower_bet_after_redemption(self, request_id: UUID) -> None:
        slip = self._slip(_BET_TOO_HIGH)
        *before, last = play_of(slip.segments.current())
        play = [*before, replace(last, average_bet=Decimal(400))]
        self._correct(
            slip, play, reason="400 a hand, not 500, as the recording of the table shows", request_id=request_id
        )

    def _correct(self, slip: RatingSlip, play: Sequence[CorrectedPlay], *, reason: str, request_id: UUID) -> None:
        correct_rating_slip(
            slip=slip,
            segments=play,
            reason_code="WRONG_BET",
            reason=reason,
            actor=self.supervisor,
            at=self.now,
            request_id=request_id,
        )

    def _void(self, request_id: UUID) -> None:
        void_rating_slip(
            slip=self._slip(_ENTERED_TWICE),
            reason_code="ENTERED_TWICE",
            actor=self.supervisor,
            at=self.now,
            request_id=request_id,
        )

    def _reassign(self, request_id: UUID) -> None:
        reassign_rating_slip(
            slip=self._slip(_WRONG_PLAYER),
            player=Player.objects.get(casino=self.casino, card_number=_RIGHT_PLAYER_CARD),
            reason_code="WRONG_PLAYER",
            reason="The other Elena Reyes: the card was shown",
            actor=self.supervisor,
            at=self.now,
            request_id=request_id,
        )

    def _reverse_award(self, _: UUID) -> None:
        """Reverse an award, which is known by its entry."""
        reverse_entry(
            entry=LedgerEntry.objects.get(
                account__player__casino=self.casino,
                account__player__card_number=_AWARDED_BY_MISTAKE_CARD,
                kind=LedgerEntry.Kind.MANUAL_BONUS,
            ),
            reason_code="WRONG_PLAYER",
            reason="The drink was spilled on the player in the next seat",
            actor=self.supervisor,
            at=self.now,
        )
