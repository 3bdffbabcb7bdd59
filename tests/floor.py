"""A small casino at work: what most tests of services stand on."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone
from guardian.models import UserObjectPermission

from core.cards.models import StaffCard
from core.models import Casino, Player, User
from loyalty.models import LoyaltyProgram
from loyalty.services import pause_program, resume_program
from ratingslips.models import GamingTable, Pit, RatingSlip
from ratingslips.services import PartialCompletion, change_average_bet, complete_rating_slip, open_rating_slip
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
    def build(cls, program: LoyaltyProgram | None = None) -> "Floor":
        program = program or ProgramFactory.create()
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
        give_rights(
            (floor.boss, pit, ["operate_pit"]),
            (floor.supervisor, pit, ["operate_pit", "recover_loyalty", "correct_slip"]),
            (floor.supervisor, program, ["award", "redeem", "reverse", "adjust", "pause_program"]),
        )
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
        """The worked example: 1 h 30 min at 40.00, then 100.00 until now, which gives theo 57.75 and 578 points."""
        slip = self.open_slip(**arguments)
        return change_average_bet(slip=slip, average_bet=Decimal("100.00"), actor=self.boss, at=self.ago(minutes=30))

    def owed_slip(self, slip: RatingSlip | None = None, *, at: datetime | None = None, **arguments: Any) -> RatingSlip:
        """A slip (the worked example's) that was closed while the programme was paused; the programme runs again."""
        slip = slip or self.played_slip(**arguments)
        pause_program(program=self.program, actor=self.supervisor, at=self.now, reason="Migration of the tiers")
        with pytest.raises(PartialCompletion):
            complete_rating_slip(slip=slip, actor=self.boss, at=at or self.now)
        resume_program(program=self.program, actor=self.supervisor)
        return slip


def give_rights(*given: tuple[User, Pit | LoyaltyProgram, list[str]]) -> None:
    """What `assign_perm` does in 3 statements for each right, in 2 for all: nearly every test begins here."""
    names = {name for _, _, some in given for name in some}
    rights = {(right.content_type_id, right.codename): right for right in Permission.objects.filter(codename__in=names)}
    wanted = [(user, thing, name) for user, thing, some in given for name in some]
    UserObjectPermission.objects.bulk_create(
        UserObjectPermission(user=user, permission=rights[kind.pk, name], content_type=kind, object_pk=str(thing.pk))
        for user, thing, name in wanted
        for kind in [ContentType.objects.get_for_model(thing)]
    )


def declared(staff: User, player: Player) -> StaffCard:
    """A card of a member of staff, as older links were taken over."""
    return StaffCard.objects.create(casino=player.casino, staff=staff, player=player, declared_at=timezone.now())
