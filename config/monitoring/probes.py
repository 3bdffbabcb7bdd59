"""The three addresses that machines ask: whether a worker lives, whether it can serve, and the metrics."""

import platform
from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Info, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from config.monitoring.figures import DatabaseFigures
from config.monitoring.reach import takes_writes
from config.monitoring.workers import folder, reading
from core.metrics import REGISTRY
from core.origins import is_among, machine_address


def answer_of(request: HttpRequest) -> HttpResponse | None:
    """The answer to a machine of MONITORING_ADDRESSES; None to everybody else, for whom the addresses do not exist."""
    probe = _PROBES.get(request.path_info)
    if probe is None or request.method not in {"GET", "HEAD"}:
        return None
    address = machine_address(request)
    if address is None or not is_among(address, settings.MONITORING_ADDRESSES):
        return None
    answer = probe()
    answer._has_been_logged = True  # type: ignore[attr-defined]  # Else Django logs an error for each answer 503.
    answer["Cache-Control"] = "no-store"
    return answer


def _live() -> HttpResponse:
    return _plain("The worker lives.")


def _ready() -> HttpResponse:
    try:
        can_serve = takes_writes()
    except DatabaseError:
        return _plain("The database cannot be reached.", status=503)
    return _plain("The worker can serve.") if can_serve else _plain("The database is read-only.", status=503)


def _metrics() -> HttpResponse:
    read_now = CollectorRegistry()
    build = Info("ratings_build", "The version that runs.", registry=read_now)
    build.info({"version": settings.VERSION, "python": platform.python_version()})
    read_now.register(DatabaseFigures())
    return HttpResponse(generate_latest(read_now) + _counters(), content_type=CONTENT_TYPE_LATEST)


def _counters() -> bytes:
    """The counters of all workers, or of a process that has no others beside it."""
    files = folder()
    if files is None:
        return generate_latest(REGISTRY)
    of_workers = CollectorRegistry()
    MultiProcessCollector(of_workers, path=str(files))
    with reading(files):
        return generate_latest(of_workers)


def _plain(sentence: str, *, status: int = 200) -> HttpResponse:
    return HttpResponse(f"{sentence}\n", status=status, content_type="text/plain; charset=utf-8")


_PROBES: Final[dict[str, Callable[[], HttpResponse]]] = {"/livez": _live, "/readyz": _ready, "/metrics": _metrics}
