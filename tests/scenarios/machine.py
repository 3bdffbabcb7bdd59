"""A floor at work beside a model of it: how a service is called, and what must hold after each call."""

from collections import Counter
from collections.abc import Callable, Set
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final
from uuid import uuid4

from django.contrib.auth.models import Group, Permission
from django.db import connection, transaction
from django.db.models import Prefetch
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition

from core.errors import DomainError
from core.models import User
from core.roles import OPERATOR
from loyalty.models import LedgerEntry, PlayerLoyalty
from ratingslips.imports.events import RatingEvent
from ratingslips.models import MoneyRow, PlaySegment, RatingSlip
from ratingslips.services import ChosenTime, PartialCompletion, play_of
from tests.factories import CompTypeFactory, GameFactory, PitFactory, StaffFactory, TableFactory
from tests.floor import Floor, give_rights
from tests.invariants import broken_invariants
from tests.scenarios.model import ModelEntry, ModelMoney, ModelPlayer, ModelSlip, differences, has_length, overlap

GAMES: Final = [(Decimal(70), Decimal("0.75")), (Decimal(33), Decimal("1.26"))]
REASON: Final = "The pit boss told us so"
TAKEN: Final = {"SEAT_TAKEN", "PLAYER_STILL_PLAYED", "PLAYER_HAS_LIVE_SLIP", "PLAY_HAS_NO_END"}

picks = st.integers(0, 30)
minutes = st.integers(0, 25)
ago = st.sampled_from([0, 0, 0, 3, 20, 90])
seats = st.integers(1, 2)
bets = st.sampled_from([Decimal("25.00"), Decimal("300.00"), Decimal("1234.56"), Decimal("5000.00")])
means = st.sampled_from([each for each in MoneyRow.Means if each != MoneyRow.Means.NOT_RECORDED])
amounts = st.sampled_from([Decimal("0.01"), Decimal(500), Decimal(3000)])

with_slips = precondition(lambda self: bool(self.slips))


