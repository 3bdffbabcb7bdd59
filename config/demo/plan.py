"""The events that the demo replays: the recorded day up to the evening, moved to now. Pure.

The demo's casino is in a time zone where it is evening now, so every event keeps its time of day and the gaming day
looks as it was recorded.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Final
from zoneinfo import ZoneInfo

from ratingslips.imports.events import EventKind, RatingEvent

EVENING_STARTS_AT: Final = time(19, 30)
LIVE_SLIPS: Final = 30
LONG_PAUSE: Final = timedelta(minutes=31)
PAUSED_FROM_MINUTES_AGO: Final = 56
PAUSED_UNTIL_MINUTES_AGO: Final = 44
LEFT_MINUTES_AGO: Final = 20
SECOND_BUY_IN_AFTER: Final = timedelta(minutes=30)

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

# A slip that somebody forgot to close. The recorded day does not use this player and seat before its evening.
_FORGOTTEN: Final = RatingEvent(
    line=0,
    slip_number="D00001",
    occurred_at=datetime.min.replace(tzinfo=UTC),
    kind=EventKind.OPEN,
    player_card="100128",
    table="LE-27",
    seat=5,
    average_bet=Decimal("25.00"),
)
_FORGOTTEN_FOR: Final = timedelta(hours=8, minutes=40)

_BAD_SLIP_PREFIX: Final = "X"


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoPlan:
    """The events of the demo in order of time, and the minutes in which the programme is paused.

    The player of `left_slip` left at `left_at`, which no event says.
    """

    events: Sequence[RatingEvent]
    paused_at: datetime
    resumed_at: datetime
    left_slip: str
    left_at: datetime


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


def plan_demo(recorded: Iterable[RatingEvent], *, now: datetime, shift: timedelta) -> DemoPlan:
    """Choose and move the events that the demo replays.

    About `LIVE_SLIPS` of the slips that are live at `now` are replayed, with all that are paused, and three in five of
    the closed ones, so that the first start takes seconds. One live slip was paused more than half an hour ago, one
    has a second buy-in, one player has left unnoticed, and one more slip has been open since the morning.
    """
    moved = [
        replace(event, occurred_at=event.occurred_at + shift)
        for event in recorded
        if event.occurred_at + shift <= now and not event.slip_number.startswith(_BAD_SLIP_PREFIX)
    ]
    live = _live_slips(moved)
    kept = _kept(live)
    chosen = [
        event
        for event in moved
        if event.slip_number in kept or (event.slip_number not in live and _is_among_three_in_five(event.slip_number))
    ]
    events = _with_a_long_pause(chosen, live=kept, now=now)
    left_at = now - timedelta(minutes=LEFT_MINUTES_AGO)
    left_slip, rebought_slip = _unchanged_since(left_at - SECOND_BUY_IN_AFTER, events=events, live=kept)[:2]
    events = _with_a_second_buy_in(events, slip_number=rebought_slip)
    events.append(replace(_FORGOTTEN, occurred_at=now - _FORGOTTEN_FOR))
    events.sort(key=lambda event: event.occurred_at)
    return DemoPlan(
        events=events,
        paused_at=now - timedelta(minutes=PAUSED_FROM_MINUTES_AGO),
        resumed_at=now - timedelta(minutes=PAUSED_UNTIL_MINUTES_AGO),
        left_slip=left_slip,
        left_at=left_at,
    )


def _is_among_three_in_five(slip_number: str) -> bool:
    return int(slip_number.removeprefix("S")) % 5 < 3


def _live_slips(events: Iterable[RatingEvent]) -> dict[str, bool]:
    """The slips that `events` leave live, in the order in which they opened, each with whether it is paused."""
    paused: dict[str, bool] = {}
    for event in events:
        match event.kind:
            case EventKind.OPEN:
                paused[event.slip_number] = False
            case EventKind.PAUSE | EventKind.RESUME:
                paused[event.slip_number] = event.kind == EventKind.PAUSE
            case EventKind.CLOSE:
                paused.pop(event.slip_number, None)
    return paused


def _kept(live: dict[str, bool]) -> set[str]:
    """All paused slips of `live`, and some of the others, spread over the times at which they opened."""
    paused = [slip for slip, is_paused in live.items() if is_paused]
    playing = [slip for slip, is_paused in live.items() if not is_paused]
    step = max(1, len(playing) // max(1, LIVE_SLIPS - len(paused)))
    return {*paused, *playing[::step][: LIVE_SLIPS - len(paused)]}


def _with_a_long_pause(events: list[RatingEvent], *, live: set[str], now: datetime) -> list[RatingEvent]:
    """Choose one live slip that was paused long ago and leave out its events after the pause: the player is still away.

    A slip that moved after its pause is not chosen, because its old seat may have been taken since.
    """
    last_move = {event.slip_number: event.occurred_at for event in events if event.kind == EventKind.MOVE}
    long_pauses = [
        event
        for event in events
        if event.kind == EventKind.PAUSE
        and event.slip_number in live
        and now - event.occurred_at >= LONG_PAUSE
        and last_move.get(event.slip_number, event.occurred_at) <= event.occurred_at
    ]
    if not long_pauses:
        return events
    away = long_pauses[-1]
    return [event for event in events if event.slip_number != away.slip_number or event.occurred_at <= away.occurred_at]


def _unchanged_since(at: datetime, *, events: Iterable[RatingEvent], live: set[str]) -> list[str]:
    """The live slips that are being played and whose last event was before `at`, in order of that event."""
    last = {event.slip_number: event for event in events if event.slip_number in live}
    unchanged = [event for event in last.values() if event.kind != EventKind.PAUSE and event.occurred_at < at]
    return [event.slip_number for event in sorted(unchanged, key=attrgetter("occurred_at"))]


def _with_a_second_buy_in(events: Sequence[RatingEvent], *, slip_number: str) -> list[RatingEvent]:
    """Let the player of a slip sit down with cash, and buy in again later."""
    opening = next(event for event in events if (event.slip_number, event.kind) == (slip_number, EventKind.OPEN))
    second = RatingEvent(
        line=0,
        slip_number=slip_number,
        occurred_at=opening.occurred_at + SECOND_BUY_IN_AFTER,
        kind=EventKind.BUY_IN,
        buy_in=Decimal(500),
    )
    return [*(replace(event, buy_in=Decimal(300)) if event == opening else event for event in events), second]
