"""Two busy casinos with a row of everything, and the people who ask: one for each column of the matrix."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Self

from django.contrib.auth.models import Group
from django.db.models import Model, QuerySet
from guardian.models import UserObjectPermission
from guardian.shortcuts import assign_perm

from core.cards.models import Namesake, StaffCard
from core.factors.models import SecondFactor
from core.models import Casino, Change, Player, ReasonCode, ReplayCount, User
from core.roles import AUDITOR, LOYALTY_SUPERVISOR, OPERATOR, PIT_BOSS, PIT_SUPERVISOR
from core.sessions import SessionStore
from core.sign_in_log import SignInEvent
from loyalty.models import CompType, EarningRate, LedgerEntry, LedgerExport, LoyaltyProgram, PlayerLoyalty, Tier
from loyalty.services import manual_reward
from ratingslips.models import GameSettings, GamingTable, Pit, PlaySegment, RatingSlip
from ratingslips.services import complete_rating_slip, pause_rating_slip
from tests.config.matrix.table import OTHER
from tests.console import signed_in
from tests.constraints import inserted
from tests.factories import DEFAULT_TIERS, CompTypeFactory, PitFactory, ProgramFactory, StaffFactory, TableFactory
from tests.floor import Floor, declared
from tests.guesses import lock
from tests.loyalty.postings import redeem
from tests.loyalty.rows import checkpoint_row, export_row, rebuild_row, verification_row

PASSWORD: Final = "the tide comes in at six"
# A part of every name in the other casino; only pages of that casino may show it.
ELSEWHERE: Final = "Elsewhere"
OWN: Final = "own"
# A role that `core.roles` makes.
BUILT_IN: Final = "builtin"
GROUP: Final = "Weekend crew"


@dataclass(kw_only=True)
class Rows:
    """A casino at work, with a row of every model that has pages, and a slip in every state."""

    floor: Floor
    open: RatingSlip
    paused: RatingSlip
    owed: RatingSlip
    withheld: RatingSlip
    closed: RatingSlip
    newcomer: Player
    of_model: dict[str, Model]
    factor: SecondFactor

    @classmethod
    def build(cls, *, mark: str = "") -> Self:
        """Put a casino to work; `mark` is a part of all its names."""
        tiers = tuple((f"{name}{mark}", threshold, multiplier) for name, threshold, multiplier in DEFAULT_TIERS)
        floor = Floor.build(ProgramFactory.create(rules__tiers=tiers, casino__reason_codes=True))
        _mark(floor, mark)
        names = {"first_name": f"Ana{mark}", "last_name": f"Sokolova{mark}"}
        closed = floor.played_slip(seat=4, player=floor.player(**names))
        for _ in range(2):  # the second is a replay, which is counted
            complete_rating_slip(slip=closed, actor=floor.boss, at=floor.now)
        owed = floor.owed_slip(floor.open_slip(seat=3, player=floor.player(**names)))
        withheld = floor.played_slip(seat=5, player=floor.player(**names))
        Player.objects.filter(pk=withheld.player_id).update(status="BARRED")
        complete_rating_slip(slip=withheld, actor=floor.boss, at=floor.now)
        Player.objects.filter(pk=withheld.player_id).update(status="ACTIVE")
        paused = floor.open_slip(seat=2, player=floor.player(**names), buy_in=Decimal(500))
        pause_rating_slip(slip=paused, actor=floor.boss, at=floor.now)
        play = floor.open_slip(seat=1, player=floor.player(**names))
        redeem(floor, closed.player)
        manual_reward(player=closed.player, points=50, reason="For the wait", actor=floor.supervisor, at=floor.now)
        export_row(floor).save()
        colleague = StaffFactory.create(casino=floor.casino, username=f"colleague{mark}", **names)
        rows = cls(
            floor=floor,
            open=play,
            paused=paused,
            owed=owed,
            withheld=withheld,
            closed=closed,
            newcomer=floor.player(first_name=f"Nora{mark}", last_name=f"Berg{mark}"),
            of_model={},
            factor=SecondFactor.objects.create(user=colleague, kind="APP", name=f"Phone{mark}", secret=b"sealed"),
        )
        rows.of_model = rows._of_models()
        return rows

    def _of_models(self) -> dict[str, Model]:
        casino = self.floor.casino
        lock(self.floor.boss)
        rows: list[Model | None] = [
            casino,
            self.closed.player,
            ReasonCode.objects.filter(casino=casino).first(),
            self.factor.user,
            declared(self.floor.boss, self.paused.player),
            ReplayCount.objects.filter(casino=casino).first(),
            Change.objects.filter(casino=casino).last(),
            PlayerLoyalty.objects.get(player=self.closed.player),
            LedgerEntry.objects.filter(casino=casino, kind=LedgerEntry.Kind.REDEMPTION).first(),
            LedgerExport.objects.filter(casino=casino).first(),
            self.floor.program,
            EarningRate.objects.filter(program=self.floor.program).first(),
            Tier.objects.filter(program=self.floor.program).first(),
            CompType.objects.filter(program=self.floor.program).first(),
            self.floor.pit,
            self.floor.table.game,
            self.floor.table,
            self.open,
            inserted(rebuild_row(self.floor)),
            SignInEvent.objects.filter(staff=self.floor.boss).first(),
        ]
        return {row._meta.label_lower: row for row in rows if row is not None}


def _mark(floor: Floor, mark: str) -> None:
    for row in (floor.casino, floor.program, floor.pit, floor.table, floor.table.game):
        row.name += mark
        row.save()
    CompTypeFactory.create(program=floor.program, label=f"Dinner{mark}")
    for user in (floor.boss, floor.supervisor):
        user.username += mark
        user.save()


@dataclass(kw_only=True)
class TwoCasinos:
    """Both casinos, what belongs to neither, and who asks: a member of staff and a session for each column."""

    own: Rows
    other: Rows
    shared: dict[str, Model]
    staff: dict[str, User]
    sessions: dict[str, str]

    @classmethod
    def build(cls) -> Self:
        own, other = Rows.build(), Rows.build(mark=ELSEWHERE)
        shared: list[Model] = [
            Group.objects.create(name=GROUP),
            inserted(verification_row(own.floor)),
            inserted(checkpoint_row(own.floor, number=1)),
        ]
        staff = _staff(own, other)
        for user in staff.values():
            user.set_password(PASSWORD)
            user.save()
        return cls(
            own=own,
            other=other,
            shared={row._meta.label_lower: row for row in shared},
            staff=staff,
            sessions={column: _session_of(user) for column, user in staff.items()},
        )

    def rows(self, whose: str) -> Rows:
        """The casino that a question is about."""
        return self.other if whose == OTHER else self.own

    def elsewhere(self) -> list[Any]:
        """The other casino's rows, as they are now, with the rights that its staff and its rows have."""
        casino = self.other.floor.casino
        rows: list[QuerySet[Any, Any]] = [
            RatingSlip.objects.filter(casino=casino).order_by("pk").values(),
            PlaySegment.objects.filter(slip__casino=casino).order_by("pk").values(),
            PlayerLoyalty.objects.filter(program__casino=casino).order_by("pk").values(),
            *(
                model._default_manager.filter(casino=casino).order_by("pk").values()
                for model in (Player, User, ReasonCode, LoyaltyProgram, Pit, GameSettings, GamingTable)
            ),
            UserObjectPermission.objects.filter(user__casino=casino).order_by("pk").values(),
            StaffCard.objects.filter(player__casino=casino).order_by("pk").values(),
            Namesake.objects.filter(player__casino=casino).order_by("pk").values(),
        ]
        return [list(some) for some in rows]

    def row(self, label: str, whose: str) -> Model:
        """The row of a model that a question is about."""
        if whose == BUILT_IN:
            return Group.objects.get(name=AUDITOR)
        return self.shared.get(label) or self.rows(whose).of_model[label]


