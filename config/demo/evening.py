"""Load the demo's casino: its staff, and its gaming day so far with points owed and awards."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import Any, Final

from django.contrib.auth.hashers import make_password
from django.db import DatabaseError, connection

from core import origins
from core.errors import DomainError
from core.models import Casino, User
from core.roles import system_account
from loyalty.services import ProgramStateUnchanged, manual_reward, pause_program, resume_program
from ratingslips.imports.apply import apply_events
from ratingslips.imports.casino import load_casino
from ratingslips.imports.events import RatingEvent, read_rating_events
from ratingslips.models import RatingSlip
from ratingslips.services import Pace

from .corrections import Act, Corrections
from .models import DemoRun
from .plan import DemoPlan, evening_zone, plan_demo, shift_to
from .progress import Progress, Say
from .staff import LOGINS, create_staff

DATA: Final = Path(__file__).parent / "data" / "pit-day-2026-11-14"
CASINO_CODE: Final = "harbour-demo"
CASINO_NAME: Final = "Harbour Casino"

# Card, points, minutes ago, reason code, reason.
_AWARDS: Final = (
    ("100012", 500, 130, "GOODWILL", "Wedding anniversary, asked for by the host"),
    ("100167", 1_000, 95, "SERVICE_RECOVERY", "Long wait for a seat at High Limit"),
    ("100044", 250, 61, "SERVICE_RECOVERY", "Drink spilled on the player at PA-16"),
    ("100282", 2_000, 25, "EVENT", "Tournament winner, High Limit baccarat"),
    ("100003", 100, 12, "GOODWILL", "Welcome back after a year away"),
)

# Key of the advisory lock that one demo at a time holds on a database.
DEMO_LOCK: Final = 0x4445_4D4F


class DemoRefused(DomainError):
    """The demo cannot use this database."""

    code = "DEMO_REFUSED"


@contextmanager
def only_demo() -> Iterator[None]:
    """Allow one demo at a time to be set up on this database.

    :raises DemoRefused: another one is being set up.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [DEMO_LOCK])
        if not cursor.fetchone()[0]:
            raise DemoRefused("Another demo is being set up on this database. Wait until it is, then start again.")
    try:
        yield
    finally:
        with suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [DEMO_LOCK])


def is_loaded() -> bool:
    """Whether the demo's casino is loaded with its whole day."""
    return DemoRun.objects.filter(finished_at__isnull=False).exists()


def load_demo(*, now: datetime, say: Say) -> None:
    """Load the demo's casino and replay its day up to `now` through the services; `say` reports each step.

    An interrupted demo continues where it stopped.

    :raises DemoRefused: the casino or a login of the demo exists already and was not made by a demo.
    """
    recorded = [event for event in read_rating_events(DATA / "rating-events.csv") if isinstance(event, RatingEvent)]
    with origins.as_command("demo"), ThreadPoolExecutor() as hashing:
        # Hashing a password takes a quarter of a second, by design.
        hashes = hashing.map(make_password, [login.password for login in LOGINS])
        run = _run(now, recorded_day_at=recorded[0].occurred_at)
        casino = run.casino
        players, tables = casino.players.count(), casino.gaming_tables.count()
        say(f"Casino: {players} players, {tables} tables, where it is evening now ({casino.time_zone})")
        boss, supervisor, *_ = [
            create_staff(login, casino=casino, password_hash=done) for login, done in zip(LOGINS, hashes, strict=True)
        ]
        say("Staff: a pit boss, a supervisor and an auditor")
    plan = plan_demo(recorded, now=now, shift=run.shift)
    # A crash of the machine may lose the last moments of a demo: the next start continues it.
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
    acts = _acts(plan, casino=casino, boss=boss, supervisor=supervisor, now=now)
    _play(plan, acts=acts, casino=casino, boss=boss, supervisor=supervisor, say=say)
    with connection.cursor() as cursor:
        cursor.execute("RESET synchronous_commit")
    run.finished_at = now
    run.save(update_fields=["finished_at"])
    slips = RatingSlip.objects.filter(casino=casino)
    live, closed, owed = slips.live().count(), slips.filter(status="CLOSED").count(), slips.owed().count()
    say(f"Slips: {live} live, {closed} closed, {owed} of them owed points")


def _run(now: datetime, *, recorded_day_at: datetime) -> DemoRun:
    """Find the demo that an earlier start began, or begin one in a new casino."""
    run = DemoRun.objects.select_related("casino").first()
    if run is not None:
        return run
    if RatingSlip.objects.filter(casino__code=CASINO_CODE).exists():
        raise DemoRefused(f"This database has a casino “{CASINO_CODE}” that no demo made. Use another database.")
    zone = evening_zone(now)
    loaded = load_casino(
        folder=DATA, code=CASINO_CODE, actor=system_account(), at=now, name=CASINO_NAME, time_zone=zone
    )
    shift = shift_to(now, zone=zone, recorded_day_at=recorded_day_at)
    return DemoRun.objects.create(casino=loaded.casino, shift=shift)


def _acts(plan: DemoPlan, *, casino: Casino, boss: User, supervisor: User, now: datetime) -> list[Act]:
    """The acts that no event holds, in order of time: a pause of the programme, awards, and what is put right."""
    program = casino.loyalty_program
    players = {player.card_number: player for player in casino.players.all()}

    def award(card: str, points: int, code: str, reason: str, *, at: datetime) -> None:
        given: dict[str, Any] = {"reason_code": code, "reason": reason}
        manual_reward(player=players[card], points=points, actor=supervisor, at=at, **given)

    def pause() -> None:
        given: dict[str, Any] = {"reason_code": "TIER_CHANGE", "reason": "Tier migration rehearsal"}
        pause_program(program=program, actor=supervisor, at=plan.paused_at, **given)

    def resume() -> None:
        resume_program(program=program, actor=supervisor, at=plan.resumed_at, reason_code="WORK_DONE")

    acts: list[Act] = [(plan.paused_at, pause), (plan.resumed_at, resume)]
    for card, points, minutes, code, reason in _AWARDS:
        at = now - timedelta(minutes=minutes)
        acts.append((at, partial(award, card, points, code, reason, at=at)))
    corrections = Corrections(casino=casino, boss=boss, supervisor=supervisor, now=now)
    return sorted([*acts, *corrections.acts(plan)], key=itemgetter(0))


def _play(plan: DemoPlan, *, acts: Iterable[Act], casino: Casino, boss: User, supervisor: User, say: Say) -> None:
    """Replay the plan with the `acts` at their times; slips that close in the pause leave their points owed."""
    total = len(plan.events)
    done = 0
    progress, pace = Progress(say), Pace()

    def apply(events: Iterable[RatingEvent]) -> None:
        nonlocal done
        for _ in apply_events(casino=casino, actor=boss, events=events, pace=pace):
            done += 1
            progress(f"Gaming day: {done:,} of {total:,} events")

    for at, act in acts:
        apply(plan.events[done : bisect_left(plan.events, at, key=attrgetter("occurred_at"))])
        # An interrupted demo stopped in the pause or after it.
        with origins.as_command("demo", actor=supervisor), suppress(ProgramStateUnchanged):
            act()
    apply(plan.events[done:])
    say(f"Gaming day: all {total:,} events, the programme paused for a while on the way")
