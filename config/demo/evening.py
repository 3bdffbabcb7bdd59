"""Bringing the demo's casino to life: its staff, its day so far, and what went wrong on the way."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from django.db import connection

from core import correlation
from core.models import Casino, Player, User
from core.roles import system_account
from loyalty.services import ProgramStateUnchanged, manual_reward, pause_program, resume_program
from ratingslips.importing import apply_events
from ratingslips.loading import load_casino
from ratingslips.models import RatingSlip
from ratingslips.rating_events import RatingEvent, read_rating_events

from .plan import DemoPlan, evening_zone, plan_demo, shift_to
from .staff import LOGINS, hire

DATA: Final = Path(__file__).parent / "data" / "pit-day-2026-11-14"
CASINO_CODE: Final = "harbour"
CASINO_NAME: Final = "Harbour Casino"
# The casino bears this name until all of its day is there; a demo that was interrupted is known by it and goes on.
LOADING_NAME: Final = "Harbour Casino (loading)"
PROGRESS_EVERY_EVENTS: Final = 250

# Card, points, minutes ago, reason.
_AWARDS: Final = (
    ("100012", 500, 130, "Wedding anniversary, asked for by the host"),
    ("100167", 1_000, 95, "Long wait for a seat at High Limit"),
    ("100044", 250, 61, "Drink spilled on the player at PA-16"),
    ("100282", 2_000, 25, "Tournament winner, High Limit baccarat"),
    ("100003", 100, 12, "Welcome back after a year away"),
)

Say = Callable[[str], None]


def is_there() -> bool:
    """Whether the demo's casino stands with all of its day."""
    return Casino.objects.filter(code=CASINO_CODE, name=CASINO_NAME).exists()


def begin_evening(*, now: datetime, say: Say) -> None:
    """Load the demo's casino and replay its day up to `now` through the services; told of each step by `say`.

    A demo that was interrupted goes on where it stopped.
    """
    recorded = [event for event in read_rating_events(DATA / "rating-events.csv") if isinstance(event, RatingEvent)]
    with correlation.bound():
        casino = _casino(now)
        players = Player.objects.filter(casino=casino).count()
        players, tables = casino.players.count(), casino.gaming_tables.count()
        say(f"Casino: {players} players, {tables} tables, where it is evening now ({casino.time_zone})")
        boss, supervisor, *_ = [hire(login, casino=casino) for login in LOGINS]
        say("Staff: a pit boss, a supervisor and an auditor")
    plan = plan_demo(recorded, now=now, shift=_shift(casino, recorded=recorded, now=now))
    # The last moments of a demo may be lost when the machine crashes: nobody was told yet that they are there.
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
    _play(plan, casino=casino, boss=boss, supervisor=supervisor, say=say)
    _award(casino=casino, supervisor=supervisor, now=now)
    with connection.cursor() as cursor:
        cursor.execute("RESET synchronous_commit")
    Casino.objects.filter(pk=casino.pk).update(name=CASINO_NAME)
    slips = RatingSlip.objects.filter(casino=casino)
    live, closed, owed = slips.live().count(), slips.filter(status="CLOSED").count(), slips.owed().count()
    say(f"Slips: {live} live, {closed} closed, {owed} of them owed points")


def _casino(now: datetime) -> Casino:
    standing = Casino.objects.filter(code=CASINO_CODE).first()
    zone = standing.time_zone if standing else evening_zone(now)
    loaded = load_casino(
        folder=DATA, code=CASINO_CODE, actor=system_account(), at=now, name=LOADING_NAME, time_zone=zone
    )
    return loaded.casino


def _shift(casino: Casino, *, recorded: list[RatingEvent], now: datetime) -> timedelta:
    """How far the day moves: as far as it already did where an earlier start was interrupted."""
    opened_at = {event.slip_number: event.occurred_at for event in recorded if event.kind == "OPEN"}
    standing = RatingSlip.objects.filter(casino=casino, slip_number__in=opened_at).order_by("opened_at").first()
    if standing:
        return standing.opened_at - opened_at[standing.slip_number]
    return shift_to(now, zone=casino.time_zone, recorded_day_at=recorded[0].occurred_at)


def _play(plan: DemoPlan, *, casino: Casino, boss: User, supervisor: User, say: Say) -> None:
    """Replay the plan; while the programme is paused, what closes is owed."""
    total = len(plan.before_pause) + len(plan.during_pause) + len(plan.after_pause)
    done = 0

    def apply(events: Iterable[RatingEvent]) -> None:
        nonlocal done
        for _ in apply_events(casino=casino, actor=boss, events=events):
            done += 1
            if done % PROGRESS_EVERY_EVENTS == 0:
                say(f"Gaming day: {done:,} of {total:,} events")

    program = casino.loyalty_program
    apply(plan.before_pause)
    with correlation.bound(), suppress(ProgramStateUnchanged):  # an interrupted demo stopped right here
        pause_program(program=program, actor=supervisor, at=plan.paused_at, reason="Tier migration rehearsal")
    apply(plan.during_pause)
    with correlation.bound():
        resume_program(program=program, actor=supervisor)
    apply(plan.after_pause)
    say(f"Gaming day: all {total:,} events, the programme paused for a while on the way")


def _award(*, casino: Casino, supervisor: User, now: datetime) -> None:
    players = {player.card_number: player for player in Player.objects.filter(casino=casino)}
    for card, points, minutes, reason in _AWARDS:
        with correlation.bound():
            at = now - timedelta(minutes=minutes)
            manual_reward(player=players[card], points=points, reason=reason, actor=supervisor, at=at)