def _session_of(user: User) -> str:
    """The key of a session in which the user is signed in, with a password that was given after it was made."""
    client: Any = signed_in(user)
    session: SessionStore = client.session
    assert session.session_key
    return session.session_key


def _staff(own: Rows, other: Rows) -> dict[str, User]:
    """One for each column but the first. A right on a row of the other casino is granted as well: it never counts."""
    casino: Casino = own.floor.casino
    next_pit = PitFactory.create(casino=casino, name="The next pit")
    TableFactory.create(casino=casino, pit=next_pit)
    staff = {
        column: StaffFactory.create(username=f"column-{column.strip('@')}-{'@' in column}", casino=casino)
        for column in ("staff", "boss", "boss-", "pits", "pits-", "loyal", "loyal-", "audit", "grant", "oper@")
    }
    staff["oper"] = StaffFactory.create(username="column-oper", casino=None)
    staff["root"] = StaffFactory.create(username="column-root", casino=None, is_superuser=True)
    roles = {
        PIT_BOSS: ("boss", "boss-", "grant"),
        PIT_SUPERVISOR: ("pits", "pits-"),
        LOYALTY_SUPERVISOR: ("loyal", "loyal-"),
        AUDITOR: ("audit",),
        OPERATOR: ("oper@", "oper"),
    }
    for role, columns in roles.items():
        for column in columns:
            staff[column].groups.add(Group.objects.get(name=role))
    granted: dict[str, tuple[str, ...]] = {
        "boss": ("ratingslips.operate_pit",),
        "pits": ("ratingslips.operate_pit", "ratingslips.correct_slip", "ratingslips.recover_loyalty"),
        "grant": ("ratingslips.change_pit", "loyalty.change_loyaltyprogram"),
        "loyal": ("loyalty.award", "loyalty.redeem", "loyalty.reverse", "loyalty.adjust", "loyalty.pause_program"),
    }
    for column, permissions in granted.items():
        for permission in permissions:
            for rows in (own, other):
                on: Any = rows.floor.pit if permission.startswith("ratingslips") else rows.floor.program
                assign_perm(permission, staff[column], on)
            if permission.startswith("ratingslips") and f"{column}-" in staff:
                assign_perm(permission, staff[f"{column}-"], next_pit)
    return staff
