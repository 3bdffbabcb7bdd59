"""The figures of `/metrics`, read from the database when it is asked for. Each statement reads an index or few rows."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Final

import structlog
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models import Count, Min, Sum
from django.utils import timezone
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from config.monitoring.reach import takes_writes
from core.jobs import job_ages
from core.models import CommandOperation
from core.retries import sqlstate_of
from core.timeouts import allow_statements
from loyalty.models import LoyaltyProgram
from loyalty.proof.latest import read_proof
from ratingslips.models import DriftCheck, RatingSlip

log = structlog.get_logger(__name__)

# Prometheus waits for 10 seconds: for the connection, what begins within the budget, and the last statement of it.
BUDGET_SECONDS: Final = 4
STATEMENT_SECONDS: Final = 2
NEVER: Final = float("inf")


class DatabaseFigures(Collector):
    """Reads the gauges in one transaction; without the database, the only one is `ratings_database_up`, with 0."""

    def collect(self) -> Iterable[Metric]:
        """Read them."""
        up = GaugeMetricFamily("ratings_database_up", "Whether the figures of the database could be read.")
        try:
            takes_writes()  # Else the next line would wait for a database that is away.
            with transaction.atomic(), connection.execute_wrapper(_within_budget()):
                allow_statements(seconds=STATEMENT_SECONDS)
                figures = [*_figures(now=timezone.now())]
        except DatabaseError as error:
            log.warning("config.figures_not_read", sqlstate=sqlstate_of(error))
            figures = []
        up.add_metric([], 1 if figures else 0)
        return [up, *figures]


def _within_budget() -> Callable[..., Any]:
    """Let statements begin until `BUDGET_SECONDS` have passed, for `execute_wrapper`."""
    ends_at = monotonic() + BUDGET_SECONDS

    def execute_in_time(execute: Callable[..., Any], *statement: Any) -> Any:
        if monotonic() > ends_at:
            raise OperationalError("The figures take too long.")
        return execute(*statement)

    return execute_in_time


def _figures(*, now: datetime) -> Iterator[Metric]:
    owed = RatingSlip.objects.owed().aggregate(slips=Count("pk"), oldest=Min("closed_at"))
    yield _gauge("owed_slips", "Closed slips whose points are owed.", owed["slips"])
    oldest = now - owed["oldest"] if owed["oldest"] else timedelta()
    yield _gauge("owed_oldest_seconds", "How long points have been owed for the oldest of them.", _seconds(oldest))
    yield _gauge("live_slips", "Slips that are open or paused.", RatingSlip.objects.live().count())
    yield from _drift(now=now)
    yield from _proof(now=now)
    yield from _jobs()
    yield _commands()


def _drift(*, now: datetime) -> Iterator[Metric]:
    checks = DriftCheck.objects.aggregate(casinos=Count("pk"), accounts=Sum("accounts"), oldest=Min("checked_at"))
    yield _gauge("drifting_accounts", "Accounts that the last checks found to drift.", checks["accounts"] or 0)
    is_unchecked = checks["casinos"] < LoyaltyProgram.objects.count()
    age = None if is_unchecked or not checks["oldest"] else now - checks["oldest"]
    yield _gauge("drift_check_age_seconds", "Age of the oldest check of a casino for drift.", _seconds(age))


def _proof(*, now: datetime) -> Iterator[Metric]:
    proof = read_proof(now=now)
    yield _gauge("ledger_broken", "Whether a verification found a break that no later one cleared.", bool(proof.broken))
    yield _gauge(
        "verification_age_seconds", "Age of the last verification of the whole ledger.", _seconds(proof.whole_age)
    )
    yield _gauge("checkpoint_age_seconds", "Age of the last checkpoint.", _seconds(proof.checkpoint_age))


def _jobs() -> Iterator[Metric]:
    ages = GaugeMetricFamily("ratings_job_age_seconds", "Time since the last success of a job.", labels=["command"])
    limits = GaugeMetricFamily("ratings_job_max_age_seconds", "The age at which a job is late.", labels=["command"])
    for job, age in job_ages().items():
        ages.add_metric([job.command], _seconds(age))
        limits.add_metric([job.command], job.max_age.total_seconds())
    yield from (ages, limits)


def _commands() -> Metric:
    labels = ["command", "operation", "outcome", "attempt"]
    operations = CounterMetricFamily(
        "ratings_command_operations", "Attempts of operations that ended in commands.", labels=labels
    )
    for *values, times in CommandOperation.objects.values_list(*labels, "times"):
        operations.add_metric([*map(str, values)], times)
    return operations


def _gauge(name: str, sentence: str, value: float) -> Metric:
    return GaugeMetricFamily(f"ratings_{name}", sentence, value=value)


def _seconds(age: timedelta | None) -> float:
    return NEVER if age is None else age.total_seconds()
