"""Counters that `/metrics` shows (`config.monitoring`). Their labels are constants of the code: names, codes, numbers.

Behind gunicorn each worker counts for itself, in files that all workers read (`config.monitoring.workers`). A command
adds its operations to the database (`core.run_counts`).
"""

from collections import Counter as Totals
from collections.abc import Callable
from typing import Any, Final

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper
from prometheus_client import CollectorRegistry, Counter

REGISTRY: Final = CollectorRegistry()

OPERATIONS: Final = Counter(
    "ratings_operations",
    "Attempts of operations that ended: DONE, or the code of the error.",
    ["operation", "outcome", "attempt"],
    registry=REGISTRY,
)
REPLAYS: Final = Counter(
    "ratings_replays", "Repeated requests that got the first result.", ["operation"], registry=REGISTRY
)
DATABASE_ERRORS: Final = Counter(
    "ratings_database_errors",
    "Statements that failed, by SQLSTATE: 55P03 is a lock time-out.",
    ["sqlstate"],
    registry=REGISTRY,
)

# Without labels, so that it is 0 before the first use, and an increase is seen.
BREAK_GLASS: Final = Counter(
    "ratings_break_glass_sign_ins",
    "Sign-ins by password of the accounts that are kept for when the identity provider is away.",
    registry=REGISTRY,
)


def operations_so_far() -> Totals[tuple[str, ...]]:
    """How often operations of this process ended, by operation, outcome and attempt."""
    [metric] = OPERATIONS.collect()
    totals = (sample for sample in metric.samples if sample.name.endswith("_total"))
    return Totals({(*sample.labels.values(),): int(sample.value) for sample in totals})


def count_errors(*, connection: BaseDatabaseWrapper, **_signal: Any) -> None:
    """Count the statements of the connection that fail from now on."""
    if _counting not in connection.execute_wrappers:
        connection.execute_wrappers.append(_counting)


def _counting(execute: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return execute(*arguments)
    except DatabaseError as error:
        DATABASE_ERRORS.labels(getattr(error.__cause__, "sqlstate", None) or "none").inc()
        raise
