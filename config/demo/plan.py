"""What the demo replays: the recorded day up to the evening, moved to now. Pure.

The demo's casino stands in a zone where the clock shows the evening right now, so every event keeps its time of day and
the gaming day looks as it was recorded.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

EVENING_STARTS_AT: Final = time(19, 30)
LIVE_SLIPS: Final = 30
LONG_PAUSE: Final = timedelta(minutes=31)
PAUSED_FROM_MINUTES_AGO: Final = 56
PAUSED_UNTIL_MINUTES_AGO: Final = 44

# A city for each hour of the clock, all of them on whole hours.
_CITIES: Final = (
    "Pacific/Honolulu",
    "America/Anchorage",
    "America/Los_Angeles",
    "America/Denver",
    "America/Chicago",
    "America/New_York",
    "America/Halifax",
    "America/Sao_Paulo",
    "America/Noronha",
    "Atlantic/Azores",
    "Europe/London",
    "Europe/Paris",
    "Europe/Athens",
    "Europe/Istanbul",
    "Asia/Dubai",
    "Asia/Karachi",
    "Asia/Dhaka",
    "Asia/Bangkok",
    "Asia/Singapore",
    "Asia/Tokyo",
    "Australia/Brisbane",
    "Pacific/Guadalcanal",
    "Pacific/Fiji",
    "Pacific/Auckland",
    "Pacific/Apia",
    "Pacific/Pago_Pago",
)

# A player and a seat that the recorded day leaves alone until its evening: the slip that somebody forgot to close.
_FORGOTTEN: Final = {"slip_number": "D00001", "player_card": "100128", "table": "LE-27", "seat": "5"}
_FORGOTTEN_FOR: Final = timedelta(hours=8, minutes=40)

_BAD_SLIP_PREFIX: Final = "X"

Row = dict[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoPlan:
    """The events of the demo in three parts, around the minutes in which the programme is paused."""

    before_pause: Sequence[Row]
    during_pause: Sequence[Row]
    after_pause: Sequence[Row]
    paused_at: datetime
    resumed_at: datetime


def evening_zone(now: datetime) -> str:
    """The name of a time zone in which it is evening at `now`: between 19:30 and 20:30, or as near as there is."""

    def minutes_from_start(name: str) -> int:
        local = now.astimezone(ZoneInfo(name))
        start = local.replace(hour=EVENING_STARTS_AT.hour, minute=EVENING_STARTS_AT.minute)
        return int((local - start) / timedelta(minutes=1)) % (24 * 60)

    return min(_CITIES, key=minutes_from_start)


def shift_to(now: datetime, *, zone: str, recorded_day_at: datetime) -> timedelta:
    """How far the recorded day moves, so that its own clock and the clock in `zone` show the same at `now`.

    `recorded_day_at` is any instant of the recorded day, with its offset.
    """
    local = now.astimezone(ZoneInfo(zone))
    recorded = datetime.combine(recorded_day_at.date(), local.time(), tzinfo=recorded_day_at.tzinfo)
    return now - recorded


def plan_demo(recorded: Iterable[Row], *, now: datetime, shift: timedelta) -> DemoPlan:
    """Choose and move the events that the demo replays.

    Of the slips that are live at `now`, about `LIVE_SLIPS` stay (those that are paused first); the others are left out
    whole. One of them was paused more than half an hour ago, and one more is open since the morning.
    """
    moved = [row for line in recorded if (row := _moved(line, shift)) is not None and _at(row) <= now]
    live = _live_slips(moved)
    kept = set(sorted(live, key=lambda slip: not live[slip])[:LIVE_SLIPS])
    rows = [row for row in moved if row["slip_number"] in kept or row["slip_number"] not in live]
    rows = _with_a_long_pause(rows, live=kept, now=now)
    rows.append(_forgotten_slip(now))
    rows.sort(key=lambda row: row["occurred_at"])
    paused_at = now - timedelta(minutes=PAUSED_FROM_MINUTES_AGO)
    resumed_at = now - timedelta(minutes=PAUSED_UNTIL_MINUTES_AGO)
    return DemoPlan(
        before_pause=[row for row in rows if _at(row) < paused_at],
        during_pause=[row for row in rows if paused_at <= _at(row) < resumed_at],
        after_pause=[row for row in rows if _at(row) >= resumed_at],
        paused_at=paused_at,
        resumed_at=resumed_at,
    )


def _at(row: Row) -> datetime:
    return datetime.fromisoformat(row["occurred_at"])


def _moved(row: Row, shift: timedelta) -> Row | None:
    """The event at its moved time (UTC); none for the recording's bad lines, whose slips are numbered X."""
    if row["slip_number"].startswith(_BAD_SLIP_PREFIX):
        return None
    return row | {"occurred_at": (_at(row) + shift).astimezone(UTC).isoformat()}


def _live_slips(rows: Iterable[Row]) -> dict[str, bool]:
    """The slips that `rows` leave live, in the order in which they opened, each with whether it is paused."""
    paused: dict[str, bool] = {}
    for row in rows:
        match row["event"]:
            case "OPEN":
                paused[row["slip_number"]] = False
            case "PAUSE" | "RESUME":
                paused[row["slip_number"]] = row["event"] == "PAUSE"
            case "CLOSE":
                paused.pop(row["slip_number"], None)
    return paused


def _with_a_long_pause(rows: list[Row], *, live: set[str], now: datetime) -> list[Row]:
    """Leave out what followed one live slip's pause that began long enough ago: the player has not come back."""
    moves = [row for row in rows if row["event"] == "MOVE"]
    long_ago = [
        row
        for row in rows
        if row["event"] == "PAUSE"
        and row["slip_number"] in live
        and now - _at(row) >= LONG_PAUSE
        and not any(move["slip_number"] == row["slip_number"] and _at(move) > _at(row) for move in moves)
    ]
    if not long_ago:
        return rows
    away = long_ago[-1]
    return [row for row in rows if row["slip_number"] != away["slip_number"] or _at(row) <= _at(away)]


def _forgotten_slip(now: datetime) -> Row:
    empty = dict.fromkeys(("buy_in", "chips_out"), "")
    at = (now - _FORGOTTEN_FOR).astimezone(UTC)
    return {**empty, **_FORGOTTEN, "event": "OPEN", "average_bet": "25.00", "occurred_at": at.isoformat()}