class Machine(RuleBasedStateMachine):
    """Three players, two pits, two tables and two seats, in a savepoint of its own; the rules are in other modules."""

    def __init__(self) -> None:
        super().__init__()
        self.savepoint = transaction.savepoint()
        floor = Floor.build()
        self.operator: User = StaffFactory.create(casino=floor.casino)
        self.operator.groups.add(Group.objects.get(name=OPERATOR))
        games = [
            GameFactory.create(casino=floor.casino, values=[(timezone.now() - timedelta(days=900), *map(str, game))])
            for game in GAMES
        ]
        tables = [TableFactory.create(casino=floor.casino, pit=floor.pit, game=game) for game in games]
        self.games = {table.pk: game for table, game in zip(tables, GAMES, strict=True)}
        self.game_rows = dict(zip(GAMES, games, strict=True))
        self.floor, self.tables = floor, [table.pk for table in tables]
        self.pits = [floor.pit, PitFactory.create(casino=floor.casino)]
        give_rights(
            (floor.boss, self.pits[1], ["operate_pit"]),
            (floor.supervisor, self.pits[1], ["operate_pit", "recover_loyalty", "correct_slip"]),
        )
        rights = ["add_earningrate", "change_gamesettings", "view_loyaltyprogram"]
        floor.supervisor.user_permissions.add(*Permission.objects.filter(codename__in=rights))
        self.comp = CompTypeFactory.create(program=floor.program)
        self.players = {floor.player().pk: ModelPlayer() for _ in range(3)}
        self.slips: list[ModelSlip] = []
        self.entries: dict[int, ModelEntry] = {}
        self.calls: list[Callable[[], Any]] = []
        self.lines: list[RatingEvent] = []
        self.rewards: dict[str, tuple[int, int]] = {}
        self.now, self.is_paused = timezone.now().replace(second=0, microsecond=0) - timedelta(days=30), False

    def teardown(self) -> None:
        transaction.savepoint_rollback(self.savepoint)

    # What the rules choose from.

    def pass_time(self, minutes: int) -> datetime:
        self.now += timedelta(minutes=minutes)
        return self.now

    def player(self, pick: int) -> int:
        return [*self.players][pick % len(self.players)]

    def table(self, pick: int) -> int:
        return self.tables[pick % len(self.tables)]

    def slip(self, pick: int) -> ModelSlip:
        """A slip; every other pick is one of the newest two."""
        newest = self.slips[-2:] if pick % 2 else self.slips
        return newest[pick // 2 % len(newest)]

    def actor(self, *, is_boss: bool) -> User:
        return self.floor.boss if is_boss else self.floor.supervisor

    def chosen(self, at: datetime) -> dict[str, Any]:
        """The time of an act, as a person chose it if it was not now; they may go back an hour."""
        earliest = self.now - timedelta(hours=1)
        is_chosen = at != self.now
        return {"at": at, "chosen_time": ChosenTime(text=at.isoformat(), earliest=earliest) if is_chosen else None}

    def too_early(self, at: datetime, slip: ModelSlip | None = None) -> set[str]:
        codes = {"TOO_LONG_AGO"} if self.now - at > timedelta(hours=1) else set()
        return codes | ({"INVALID_TIME"} if slip and slip.is_live and at < slip.last_event else set())

    # How a service is called.

    def attempt(
        self, service: Callable[..., Any], refusals: Set[str], maybe: Set[str] = frozenset(), **arguments: Any
    ) -> Any:
        """Call a service, as the supervisor unless another actor is given.

        None: it refused, for one of `refusals`, where it must, or of `maybe`, where it may.
        """
        call = partial(service, **{"actor": self.floor.supervisor} | arguments)
        result, refusal = None, ""
        try:
            result = call()
        except DomainError as error:
            refusal = error.code
        assert refusal in (refusals or maybe | {""}), f"{service.__name__}: {refusal or 'not refused'}, not {refusals}"
        if refusal and refusal != PartialCompletion.code:
            return None
        self.calls.append(call)
        return result or True

    def act(
        self,
        service: Callable[..., Any],
        slip: ModelSlip,
        refusals: Set[str],
        maybe: Set[str] = frozenset(),
        **arguments: Any,
    ) -> Any:
        """The same for an operation on a slip, by a form with an id."""
        if slip.status == "VOID":
            refusals = refusals | {"SLIP_VOID"}
        return self.attempt(service, refusals, maybe, slip=slip.pk, request_id=uuid4(), **arguments)

    def add(self, slip: ModelSlip) -> None:
        assert not overlap(slip, self.slips)
        self.slips.append(slip)

    def take_rows(self, slip: ModelSlip) -> None:
        """Take over the rows that an operation wrote besides."""
        known = [row.pk for row in slip.money]
        rows = MoneyRow.objects.filter(slip=slip.pk, strikes=None).exclude(pk__in=known)
        for row in rows.order_by("pk"):
            slip.money.append(ModelMoney(pk=row.pk, kind=row.kind, amount=row.amount, at=row.happened_at))

    def live(self, slip: ModelSlip, at: datetime) -> set[str]:
        return ({"SLIP_CLOSED"} if slip.status == "CLOSED" else set()) | self.too_early(at, slip)

    def end(self, slip: ModelSlip, at: datetime) -> None:
        if slip.play[-1].ended_at is None:
            slip.play[-1] = replace(slip.play[-1], ended_at=at)

    def posts(self, slip: ModelSlip, player: ModelPlayer) -> set[str]:
        """Why the entry that the slip needs cannot be posted, if it needs one."""
        return {"PROGRAM_PAUSED"} if self.is_paused and slip.due(player) else set()

    # What holds after each rule.

    @invariant()
    def rows_are_those_of_the_model(self) -> None:
        connection.check_constraints()
        broken = broken_invariants()
        assert not broken, broken
        accounts = PlayerLoyalty.objects.filter(player__in=self.players)
        columns = ("player", "balance", "lifetime_points", "tier__name")
        found = {player: account for player, *account in accounts.values_list(*columns)}
        expected = {key: [each.balance, each.lifetime, each.tier] for key, each in self.players.items()}
        assert found == expected, differences(expected, found)
        posted: Counter[int] = Counter()
        entries = LedgerEntry.objects.filter(account__player__in=self.players)
        for pk, adjusts, points in entries.values_list("pk", "adjusts", "points"):
            posted[adjusts or pk] += points
        current = Prefetch("segments", PlaySegment.objects.current().order_by("seq"))
        slips = RatingSlip.objects.filter(casino=self.floor.casino).prefetch_related(current)
        rows = {slip.pk: slip for slip in slips.with_money()}
        assert rows.keys() == {slip.pk for slip in self.slips}
        for slip in self.slips:
            row = rows[slip.pk]
            wrong = differences(*self.compared(slip, row, posted=posted[row.ledger_entry_id or 0]))
            assert not wrong, f"{row.slip_number} (as expected, as found): {wrong}"

    def compared(self, slip: ModelSlip, row: RatingSlip, *, posted: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """What the model and the rows say of a slip; its entries add up to `posted`."""
        last = slip.play[-1]
        expected = {
            "status": slip.status,
            "closed at": slip.closed_at,
            "place": last.place,
            "opened at": slip.play[0].started_at,
            "play": [] if slip.status == "VOID" else slip.shown_play,
            "theo": None if slip.is_live else slip.theo,
            "is owed": slip.status == "CLOSED" and slip.points_are == "OWED",
            "is withheld": slip.status == "CLOSED" and slip.points_are == "WITHHELD" and slip.theo > 0,
            "posted": slip.posted,
            "uncollected": slip.uncollected,
            "corrections": slip.corrections,
            "money": {kind: slip.money_of(kind) for kind in ("BUY_IN", "CHIPS_OUT")},
        }
        found = {
            "status": row.status,
            "closed at": row.closed_at,
            "place": (row.table_id, row.seat),
            "opened at": row.opened_at,
            "play": has_length(play_of(row.segments.all())),
            "theo": row.theoretical_win,
            "is owed": row.is_owed,
            "is withheld": row.is_withheld,
            "posted": posted,
            "uncollected": row.uncollected_points,
            "corrections": row.correction_count,
            "money": {"BUY_IN": row.buy_in or 0, "CHIPS_OUT": row.chips_out or 0},
        }
        return expected, found
