"""A player's visits by gaming day: time, average bet, theo, actual win and points."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from django.db import connection

from core.models import Player

MAX_DAYS: Final = 30
MAX_SLIPS: Final = 400
CENT: Final = Decimal("0.01")

# The newest slips of a player that are not void, by the gaming day of their visit: a slip that continues another one
# belongs to its visit. A live slip has no theo and no chips out.
_VISITS: Final = """
    WITH RECURSIVE newest AS (
        SELECT id, continues_id, gaming_day, closed_at, theoretical_win, ledger_entry_id, corrected_points
        FROM ratingslips_ratingslip
        WHERE player_id = %(player)s AND status <> 'VOID'
        ORDER BY closed_at DESC NULLS FIRST
        LIMIT %(slips)s
    ), visit AS (
        SELECT id AS slip_id, gaming_day, 1 AS begun FROM newest
        WHERE continues_id IS NULL OR continues_id NOT IN (SELECT id FROM newest)
        UNION ALL
        SELECT newest.id, visit.gaming_day, 0 FROM newest JOIN visit ON visit.slip_id = newest.continues_id
    ), play AS (
        SELECT
            segment.slip_id,
            SUM(EXTRACT(EPOCH FROM ends.at - segment.started_at)) AS seconds,
            SUM(segment.average_bet * EXTRACT(EPOCH FROM ends.at - segment.started_at)) AS bet_seconds
        FROM ratingslips_playsegment AS segment JOIN newest ON newest.id = segment.slip_id
                                                  AND segment.superseded_by_id IS NULL
        -- If the clock was set back, a live segment may begin later than now.
        CROSS JOIN LATERAL (SELECT GREATEST(COALESCE(segment.ended_at, %(now)s), segment.started_at)) AS ends (at)
        GROUP BY segment.slip_id
    ), money AS (
        SELECT slip_id, SUM(CASE kind WHEN 'BUY_IN' THEN amount ELSE -amount END) AS actual_win
        FROM ratingslips_moneyrow JOIN newest ON newest.id = slip_id
        WHERE closed_at IS NOT NULL
        GROUP BY slip_id
        -- Chips out are known if one of their rows is not struck.
        HAVING SUM(CASE WHEN strikes_id IS NULL THEN 1 ELSE -1 END) FILTER (WHERE kind = 'CHIPS_OUT') > 0
    ), entry AS MATERIALIZED (
        -- Their entries lie side by side among those of the player, in an index that holds the points.
        SELECT id, points FROM loyalty_ledger
        WHERE account_id = (SELECT id FROM loyalty_playerloyalty WHERE player_id = %(player)s)
        AND id = ANY (ARRAY (SELECT ledger_entry_id FROM newest))
    )
    SELECT
        visit.gaming_day,
        SUM(visit.begun),
        COUNT(*),
        COUNT(newest.closed_at),
        SUM(play.seconds),
        SUM(play.bet_seconds),
        SUM(newest.theoretical_win),
        COUNT(money.actual_win),
        SUM(money.actual_win),
        COALESCE(SUM(COALESCE(newest.corrected_points, entry.points)), 0)
    FROM newest
    JOIN visit ON visit.slip_id = newest.id
    LEFT JOIN play ON play.slip_id = newest.id
    LEFT JOIN money ON money.slip_id = newest.id
    LEFT JOIN entry ON entry.id = newest.ledger_entry_id
    GROUP BY visit.gaming_day
    ORDER BY visit.gaming_day DESC
    LIMIT %(days)s
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Visit:
    """A gaming day on which the player's visits began.

    `slips` counts all slips of the `visits`. `theo` is the sum of the closed ones (None without any); `actual_win` is
    buy-ins less chips out of the `counted` slips whose chips out are known.
    """

    gaming_day: date
    visits: int
    slips: int
    closed: int
    played: timedelta
    average_bet: Decimal | None
    theo: Decimal | None
    counted: int
    actual_win: Decimal | None
    points: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Visits:
    """The newest gaming days with play, the newest first; `has_older` if there are more."""

    days: Sequence[Visit]
    has_older: bool

    @property
    def rated(self) -> list[Visit]:
        """The days with a closed slip."""
        return [day for day in self.days if day.theo is not None]

    @property
    def theo(self) -> Decimal:
        """The theo of all these days."""
        return sum((day.theo for day in self.days if day.theo is not None), Decimal(0))

    @property
    def actual_win(self) -> Decimal | None:
        """The casino's win on these days, as far as it was recorded; None if it was not."""
        known = [day.actual_win for day in self.days if day.actual_win is not None]
        return sum(known, Decimal(0)) if known else None

    @property
    def average_daily_theo(self) -> Decimal | None:
        """ADT: theo divided by the number of gaming days with a closed slip; None without such a day."""
        days = len(self.rated)
        return (self.theo / days).quantize(CENT, ROUND_HALF_UP) if days else None


def read_visits(player: Player, *, now: datetime) -> Visits:
    """The newest gaming days of a player, at most `MAX_DAYS` of them, in one statement over at most `MAX_SLIPS` slips.

    A visit counts on the gaming day on which its first slip was opened. Played time and the average bet, which is
    weighted by time, include a live slip up to `now`.
    """
    with connection.cursor() as cursor:
        cursor.execute(_VISITS, {"player": player.pk, "now": now, "slips": MAX_SLIPS, "days": MAX_DAYS + 1})
        days = [_visit(*row) for row in cursor.fetchall()]
    is_cut = sum(day.slips for day in days) >= MAX_SLIPS
    if is_cut and len(days) > 1:
        days.pop()  # The oldest day may be incomplete.
    return Visits(days=days[:MAX_DAYS], has_older=is_cut or len(days) > MAX_DAYS)


def _visit(
    day: date,
    visits: int,
    slips: int,
    closed: int,
    seconds: Decimal | None,
    bet_seconds: Decimal | None,
    theo: Decimal | None,
    counted: int,
    actual_win: Decimal | None,
    points: int | Decimal,
) -> Visit:
    return Visit(
        gaming_day=day,
        visits=visits,
        slips=slips,
        closed=closed,
        played=timedelta(seconds=int(seconds or 0)),
        average_bet=(bet_seconds / seconds).quantize(CENT, ROUND_HALF_UP) if seconds and bet_seconds else None,
        theo=theo,
        counted=counted,
        actual_win=actual_win,
        points=int(points),
    )
