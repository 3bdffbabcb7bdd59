"""A small casino at work: what most tests of services stand on."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone
from guardian.shortcuts import assign_perm

from core.models import Casino, Player, User
from loyalty.models import LoyaltyProgram
from ratingslips.models import GamingTable, Pit, RatingSlip
from ratingslips.services import change_average_bet, open_rating_slip
from tests.factories import PitFactory, PlayerFactory, ProgramFactory, StaffFactory, TableFactory


@dataclass(kw_only=True)
class Floor:
    """One pit with one blackjack table (70 decisions/h, 0.75 %), its boss and its supervisor, who has every right."""

    casino: Casino
    program: LoyaltyProgram
    pit: Pit
    table: GamingTable
    boss: User
    supervisor: User
    now: datetime

    @classmethod
    def build(cls) -> "Floor":
        program = ProgramFactory.create()
        casino = program.casino
        pit = PitFactory.create(casino=casino)
        floor = cls(
            casino=casino,
            program=program,
            pit=pit,
            table=TableFactory.create(casino=casino, pit=pit),
            boss=StaffFactory.create(casino=casino),
            supervisor=StaffFactory.create(casino=casino),
            now=timezone.now(),
        )
        assign_perm("ratingslips.operate_pit", floor.boss, pit)
        for permission in ("ratingslips.operate_pit", "ratingslips.recover_loyalty"):
            assign_perm(permission, floor.supervisor, pit)
        for permission in ("loyalty.award", "loyalty.pause_program"):
            assign_perm(permission, floor.supervisor, program)
        return floor

    def ago(self, **delta: float) -> datetime:
        """An instant before the floor's `now`: `floor.ago(hours=2)`."""
        return self.now - timedelta(**delta)

    def player(self, **attributes: Any) -> Player:
        """A new active player of the casino, with an account."""
        return PlayerFactory.create(casino=self.casino, **attributes)

    def open_slip(self, **arguments: Any) -> RatingSlip:
        """A live slip of a new player in seat 1, opened two hours ago at 40.00, unless told otherwise."""
        defaults: dict[str, Any] = {
            "table": self.table,
            "seat": 1,
            "average_bet": Decimal("40.00"),
            "actor": self.boss,
            "at": self.ago(hours=2),
        }
        if "player" not in arguments:
            defaults["player"] = self.player()
        return open_rating_slip(**(defaults | arguments))

    def played_slip(self, **arguments: Any) -> RatingSlip:
        """The worked example: 1 h 30 min at 40.00, then 100.00 until now, which comes to theo 57.75 and 578 points."""
        slip = self.open_slip(**arguments)
        return change_average_bet(slip=slip, average_bet=Decimal("100.00"), actor=self.boss, at=self.ago(minutes=30))
