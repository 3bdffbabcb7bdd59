"""The map of a pit: its tables, the players at their seats, and what is overdue."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Case, Count, DateTimeField, OuterRef, QuerySet, Subquery, When
from django.db.models.functions import Coalesce
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from core.console import display
from core.console.scope import sees_casino
from core.kept_queries import KeptQuery
from core.models import Casino, Player, User
from ratingslips.admin.floor.layout import Cell, cells_around, felt_rows
from ratingslips.cash import CashLevel, cash_of_player, level_of
from ratingslips.models import GamingTable, Pit, PlaySegment, RatingSlip

OPEN_LONG: Final = timedelta(hours=4)
OPEN_VERY_LONG: Final = timedelta(hours=8)
PAUSED_LONG: Final = timedelta(minutes=30)
# In the memory of each worker, with about 1 kB each.
TILES_KEPT: Final = 4_096


@dataclass(frozen=True, kw_only=True, slots=True)
class SeatedSlip:
    """A live slip as its seat shows it; `warning` says why it is overdue, and is empty if it is not."""

    slip_id: UUID
    slip_number: str
    short_name: str
    full_name: str
    average_bet: Decimal
    played: timedelta
    """In whole minutes, as it is shown."""
    is_paused: bool
    warning: str
    buy_in: Decimal | None
    cash: Decimal
    """What the player bought in with by cash on the running gaming day, on all slips."""
    cash_level: CashLevel
    barred: str
    """The player's status where it is not active, which keeps the slip from earning points; else empty."""

    @classmethod
    def of(cls, slip: Any, *, now: datetime, casino: Casino) -> "SeatedSlip":
        """Read a slip that was fetched by `live_slips`, with its money and the `cash` of its player."""
        is_paused = slip.status == RatingSlip.Status.PAUSED
        paused_for = now - slip.paused_since if is_paused and slip.paused_since else None
        return cls(
            slip_id=slip.pk,
            slip_number=slip.slip_number,
            short_name=slip.player.short_name,
            full_name=str(slip.player),
            average_bet=slip.average_bet,
            played=slip.played - slip.played % timedelta(minutes=1),
            is_paused=is_paused,
            warning=warning_for(open_for=now - slip.opened_at, paused_for=paused_for),
            buy_in=slip.buy_in,
            cash=slip.cash,
            cash_level=level_of(slip.cash, casino),
            barred="" if slip.player.status == Player.Status.ACTIVE else slip.player.get_status_display(),
        )

    @property
    def state(self) -> str:
        """The state in a word or two, which is what a seat has room for."""
        if self.barred:
            return f"{self.barred}, paused" if self.is_paused else self.barred
        if self.is_paused and self.warning and not self.warning.startswith("Paused"):
            return f"Paused, {self.warning.lower()}"
        return self.warning or ("Paused" if self.is_paused else "Open")

    @property
    def is_overdue(self) -> bool:
        """Whether it has a warning."""
        return bool(self.warning)


