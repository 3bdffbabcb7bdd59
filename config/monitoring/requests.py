"""Metrics of requests. Their labels are names of routes and status codes, never paths."""

from typing import Final

from prometheus_client import Counter, Histogram

from core.metrics import REGISTRY

REQUESTS: Final = Counter(
    "ratings_requests", "Answered requests, by name of their route.", ["route", "status"], registry=REGISTRY
)
SECONDS: Final = Histogram(
    "ratings_request_seconds",
    "Seconds from the first middleware to the answer; of an export, to its first line.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=REGISTRY,
)
# Of a request that Django resolves to no view: static files, unknown addresses.
NO_ROUTE: Final = "none"
# Of a request that a worker refuses before Django has it.
UNREAD: Final = "unread"


def count_request(route: str, status: int) -> None:
    """Count an answered request."""
    REQUESTS.labels(route, status).inc()
