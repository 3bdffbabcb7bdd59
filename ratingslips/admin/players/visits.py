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
# Play and money are looked up for each slip, so a page shows those of few.
SLIPS_SHOWN: Final = 14
CENT: Final = Decimal("0.01")

# The newest slips of a player that are not void, by the gaming day of their visit: a slip that continues another one
# belongs to its visit. A live slip has no theo and no chips out. `newest` is read in an index alone, and gives the theo
# of all days; the rest is of the newest days up to `until` that have few slips together, or of one.
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
    ), day AS (
        SELECT visit.gaming_day, SUM(begun) AS visits, COUNT(*) AS slips, COUNT(closed_at) AS closed,
               SUM(theoretical_win) AS theo
        FROM newest JOIN visit ON visit.slip_id = newest.id
        GROUP BY visit.gaming_day ORDER BY visit.gaming_day DESC LIMIT %(days)s
    ), shown AS MATERIALIZED (
        SELECT newest.*, visit.gaming_day AS visited_on
        FROM (
            SELECT gaming_day, SUM(slips) OVER newest_first AS slips, row_number() OVER newest_first AS number
            FROM day WHERE gaming_day <= COALESCE(%(until)s, 'infinity'::date)
            WINDOW newest_first AS (ORDER BY gaming_day DESC)
        ) AS day
        JOIN visit USING (gaming_day) JOIN newest ON newest.id = visit.slip_id
        WHERE day.slips <= %(slips_shown)s OR day.number = 1
    ), play AS (
        SELECT
            segment.slip_id,
            SUM(EXTRACT(EPOCH FROM ends.at - segment.started_at)) AS seconds,
            SUM(segment.average_bet * EXTRACT(EPOCH FROM ends.at - segment.started_at)) AS bet_seconds
        FROM ratingslips_playsegment AS segment
        -- If the clock was set back, a live segment may begin later than now.
        CROSS JOIN LATERAL (SELECT GREATEST(COALESCE(segment.ended_at, %(now)s), segment.started_at)) AS ends (at)
        -- An array: PostgreSQL expects few, and looks each up.
        WHERE segment.slip_id = ANY (ARRAY (SELECT id FROM shown)) AND segment.superseded_by_id IS NULL
        GROUP BY segment.slip_id
    ), money AS (
        SELECT slip_id, SUM(CASE kind WHEN 'BUY_IN' THEN amount ELSE -amount END) AS actual_win
        FROM ratingslips_moneyrow
        WHERE slip_id = ANY (ARRAY (SELECT id FROM shown WHERE closed_at IS NOT NULL))
        GROUP BY slip_id
        -- Chips out are known if one of their rows is not struck.
        HAVING SUM(CASE WHEN strikes_id IS NULL THEN 1 ELSE -1 END) FILTER (WHERE kind = 'CHIPS_OUT') > 0
    ), entry AS MATERIALIZED (
        -- Their entries lie side by side among those of the player, in an index that holds the points.
        SELECT id, points FROM loyalty_ledger
        WHERE account_id = (SELECT id FROM loyalty_playerloyalty WHERE player_id = %(player)s)
        AND id = ANY (ARRAY (SELECT ledger_entry_id FROM shown))
    ), detail AS (
        SELECT
            shown.visited_on AS gaming_day,
            SUM(play.seconds) AS seconds,
            SUM(play.bet_seconds) AS bet_seconds,
            COUNT(money.actual_win) AS counted,
            SUM(money.actual_win) AS actual_win,
            COALESCE(SUM(COALESCE(shown.corrected_points, entry.points)), 0) AS points
        FROM shown
        LEFT JOIN play ON play.slip_id = shown.id
        LEFT JOIN money ON money.slip_id = shown.id
        LEFT JOIN entry ON entry.id = shown.ledger_entry_id
        GROUP BY shown.visited_on
    )
    SELECT day.gaming_day, visits, slips, closed, theo, seconds, bet_seconds, counted, actual_win, points
    FROM day LEFT JOIN detail USING (gaming_day)
    ORDER BY day.gaming_day DESC
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
    """A page of the gaming days with play, and the theo of the newest `MAX_DAYS` of them, the newest first.

    `theos` has the theo of each of these days; None where no slip has closed. `has_older` says that there are more
    days than these. `older` is the first day of the next page.
    """

    days: Sequence[Visit]
    theos: Sequence[Decimal | None]
    has_older: bool
    older: date | None
    is_first_page: bool

    @property
    def rated(self) -> list[Visit]:
        """The days of the page with a closed slip."""
        return [day for day in self.days if day.theo is not None]

    @property
    def rated_days(self) -> int:
        """The number of all days with a closed slip."""
        return sum(theo is not None for theo in self.theos)

    @property
    def theo(self) -> Decimal:
        """The theo of all days."""
        return sum((theo for theo in self.theos if theo is not None), Decimal(0))

    @property
    def theo_shown(self) -> Decimal:
        """The theo of the days of the page."""
        return sum((day.theo for day in self.days if day.theo is not None), Decimal(0))

    @property
    def actual_win(self) -> Decimal | None:
        """The casino's win on the days of the page, as far as it was recorded; None if it was not."""
        known = [day.actual_win for day in self.days if day.actual_win is not None]
        return sum(known, Decimal(0)) if known else None

    @property
    def average_daily_theo(self) -> Decimal | None:
        """ADT: theo divided by the number of gaming days with a closed slip; None without such a day."""
        return (self.theo / self.rated_days).quantize(CENT, ROUND_HALF_UP) if self.rated_days else None


def read_visits(player: Player, *, now: datetime, until: date | None = None) -> Visits:
    """The gaming days of a player up to `until` (None: the newest), in one statement.

    A page has at most `SLIPS_SHOWN` slips, unless one day has more. There are pages of the newest `MAX_DAYS` days, and
    of at most `MAX_SLIPS` slips.

    A visit counts on the gaming day on which its first slip was opened. Played time and the average bet, which is
    weighted by time, include a live slip up to `now`.
    """
    limits = {"slips": MAX_SLIPS, "slips_shown": SLIPS_SHOWN, "days": MAX_DAYS + 1}
    with connection.cursor() as cursor:
        cursor.execute(_VISITS, {"player": player.pk, "now": now, "until": until, **limits})
        rows = cursor.fetchall()
    is_cut = sum(slips for _, _, slips, *_ in rows) >= MAX_SLIPS
    if is_cut and len(rows) > 1:
        rows.pop()  # The oldest day may be incomplete.
    has_older, rows = is_cut or len(rows) > MAX_DAYS, rows[:MAX_DAYS]
    days = [_visit(*row) for row in rows if row[-1] is not None]
    older = [row[0] for row in rows if days and row[0] < days[-1].gaming_day]
    return Visits(
        days=days,
        theos=[theo for _, _, _, _, theo, *_ in rows],
        has_older=has_older,
        older=older[0] if older else None,
        is_first_page=until is None or not rows or until >= rows[0][0],
    )


def _visit(
    day: date,
    visits: int,
    slips: int,
    closed: int,
    theo: Decimal | None,
    seconds: Decimal | None,
    bet_seconds: Decimal | None,
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
