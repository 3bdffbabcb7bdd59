"""The figures of a casino: completions, recoveries, replays, owed slips and drift."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from core.models import Casino, ReplayCount
from core.timeouts import REPORT_SECONDS
from loyalty.models import LedgerEntry
from loyalty.services.drift import drifting_accounts
from ratingslips.models import RatingSlip

COMPLETION_TARGET_PERCENT: Final = Decimal("99.5")  # more than
RECOVERY_TARGET_PERCENT: Final = Decimal("0.1")  # less than
REPLAY_TARGET_PERCENT: Final = Decimal(1)  # less than
DRIFT_TARGET_ACCOUNTS: Final = 0
MAX_DAYS: Final = 366

OPERATIONS_COUNTED: Final = ("ratingslips.complete", "loyalty.manual_reward")  # of replays


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """The figures of one casino for the gaming days from `first_day` to `last_day`.

    `completions` are the slips that closed in the span. Of these, `settled_at_close` were settled when they closed,
    `recovered` were owed and have been settled since, and the points of `withheld` were withheld. `requests` are the
    completions and awards of the span, `replays` the repeated requests for them.
    """

    casino: Casino
    first_day: date
    last_day: date
    completions: int
    settled_at_close: int
    recovered: int
    withheld: int
    requests: int
    replays: int

    @property
    def success_percent(self) -> Decimal | None:
        """The share of completions that were settled at close; None without completions."""
        return _percent(self.settled_at_close, of=self.completions)

    @property
    def recovery_percent(self) -> Decimal | None:
        """The share of completions that were recovered; None without completions."""
        return _percent(self.recovered, of=self.completions)

    @property
    def replay_percent(self) -> Decimal | None:
        """Replays for each hundred requests; None without requests."""
        return _percent(self.replays, of=self.requests)


@dataclass(frozen=True, kw_only=True, slots=True)
class CasinoReport(Figures):
    """The figures of one casino, with the number of `owed` slips and the `drifting` accounts now.

    `uncollected_points` of `uncollected_slips` were to be taken back, and the balances did not cover them.
    """

    owed: int
    uncollected_slips: int
    uncollected_points: int
    oldest_owed: RatingSlip | None
    oldest_owed_for: timedelta | None
    drifting: tuple[int, ...]


def report_on(*, casino: Casino, first_day: date, last_day: date, at: datetime) -> CasinoReport:
    """Count the figures of `casino` for the gaming days from `first_day` to `last_day`; `at` is now."""
    with transaction.atomic():
        # A report may read the whole ledger, so it has a longer time-out than a request.
        drifting = drifting_accounts(casino=casino, within_seconds=REPORT_SECONDS)
        counted = _counted({casino: (first_day, last_day)})[casino.pk]
        owed = RatingSlip.objects.owed().filter(casino=casino)
        owed_count = owed.count()
        uncollected = RatingSlip.objects.uncollected().filter(casino=casino).order_by()
        left = uncollected.aggregate(slips=Count("pk"), points=Coalesce(Sum("uncollected_points"), 0))
        oldest = owed.order_by("closed_at", "pk").first()
    return CasinoReport(
        casino=casino,
        first_day=first_day,
        last_day=last_day,
        **counted,
        owed=owed_count,
        uncollected_slips=left["slips"],
        uncollected_points=int(left["points"]),
        oldest_owed=oldest,
        oldest_owed_for=at - oldest.closed_at if oldest and oldest.closed_at else None,
        drifting=drifting,
    )


def todays_figures(*, casinos: Sequence[Casino], at: datetime) -> list[Figures]:
    """The figures of the gaming day of `at` for each of `casinos`, in three statements."""
    days = {casino: (casino.gaming_day_at(at),) * 2 for casino in casinos}
    counted = _counted(days)
    return [
        Figures(casino=casino, first_day=first, last_day=last, **counted[casino.pk])
        for casino, (first, last) in days.items()
    ]


def _counted(days: Mapping[Casino, tuple[date, date]]) -> dict[int, dict[str, int]]:
    """The counts of `Figures` by the key of the casino, each for its span of gaming days."""
    closed, made, repeated = [], [], []
    for casino, (first, last) in days.items():
        starts_at, ends_at = casino.gaming_day_span(first)[0], casino.gaming_day_span(last)[1]
        of_the_days = Q(casino=casino, gaming_day__range=(first, last))
        slips = RatingSlip.objects.filter(casino=casino, closed_at__gte=starts_at, closed_at__lt=ends_at)
        closed.append(slips.filter(status="CLOSED"))
        made.append(LedgerEntry.objects.filter(of_the_days, kind=LedgerEntry.Kind.MANUAL_BONUS))
        repeated.append(ReplayCount.objects.filter(of_the_days, operation__in=OPERATIONS_COUNTED))
    completions = _by_casino(
        closed,
        completions=Count("closed_at"),
        settled_at_close=Count("closed_at", filter=Q(owed_because="")),
        recovered=Count("closed_at", filter=Q(recovered_by__isnull=False)),
        withheld=Count("closed_at", filter=~Q(withheld_because="") & Q(theoretical_win__gt=0)),
    )
    awards, replays = _by_casino(made, awards=Count("pk")), _by_casino(repeated, replays=Sum("replays"))
    nothing = {"completions": 0, "settled_at_close": 0, "recovered": 0, "withheld": 0}
    return {
        casino.pk: {
            **(of_slips := completions.get(casino.pk, nothing)),
            "requests": of_slips["completions"] + awards.get(casino.pk, {}).get("awards", 0),
            "replays": replays.get(casino.pk, {}).get("replays", 0),
        }
        for casino in days
    }


def _by_casino(rows_of_casinos: "Sequence[QuerySet[Any]]", **aggregates: Any) -> dict[int, dict[str, int]]:
    """The aggregates of the rows of each casino, in one statement.

    Each casino is counted by itself: for an OR over casinos whose days differ, PostgreSQL would read the rows, and not
    an index alone.
    """
    parts = [rows.order_by().values(casino_key=F("casino")).annotate(**aggregates) for rows in rows_of_casinos]
    none: QuerySet[Any] = Casino.objects.none()
    return {row.pop("casino_key"): row for row in none.union(*parts, all=True)}


def _percent(part: int, *, of: int) -> Decimal | None:
    """A share in percent with three decimals, rounded down: a share just below a target is not shown as met."""
    return Decimal(part * 100_000 // of) / 1000 if of else None
