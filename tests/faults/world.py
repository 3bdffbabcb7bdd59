"""The two houses that the workers play in, and how a worker finds its way in them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.contrib.auth.models import Group
from guardian.shortcuts import assign_perm

from core.clock import EARLIEST_EVENT_AT
from core.models import Casino, Player, User
from core.roles import OPERATOR
from loyalty.models import LoyaltyProgram
from ratingslips.models import GamingTable, Pit, RatingSlip
from tests.factories import (
    DEFAULT_TIERS,
    WITHOUT_MULTIPLIERS,
    CasinoFactory,
    CompTypeFactory,
    GameFactory,
    PitFactory,
    PlayerFactory,
    ProgramFactory,
    TableFactory,
)
from tests.faults.plan import is_plain

SEATS: Final = 7
MANAGER: Final = "faults-manager"
MAX_GIVERS: Final = 400
GIVERS_PER_PLAYER: Final = 4  # each may award ten times a minute
HOUSES: Final = {True: "faults-plain", False: "faults-tiers"}
_DECISIONS_PER_HOUR: Final = "100"
_HOUSE_EDGE_PERCENT: Final = "1"
_POINTS_PER_UNIT: Final = {True: Decimal(1), False: Decimal(10)}


class NothingToDo(Exception):
    """What the step is about does not exist; nothing was asked."""


def build_world(*, players: int) -> None:
    """Two houses, their staff, and the players of a plan with a seat of their own, and another one to move to.

    An hour at a bet of b is worth a theo of b. In the plain house that is b points, in any tier.
    """
    managers = Group.objects.create(name="Fault harness")
    manager = User.objects.create(username=MANAGER, is_staff=True)
    # They work in both casinos, so they belong to none: then only operators may act.
    operators = Group.objects.get(name=OPERATOR)
    manager.groups.add(managers, operators)
    for number in range(_givers(players)):
        User.objects.create(username=_giver(number), is_staff=True).groups.add(managers, operators)
    for plain, code in HOUSES.items():
        program = ProgramFactory.create(
            casino=CasinoFactory.create(code=code),
            name=code,
            rules__tiers=WITHOUT_MULTIPLIERS if plain else DEFAULT_TIERS,
            rules__points_per_unit=_POINTS_PER_UNIT[plain],
        )
        CompTypeFactory.create(program=program)
        pit = PitFactory.create(casino=program.casino, name="Faults")
        for right in ("operate_pit", "recover_loyalty", "correct_slip"):
            assign_perm(f"ratingslips.{right}", managers, pit)
        for right in ("award", "redeem", "adjust", "reverse", "pause_program"):
            assign_perm(f"loyalty.{right}", managers, program)
        _furnish(program.casino, pit, players=players)
    for player in range(players):
        casino = Casino.objects.get(code=HOUSES[is_plain(player)])
        PlayerFactory.create(casino=casino, card_number=f"{player}", first_name="Player", last_name=f"{player}")


def _givers(players: int) -> int:
    return min(MAX_GIVERS, GIVERS_PER_PLAYER * players)


def _giver(number: int) -> str:
    return f"faults-staff-{number}"


def _furnish(casino: Casino, pit: Pit, *, players: int) -> None:
    game = GameFactory.create(
        casino=casino, values=[(EARLIEST_EVENT_AT, _DECISIONS_PER_HOUR, _HOUSE_EDGE_PERCENT)], seats=SEATS
    )
    for number in range(players // SEATS + 1):
        for place in ("here", "there"):
            TableFactory.create(casino=casino, pit=pit, game=game, name=f"{place}-{number}", seats=SEATS)


@dataclass(kw_only=True)
class World:
    """Where everything is: ids, looked up when they are first asked for and remembered."""

    players: int
    _ids: dict[tuple[str, ...], int] = field(default_factory=dict)

    def casino_id(self, *, plain: bool) -> int:
        """The house."""
        return self._remember(("casino", HOUSES[plain]), lambda: Casino.objects.get(code=HOUSES[plain]).pk)

    def player_id(self, player: int) -> int:
        """A player of a plan."""
        casino = self.casino_id(plain=is_plain(player))
        return self._remember(
            ("player", str(player)), lambda: Player.objects.get(casino=casino, card_number=str(player)).pk
        )

    def place_of(self, player: int, *, moved: bool) -> tuple[int, int]:
        """The table and the seat that are this player's alone."""
        casino, name = self.casino_id(plain=is_plain(player)), f"{'there' if moved else 'here'}-{player // SEATS}"
        table = self._remember(
            ("table", str(casino), name), lambda: GamingTable.objects.get(casino=casino, name=name).pk
        )
        return table, player % SEATS + 1

    def slip_id(self, target: str, *, player: int) -> UUID:
        """The slip that a plan calls `target`: see `Step`.

        :raises NothingToDo: there is none.
        """
        origin, mark = target.rstrip("+~"), target[-1]
        column = {"+": "continues__slip_number", "~": "reassigned_from__slip_number"}.get(mark, "slip_number")
        slips = RatingSlip.objects.filter(casino=self.casino_id(plain=is_plain(player)), **{column: origin})
        slip = slips.values_list("pk", flat=True).first()
        if slip is None:
            raise NothingToDo
        return slip

    def giver(self, step: int) -> User:
        """Who makes the award of a step."""
        return self._staff(_giver(step % _givers(self.players)))

    def _staff(self, username: str) -> User:
        return User(pk=self._remember(("staff", username), lambda: User.objects.get(username=username).pk))

    def manager(self) -> User:
        """A member of staff who may do everything that a step asks for."""
        return self._staff(MANAGER)

    def program(self, *, plain: bool) -> LoyaltyProgram:
        """The programme of a house."""
        return LoyaltyProgram(pk=self._remember(("program", HOUSES[plain]), lambda: self._program(plain)))

    def _program(self, plain: bool) -> int:
        return LoyaltyProgram.objects.get(casino=self.casino_id(plain=plain)).pk

    def _remember(self, key: tuple[str, ...], look: Callable[[], int]) -> int:
        if key not in self._ids:
            self._ids[key] = look()
        return self._ids[key]