def warning_for(*, open_for: timedelta, paused_for: timedelta | None) -> str:
    """Why a slip is overdue, only the most serious reason; empty if it is not overdue."""
    if open_for > OPEN_VERY_LONG:
        return "Over 8 h"
    if paused_for is not None and paused_for > PAUSED_LONG:
        return f"Paused {display.hours_and_minutes(paused_for)}"
    return "Over 4 h" if open_for > OPEN_LONG else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seat:
    """A seat of a table: its cell on the card, and the live slip there, if any.

    `just_closed` is the last slip on a free seat, if it can be continued with one tap.
    """

    number: int
    cell: Cell
    seated_slip: SeatedSlip | None
    just_closed: RatingSlip | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TableCard:
    """A table with its seats around it; with `may_act`, a free seat leads to the page that opens a slip."""

    table: GamingTable
    seats: Sequence[Seat]
    felt_rows: int
    may_act: bool

    @property
    def taken(self) -> int:
        """The number of taken seats."""
        return sum(1 for seat in self.seats if seat.seated_slip)

    @property
    def tiles(self) -> list[SafeString]:
        """The HTML of the seats."""
        return [_html_of(self._tile(seat)) for seat in self.seats]

    def _tile(self, seat: Seat) -> "_Tile":
        left = seat.just_closed
        return _Tile(
            table_id=self.table.pk,
            table_name=self.table.name,
            number=seat.number,
            cell=seat.cell,
            seated_slip=seat.seated_slip,
            offers_opening=self.may_act and self.table.is_active and seat.number <= self.table.seats,
            just_closed_id=left.pk if left else None,
            just_closed_name=left.player.short_name if left else "",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tile:
    """All that the map shows of a seat."""

    table_id: int
    table_name: str
    number: int
    cell: Cell
    seated_slip: SeatedSlip | None
    offers_opening: bool
    just_closed_id: UUID | None
    just_closed_name: str


@lru_cache(maxsize=TILES_KEPT)
def _html_of(tile: _Tile) -> SafeString:
    """Rendered once for what it shows: at the next refresh most seats look the same."""
    return SafeString(render_to_string("ratingslips/floor/tile.html", {"tile": tile}))


@dataclass(frozen=True, kw_only=True, slots=True)
class SeatMap:
    """A pit at an instant. `owed` counts its closed slips whose points are owed, of all gaming days."""

    cards: Sequence[TableCard]
    owed: int

    @property
    def seated_slips(self) -> list[SeatedSlip]:
        """All taken seats."""
        return [seat.seated_slip for card in self.cards for seat in card.seats if seat.seated_slip]

    @property
    def just_closed(self) -> list[RatingSlip]:
        """The slips that can be continued on their seats."""
        return [seat.just_closed for card in self.cards for seat in card.seats if seat.just_closed]

    @property
    def live(self) -> int:
        return len(self.seated_slips)

    @property
    def paused(self) -> int:
        return sum(1 for seated_slip in self.seated_slips if seated_slip.is_paused)

    @property
    def at_cash_threshold(self) -> int:
        """The number of seats whose player has reached a threshold of cash."""
        return sum(1 for seated_slip in self.seated_slips if seated_slip.cash_level)

    @property
    def overdue(self) -> int:
        return sum(1 for seated_slip in self.seated_slips if seated_slip.is_overdue)


def live_slips(*, now: datetime) -> "QuerySet[RatingSlip]":
    """Live slips `with_play` and with their player; `paused_since` is annotated and None for a running slip."""
    of_slip = PlaySegment.objects.filter(slip=OuterRef("slip"), started_as__in=["OPENED", "RESUMED"])
    latest_start = of_slip.order_by("-seq").values("seq")[:1]
    paused = PlaySegment.objects.filter(slip=OuterRef("pk"), ended_as="PAUSED", seq__gte=Subquery(latest_start))
    since = Subquery(paused.order_by("seq").values("ended_at")[:1], output_field=DateTimeField())
    paused_since = Case(When(status=RatingSlip.Status.PAUSED, then=since))
    slips = RatingSlip.objects.live().with_play(now=now).annotate(paused_since=paused_since)
    return slips.select_related("player").order_by()


def _query_seated_slips(pit_id: int, day: date, now: datetime) -> "QuerySet[RatingSlip]":
    live: Any = live_slips(now=now).filter(pit=pit_id)
    seated: QuerySet[RatingSlip] = live.with_money().annotate(cash=cash_of_player(day=day))
    return seated


_seated_slips = KeptQuery(_query_seated_slips)
_tables = KeptQuery(lambda pit_id: GamingTable.objects.filter(pit=pit_id).select_related("game").order_by("name"))
_pit_with_owed = KeptQuery(
    lambda pit_id: Pit.objects.filter(pk=pit_id).annotate(owed=_number(RatingSlip.objects.owed()))
)


def _number(slips: "QuerySet[RatingSlip]") -> Coalesce:
    """How many of `slips` a pit has, as an annotation of pits."""
    of_pit = slips.filter(pit=OuterRef("pk")).order_by().values("pit")
    return Coalesce(Subquery(of_pit.annotate(number=Count("*")).values("number")), 0)


def read_seat_map(pit: Pit, *, now: datetime, may_act: bool, just_closed: Sequence[RatingSlip] = ()) -> SeatMap:
    """The pit's tables in use with their live slips; points are owed on slips that closed in the pit.

    `just_closed` are slips that may be continued, the newest first; each free seat has its newest.
    """
    (counted,) = _pit_with_owed(pit.pk)
    seated: dict[int, dict[int, SeatedSlip]] = defaultdict(dict)
    for slip in _seated_slips(pit.pk, pit.casino.gaming_day_at(now), now):
        seated[slip.table_id][slip.seat] = SeatedSlip.of(slip, now=now, casino=pit.casino)
    left: dict[int, dict[int, RatingSlip]] = defaultdict(dict)
    for slip in just_closed:
        left[slip.table_id].setdefault(slip.seat, slip)
    tables = _tables(pit.pk)
    cards = [
        _card(table, seated[table.pk], left[table.pk] if table.is_active else {}, may_act=may_act)
        for table in tables
        if table.is_active or seated[table.pk]
    ]
    return SeatMap(cards=cards, owed=counted.owed)  # type: ignore[attr-defined]


def _card(
    table: GamingTable, seated_slips: dict[int, SeatedSlip], left: dict[int, RatingSlip], *, may_act: bool
) -> TableCard:
    # If a table got fewer seats, the removed ones are shown while they are taken.
    seats = max(table.seats, *seated_slips, 1)
    return TableCard(
        table=table,
        seats=[
            Seat(
                number=number,
                cell=cell,
                seated_slip=seated_slips.get(number),
                just_closed=left.get(number) if number <= table.seats and number not in seated_slips else None,
            )
            for number, cell in enumerate(cells_around(seats), start=1)
        ],
        felt_rows=felt_rows(seats),
        may_act=may_act,
    )


def _query_tables_in_use(pit_id: int) -> "QuerySet[GamingTable]":
    live = RatingSlip.objects.live().filter(table=OuterRef("pk")).order_by().values("table")
    taken = Subquery(live.annotate(seats_taken=ArrayAgg("seat")).values("seats_taken"))
    tables = GamingTable.objects.filter(pit=pit_id, is_active=True).select_related("game")
    return tables.annotate(taken=taken).order_by("name")


_tables_in_use = KeptQuery(_query_tables_in_use)


def free_seats_in(pit: Pit) -> list[tuple[GamingTable, list[int]]]:
    """The tables of a pit that are in use, each with its free seats, without those that have none."""
    tables: list[Any] = _tables_in_use(pit.pk)
    free = [
        (table, [seat for seat in range(1, table.seats + 1) if seat not in (table.taken or ())]) for table in tables
    ]
    return [(table, seats) for table, seats in free if seats]


def with_live_count(pits: "QuerySet[Pit]") -> "QuerySet[Pit]":
    """The `pits` with `live`, the number of a pit's live slips."""
    return pits.annotate(live=_number(RatingSlip.objects.live()))  # type: ignore[no-redef]


_pits_beside = KeptQuery(
    lambda pit_id: (
        with_live_count(Pit.objects.filter(casino__pits=pit_id))
        .select_related("casino__loyalty_program")
        .order_by("name")
    )
)


def pits_beside(pit_id: int, *, staff: User) -> list[Pit]:
    """The pits of the casino of this pit; none if `staff` may not see that casino."""
    return [pit for pit in _pits_beside(pit_id) if sees_casino(staff, pit.casino_id)]
