"""Requests that end in each way, for the lines that they log.

`PROGRAM` makes them in a process of its own, with its real logging; this module holds the addresses that it asks.
"""

import json
from collections.abc import Iterator

import structlog
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden, StreamingHttpResponse
from django.test import Client, override_settings
from django.urls import include, path

PROGRAM = "import django; django.setup(); from tests.logged_requests import ask_all; print(ask_all())"
SEARCHED = "Featherstonehaugh"


def fail(request: HttpRequest) -> HttpResponse:
    """A view with an error in it."""
    raise RuntimeError("a view went wrong")


def refuse(request: HttpRequest) -> HttpResponse:
    """A view that answers with a refusal of its own."""
    return HttpResponseForbidden("not you")


def stream(request: HttpRequest) -> StreamingHttpResponse:
    """An answer that is still at work when every middleware has returned."""

    def lines() -> Iterator[str]:
        structlog.get_logger("tests").info("tests.line_streamed")
        yield "a line"

    return StreamingHttpResponse(lines())


urlpatterns = [
    path("fails/", fail),
    path("refuses/", refuse),
    path("streams/", stream),
    path("", include("config.urls")),
]


def ask() -> dict[str, str]:
    """Make one request of each kind, all with a searched name; the correlation id that each was answered with."""
    query = {"q": SEARCHED}
    ours = Client(raise_request_exception=False, enforce_csrf_checks=True, headers={"host": "localhost"})
    elsewhere = {"referer": f"https://elsewhere.example/?q={SEARCHED}"}
    answers = {
        "not found": ours.get("/no/such/page/", query),
        "no CSRF token": ours.post("/fails/", query_params=query),
        "from elsewhere": ours.post("/fails/", query_params=query, secure=True, headers=elsewhere),
        "refused": ours.get("/refuses/", query),
        "failed": ours.get("/fails/", query),
        "unknown host": Client(headers={"host": "unknown.example"}).get("/fails/", query),
        "streamed": ours.get("/streams/", query),
    }
    assert b"".join(answers["streamed"]) == b"a line"
    return {name: answer["X-Correlation-ID"] for name, answer in answers.items()}


def ask_all() -> str:
    """Ask, and log a line after the last request; the correlation ids as JSON."""
    with override_settings(ROOT_URLCONF=__name__, SECURE_SSL_REDIRECT=False):
        ids = ask()
    structlog.get_logger("tests").info("tests.requests_ended")
    return json.dumps(ids)
