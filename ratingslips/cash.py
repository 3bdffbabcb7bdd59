"""The cash that players bought in with on a gaming day, over all slips of a player, against the casino's thresholds."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from core.kept_queries import KeptQuery
from core.models import Casino, Player
from ratingslips.models import MoneyRow, RatingSlip
from ratingslips.models.money import CASH_MEANS

MAX_LISTED: Final = 500
_CASH: Final = Q(kind=MoneyRow.Kind.BUY_IN, means__in=CASH_MEANS)


class CashLevel(StrEnum):
    """Which threshold of the casino a total of cash has reached."""

    BELOW = ""
    WATCH = "watch"
    REPORT = "report"


def level_of(amount: Decimal, casino: Casino) -> CashLevel:
    """The highest threshold of the casino that the amount has reached."""
    if amount >= casino.cash_report_amount:
        return CashLevel.REPORT
    return CashLevel.WATCH if amount >= casino.cash_watch_amount else CashLevel.BELOW


@dataclass(frozen=True, kw_only=True, slots=True)
class CashOfDay:
    """The cash that one player bought in with on a gaming day; `buy_ins` are rows that were not struck."""

    player_id: int
    gaming_day: date
    amount: Decimal
    level: CashLevel
    buy_ins: int
    slips: int


def _rows() -> "QuerySet[MoneyRow]":
    """The rows of cash that count: a void slip counts nowhere."""
    return MoneyRow.objects.filter(_CASH).exclude(slip__status=RatingSlip.Status.VOID).order_by()


def cash_bought_in(*, casino: Casino, players: Collection[int], days: Collection[date]) -> list[CashOfDay]:
    """The totals of `players` of the casino on each of `days` on which they bought in by cash, in one statement."""
    if not players or not days:
        return []
    if len(players) == len(days) == 1:
        return _with_level(_sums_of_player_and_day(*players, *days), casino=casino)
    return _totals(_rows().filter(gaming_day__in=days, player__in=players), casino=casino)


def cash_of_player(*, day: date) -> Coalesce:
    """The total of the player of a slip on `day`, as an annotation of slips."""
    rows = _rows().filter(gaming_day=day, player=OuterRef("player")).values("player").annotate(total=Sum("amount"))
    return Coalesce(Subquery(rows.values("total")), Decimal(0))


@dataclass(frozen=True, kw_only=True, slots=True)
class DayOfCash:
    """The players of a casino who reached a threshold on a gaming day, the highest total first.

    `is_more` if there are more than `MAX_LISTED`; `below` counts the players who bought in with less.
    """

    gaming_day: date
    reached: Sequence[tuple[Player, CashOfDay]]
    is_more: bool
    below: int


def cash_of_day(*, casino: Casino, day: date) -> DayOfCash:
    """The list of one gaming day, in two statements."""
    totals = _totals(_rows().filter(gaming_day=day, player__casino=casino), casino=casino)
    reached = [total for total in totals if total.level]
    shown = reached[:MAX_LISTED]
    players = Player.objects.in_bulk([total.player_id for total in shown])
    return DayOfCash(
        gaming_day=day,
        reached=[(players[total.player_id], total) for total in shown],
        is_more=len(reached) > len(shown),
        below=len(totals) - len(reached),
    )


def _totals(rows: "QuerySet[MoneyRow]", *, casino: Casino) -> list[CashOfDay]:
    """The sums by player and day that are not 0, the highest first."""
    return _with_level(_sums(rows), casino=casino)


def _with_level(sums: Iterable[dict[str, Any]], *, casino: Casino) -> list[CashOfDay]:
    return [CashOfDay(**total, level=level_of(total["amount"], casino)) for total in sums]


def _sums(rows: "QuerySet[MoneyRow]") -> Any:
    sums = rows.values("player_id", "gaming_day").annotate(
        amount=Sum("amount"),
        # A strike takes away the row that it strikes.
        buy_ins=Count("pk", filter=Q(strikes=None)) - Count("pk", filter=Q(strikes__isnull=False)),
        slips=Count("slip", distinct=True),
    )
    return sums.filter(amount__gt=0).order_by("-amount", "player_id")


_sums_of_player_and_day: KeptQuery[Any] = KeptQuery(
    lambda player_id, day: _sums(_rows().filter(gaming_day=day, player=player_id))
)
