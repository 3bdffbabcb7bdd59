"""The figures that the house is judged by: how slips were completed, what was recovered, what is owed, what drifts."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from django.db import connection, transaction
from django.db.models import Count, Q, Sum

from core.models import Casino, ReplayCount
from loyalty.models import LedgerEntry
from ratingslips.models import RatingSlip

COMPLETION_TARGET_PERCENT: Final = Decimal("99.5")  # more than
RECOVERY_TARGET_PERCENT: Final = Decimal("0.1")  # less than
REPLAY_TARGET_PERCENT: Final = Decimal(1)  # less than
DRIFT_TARGET_ACCOUNTS: Final = 0
MAX_DAYS: Final = 366
STATEMENT_TIMEOUT_SECONDS: Final = 300

COMPLETION: Final = "ratingslips.complete"
REWARD: Final = "loyalty.manual_reward"

# An account is what its entries add up to, and where its last entry left it.
_DRIFTING_ACCOUNTS: Final = """
    SELECT account.id
    FROM loyalty_playerloyalty AS account
    JOIN core_player AS player ON player.id = account.player_id
    LEFT JOIN (
        SELECT account_id, SUM(points) AS points, COUNT(*) AS entries, MAX(seq) AS last_seq
        FROM loyalty_ledger GROUP BY account_id
    ) AS total ON total.account_id = account.id
    LEFT JOIN loyalty_ledger AS last ON last.account_id = account.id AND last.seq = total.last_seq
    WHERE player.casino_id = %s
      AND (
        account.balance <> COALESCE(total.points, 0)
        OR account.entry_count <> COALESCE(total.entries, 0)
        OR account.lifetime_points <> COALESCE(last.lifetime_points_after, 0)
      )
    ORDER BY account.id
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class HouseReport:
    """The figures of one casino for the gaming days from `first_day` to `last_day`; `owed` and `drifting` are of now.

    `completions` are the slips that closed in the span: of these, `settled_at_close` were paid (or found to be worth
    nothing) as they closed, and `recovered` were owed and have been paid since. `requests` are the completions and
    manual rewards of the span, `replays` those that were asked for again.
    """

    casino: Casino
    first_day: date
    last_day: date
    completions: int
    settled_at_close: int
    recovered: int
    requests: int
    replays: int
    owed: int
    oldest_owed: RatingSlip | None
    oldest_owed_for: timedelta | None
    drifting: tuple[int, ...]

    @property
    def success_percent(self) -> Decimal | None:
        """Of the completions, how many were settled at close; none where there were none."""
        return _percent(self.settled_at_close, of=self.completions)

    @property
    def recovery_percent(self) -> Decimal | None:
        """Of the completions, how many had to be recovered; none where there were none."""
        return _percent(self.recovered, of=self.completions)

    @property
    def replay_percent(self) -> Decimal | None:
        """Replays for each hundred requests; none where there were none."""
        return _percent(self.replays, of=self.requests)


def report_on(*, casino: Casino, first_day: date, last_day: date, at: datetime) -> HouseReport:
    """Count the figures of `casino` for a span of gaming days, both included, as they are at `at`."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            # A report may read the whole ledger; requests of the floor may not.
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{STATEMENT_TIMEOUT_SECONDS}s"])
            cursor.execute(_DRIFTING_ACCOUNTS, [casino.pk])
            drifting = tuple(account_id for (account_id,) in cursor.fetchall())
        starts_at, _ = casino.gaming_day_span(first_day)
        _, ends_at = casino.gaming_day_span(last_day)
        closed = RatingSlip.objects.filter(casino=casino, closed_at__gte=starts_at, closed_at__lt=ends_at).aggregate(
            completions=Count("pk"),
            settled_at_close=Count("pk", filter=Q(owed_because="")),
            recovered=Count("pk", filter=Q(recovered_by__isnull=False)),
        )
        awards = LedgerEntry.objects.filter(
            account__player__casino=casino,
            kind=LedgerEntry.Kind.MANUAL_BONUS,
            created_at__gte=starts_at,
            created_at__lt=ends_at,
        ).count()
        replays = ReplayCount.objects.filter(
            casino=casino, gaming_day__range=(first_day, last_day), operation__in=[COMPLETION, REWARD]
        ).aggregate(total=Sum("replays"))
        owed = RatingSlip.objects.owed().filter(casino=casino)
        owed_count = owed.count()
        oldest = owed.order_by("closed_at", "pk").first()
    return HouseReport(
        casino=casino,
        first_day=first_day,
        last_day=last_day,
        **closed,
        requests=closed["completions"] + awards,
        replays=replays["total"] or 0,
        owed=owed_count,
        oldest_owed=oldest,
        oldest_owed_for=at - oldest.closed_at if oldest and oldest.closed_at else None,
        drifting=drifting,
    )


def _percent(part: int, *, of: int) -> Decimal | None:
    """A share in percent with three decimals, rounded down, so that a share just under a target never reads as met."""
    return Decimal(part * 100_000 // of) / 1000 if of else None
