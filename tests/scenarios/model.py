"""Players, slips and points as a pure model without a database: what the services must make of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby, pairwise
from typing import Any, Final
from uuid import UUID

from ratingslips.models import PlaySegment
from ratingslips.services import CorrectedPlay
from ratingslips.services.corrected_play import joined
from tests.factories import DEFAULT_TIERS

LIVE: Final = ("OPEN", "PAUSED")
POINTS_PER_UNIT: Final = 10
TIERS: Final = [(name, threshold, Decimal(multiplier)) for name, threshold, multiplier in DEFAULT_TIERS]

# A table's decisions per hour and house edge in percent.
Game = tuple[Decimal, Decimal]
Span = tuple[datetime, datetime | None]


def rounded(number: Decimal, to: str = "1") -> Decimal:
    return number.quantize(Decimal(to), rounding=ROUND_HALF_UP)


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch(CorrectedPlay):
    """A stretch of play with the game by whose values it is rated."""

    game: Game

    @property
    def bare(self) -> CorrectedPlay:
        """The same without the game."""
        return CorrectedPlay(
            table=self.table,
            seat=self.seat,
            average_bet=self.average_bet,
            started_at=self.started_at,
            ended_at=self.ended_at,
        )


@dataclass(kw_only=True)
class ModelPlayer:
    """An account: what is there, what was earned."""

    balance: int = 0
    lifetime: int = 0
    is_active: bool = True

    @property
    def tier(self) -> str:
        return [name for name, threshold, _ in TIERS if threshold <= self.lifetime][-1]

    @property
    def multiplier(self) -> Decimal:
        return [multiplier for _, threshold, multiplier in TIERS if threshold <= self.lifetime][-1]

    def post(self, points: int, *, is_earned: bool) -> None:
        self.balance += points
        self.lifetime += points if is_earned else 0


@dataclass(kw_only=True)
class ModelEntry:
    """An entry that somebody made by hand, or whose reversal is refused."""

    player: int
    points: int
    is_earned: bool
    is_reversible: bool = True
    is_redemption: bool = False
    prints: int = 0
    reversed_because: str = ""


@dataclass(kw_only=True)
class ModelMoney:
    """A buy-in or chips out; `pk` is that of its row."""

    pk: int
    kind: str
    amount: Decimal
    at: datetime
    is_struck: bool = False


@dataclass(kw_only=True)
class ModelSlip:
    """A slip: its current play and money, and its points; `multiplier` is that of its entry, if it has one."""

    pk: UUID
    player: int
    play: list[Stretch]
    status: str = "OPEN"
    closed_at: datetime | None = None
    points_are: str = ""
    multiplier: Decimal | None = None
    posted: int = 0
    uncollected: int = 0
    corrections: int = 0
    money: list[ModelMoney] = field(default_factory=list)
    is_touched: bool = False
    is_closed_by_hand: bool = False
    was_paused: bool = False
    is_of_boss: bool = False
    openings: list[datetime] = field(default_factory=list)
    is_released: bool = False
    continued_by: UUID | None = None

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    @property
    def shown_play(self) -> list[CorrectedPlay]:
        """Its play as a correction would show it, without what had no length."""
        return has_length(joined([stretch.bare for stretch in self.play]))

    @property
    def last_event(self) -> datetime:
        return self.closed_at or self.play[-1].ended_at or self.play[-1].started_at

    @property
    def theo(self) -> Decimal:
        shares = Decimal(0)
        for stretch in self.play if self.status == "CLOSED" else ():
            assert stretch.ended_at is not None
            seconds = Decimal((stretch.ended_at - stretch.started_at).total_seconds())
            decisions, edge = stretch.game
            shares += stretch.average_bet * edge * decisions * seconds
        return rounded(shares / (100 * 3600), "0.01")

    def is_new_of_boss(self, at: datetime) -> bool:
        """Whether it is live, and the boss opened it at most ten minutes ago, also by what was entered first."""
        begins = min([*self.openings, self.play[0].started_at])
        return self.is_of_boss and self.is_live and at - begins <= timedelta(minutes=10)

    def points(self, multiplier: Decimal) -> int:
        return int(rounded(self.theo * POINTS_PER_UNIT * multiplier))

    @property
    def visit(self) -> Span:
        return self.play[0].started_at, self.closed_at

    def seats(self) -> Iterable[tuple[tuple[int, int], Span]]:
        """The seats that the slip holds one after another, pauses included."""
        groups = [(place, next(group).started_at) for place, group in groupby(self.play, key=lambda each: each.place)]
        ends = [*(since for _, since in groups[1:]), self.closed_at]
        return [(place, (since, until)) for (place, since), until in zip(groups, ends, strict=True)]

    def due(self, player: ModelPlayer) -> int:
        """The points that its entries lack or have too many, as far as the balance covers them."""
        if self.points_are != "SETTLED":
            return 0
        wanted = self.points(self.multiplier or player.multiplier) - self.posted
        return max(wanted, -player.balance)

    def collect(self, player: ModelPlayer) -> None:
        """Post what is due; the rest is uncollected."""
        points = self.due(player)
        if points and self.multiplier is None:
            self.multiplier = player.multiplier
        player.post(points, is_earned=True)
        self.posted += points
        if self.multiplier is not None:
            self.uncollected = self.posted - self.points(self.multiplier)

    def settle(self, player: ModelPlayer, *, is_paused: bool) -> None:
        """What becomes of the points of a slip that is closed now."""
        if not player.is_active:
            self.points_are = "WITHHELD"
        elif is_paused and self.points(player.multiplier):
            self.points_are = "OWED"
        else:
            self.points_are = "SETTLED"
            self.collect(player)

    def money_of(self, kind: str) -> Decimal:
        """The sum of the rows of a kind that are not struck; a void slip has none."""
        rows = self.money if self.status != "VOID" else ()
        return sum((row.amount for row in rows if row.kind == kind and not row.is_struck), Decimal(0))


def rated(play: Iterable[CorrectedPlay], *, recorded: Sequence[PlaySegment], games: dict[int, Game]) -> list[Stretch]:
    """Corrected play with its games; `recorded` are the segments of all lists of the slip, in order.

    It is cut where a segment at its table began, and each piece keeps the game that was recorded for its beginning.
    """
    pieces = []
    for stretch in play:
        here = [segment for segment in recorded if segment.table_id == stretch.table]
        within = [segment for segment in here if _lasts(stretch, segment.started_at)]
        cuts = sorted({stretch.started_at, *(segment.started_at for segment in within)})
        for since, until in pairwise([*cuts, stretch.ended_at]):
            assert since is not None
            first = [each for each in here if each.superseded_by_id == recorded[0].superseded_by_id]
            current = [each for each in here if each.superseded_by_id is None]
            lasted = ([each for each in segments if _lasts(each, since)] for segments in (first, current))
            begun = [each for each in here if each.started_at == since]
            kept = [*next(lasted), *begun, *next(lasted), *within]
            game = (kept[0].decisions_per_hour, kept[0].house_edge_percent) if kept else games[stretch.table]
            place: dict[str, Any] = {"table": stretch.table, "seat": stretch.seat, "average_bet": stretch.average_bet}
            pieces.append(Stretch(**place, started_at=since, ended_at=until, game=game))
    return pieces


def _lasts(play: PlaySegment | CorrectedPlay, at: datetime) -> bool:
    return play.started_at <= at and (play.ended_at is None or at < play.ended_at)


def has_length(play: Sequence[CorrectedPlay]) -> list[CorrectedPlay]:
    return [stretch for stretch in play if stretch.has_length]


def is_in_order(play: Sequence[CorrectedPlay], *, at: datetime) -> bool:
    """Whether the stretches are a list that a slip can have at `at`."""
    if any(not stretch.started_at <= (stretch.ended_at or at) <= at for stretch in play):
        return False
    joined: list[CorrectedPlay] = []
    for stretch in play:
        if joined and is_one(joined[-1], stretch) and not (joined[-1].has_length and stretch.has_length):
            stretch = replace(joined.pop(), ended_at=stretch.ended_at)
        joined.append(stretch)
    for before, stretch in pairwise(joined):
        if before.ended_at is None or stretch.started_at < before.ended_at:
            return False
        if is_one(before, stretch):
            return False
    return True


def is_one(before: CorrectedPlay, stretch: CorrectedPlay) -> bool:
    return stretch == replace(before, started_at=before.ended_at or before.started_at, ended_at=stretch.ended_at)


def overlap(slip: ModelSlip, others: Iterable[ModelSlip]) -> bool:
    """Whether a player or a seat would be in the play of `slip` and of one of `others` at a time.

    A slip that continues another one does not begin before that has ended, even where one of them has no length.
    """
    for other in others:
        if other is slip or other.pk == slip.pk or other.status == "VOID":
            continue
        if other.player == slip.player and _meet(slip.visit, other.visit):
            return True
        if _is_early(other, after=slip) or _is_early(slip, after=other):
            return True
        for place, span in slip.seats():
            if any(place == taken and _meet(span, other_span) for taken, other_span in other.seats()):
                return True
    return False


def _is_early(slip: ModelSlip, *, after: ModelSlip) -> bool:
    return after.continued_by == slip.pk and after.closed_at is not None and slip.play[0].started_at < after.closed_at


def _meet(first: Span, second: Span) -> bool:
    if first[0] == first[1] or second[0] == second[1]:
        return False
    return (second[1] is None or first[0] < second[1]) and (first[1] is None or second[0] < first[1])


def differences(expected: dict[Any, Any], found: dict[Any, Any]) -> dict[Any, Any]:
    """What differs, each as expected and as found."""
    return {name: (value, found[name]) for name, value in expected.items() if value != found[name]}
