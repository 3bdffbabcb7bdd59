"""Answers that a worker gives before Django has a request: the pages of the console, with an id of their own."""

from http import HTTPStatus

import structlog
from django.template.loader import render_to_string

from core import correlation

log = structlog.get_logger("gunicorn.error")


def refusal(status: int, *, why: str, error: Exception | None = None) -> bytes:
    """The whole answer, after which the connection is closed; logged, with the traceback of `error`."""
    # Not above: gunicorn's first process imports this module before there is a folder for the counters.
    from config.monitoring.requests import UNREAD, count_request

    count_request(UNREAD, status)
    with correlation.bound() as correlation_id:
        if error is None:
            log.warning("gunicorn.request_refused", status_code=status, why=why)
        else:
            log.error("gunicorn.request_failed", status_code=status, why=why, exc_info=error)
        page = render_to_string(f"{status}.html", {"is_sent": True}).encode()
    head = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "Connection: close",
        "Content-Type: text/html; charset=utf-8",
        f"Content-Length: {len(page)}",
        f"{correlation.HEADER}: {correlation_id}",
        *(["Retry-After: 5"] if status == HTTPStatus.SERVICE_UNAVAILABLE else []),
    ]
    return "".join(f"{line}\r\n" for line in [*head, ""]).encode("ascii") + page
