"""Read what needs attention: points owed, overdue slips, paused programmes, and drift."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q, QuerySet, prefetch_related_objects

from core.console.scope import holds_on, in_casino_of
from core.models import Casino, Player, User
from core.permissions import held_by
from loyalty.models import LoyaltyProgram
from loyalty.permissions import PAUSE_PROGRAM
from ratingslips.admin.floor.seatmap import OPEN_LONG, PAUSED_LONG, warning_for
from ratingslips.models import DriftCheck, RatingSlip
from ratingslips.permissions import RECOVER_LOYALTY

MAX_CASINOS: Final = 50
MAX_PAID_AT_ONCE: Final = 500
OWED_SHOWN: Final = 10
OVERDUE_SHOWN: Final = 10
BARRED_SHOWN: Final = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class OwedSlip:
    """A closed slip whose points are owed, for how long, and whether the viewer may pay them."""

    slip: RatingSlip
    owed_for: timedelta
    may_pay: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Owed:
    """The owed slips, the longest owed first, at most `MAX_PAID_AT_ONCE` of them.

    `shown` are the first ones; `payable` are the keys of those that the viewer may pay.
    """

    shown: Sequence[OwedSlip]
    payable: Sequence[str]
    count: int

    @property
    def is_more(self) -> bool:
        """Whether there may be more than were read."""
        return self.count >= MAX_PAID_AT_ONCE


@dataclass(frozen=True, kw_only=True, slots=True)
class OverdueSlip:
    """A live slip that is open or paused for too long, with the warning."""

    slip: Any
    warning: str
    paused_for: timedelta | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PausedProgram:
    """A paused programme, and whether the viewer may resume it."""

    program: LoyaltyProgram
    paused_for: timedelta
    may_resume: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Drift:
    """The latest drift check of a casino; `check` is None if there was none yet."""

    casino: Casino
    check: DriftCheck | None
    age: timedelta | None

    @property
    def is_found(self) -> bool:
        """Whether the check found accounts that drift."""
        return self.check is not None and self.check.accounts > 0


def read_owed(*, staff: User, now: datetime) -> Owed:
    """The owed slips of the casinos that `staff` sees, in two statements, without what they refer to."""
    slips = in_casino_of(staff, RatingSlip.objects.owed(), lookup="casino").order_by("closed_at", "pk")
    keys = list(slips.values_list("pk", "pit")[:MAX_PAID_AT_ONCE])
    pits = held_by(staff).keys(RECOVER_LOYALTY)

    def may_pay(pit: int) -> bool:
        return staff.is_superuser or not pits.isdisjoint({"", str(pit)})

    shown = [
        OwedSlip(slip=slip, owed_for=now - slip.closed_at, may_pay=may_pay(slip.pit_id))
        for slip in slips[:OWED_SHOWN]
        if slip.closed_at
    ]
    return Owed(shown=shown, payable=[str(key) for key, pit in keys if may_pay(pit)], count=len(keys))


def read_barred(*, staff: User) -> list[RatingSlip]:
    """The live slips whose player is not active, the longest open first, at most `BARRED_SHOWN` + 1."""
    # "Distinct" has PostgreSQL read their short index once, and not look up the player of each seat.
    not_active = [Player.Status.INACTIVE, Player.Status.BARRED]
    players = in_casino_of(staff, Player.objects.filter(status__in=not_active), lookup="casino")
    live = in_casino_of(staff, RatingSlip.objects.live(), lookup="casino")
    slips = live.filter(player__in=players.values("pk").distinct())
    return list(slips.order_by("opened_at")[: BARRED_SHOWN + 1])


def read_overdue(slips: "QuerySet[RatingSlip]", *, now: datetime) -> list[OverdueSlip]:
    """The overdue ones of `slips` (from `live_slips`), the longest open first; at most `OVERDUE_SHOWN` + 1."""
    late = slips.filter(Q(opened_at__lt=now - OPEN_LONG) | Q(status="PAUSED", paused_since__lt=now - PAUSED_LONG))
    found: Any = late.prefetch_related(None).order_by("opened_at")
    overdue = []
    for slip in found[: OVERDUE_SHOWN + 1]:
        paused_for = now - slip.paused_since if slip.status == "PAUSED" and slip.paused_since else None
        warning = warning_for(open_for=now - slip.opened_at, paused_for=paused_for)
        overdue.append(OverdueSlip(slip=slip, warning=warning, paused_for=paused_for))
    return overdue


def read_names(slips: "Sequence[RatingSlip]", *, casinos: Sequence[Casino]) -> None:
    """Read what the lines of `slips` name, in one statement for each kind of row; `casinos` are not read again."""
    known = {casino.pk: casino for casino in casinos}
    for slip in slips:
        if slip.casino_id in known:
            slip.casino = known[slip.casino_id]
    prefetch_related_objects(slips, "casino", "player", "table", "pit")


def read_paused(*, staff: User, now: datetime) -> list[PausedProgram]:
    """The paused programmes that `staff` sees."""
    paused = in_casino_of(staff, LoyaltyProgram.objects.filter(paused_at__isnull=False), lookup="casino")
    programs = list(paused.select_related("casino", "paused_by").order_by("paused_at")[:MAX_CASINOS])
    if not programs:
        return []
    return [
        PausedProgram(
            program=program, paused_for=now - program.paused_at, may_resume=holds_on(staff, PAUSE_PROGRAM, program)
        )
        for program in programs
        if program.paused_at
    ]


def read_drift(casinos: Sequence[Casino], *, now: datetime) -> list[Drift]:
    """Read the latest drift check of each casino, in one statement."""
    checks = {
        check.casino_id: check for check in DriftCheck.objects.filter(casino__in=casinos).select_related("checked_by")
    }
    return [
        Drift(
            casino=casino,
            check=(check := checks.get(casino.pk)),
            age=now - check.checked_at if check else None,
        )
        for casino in casinos
    ]
