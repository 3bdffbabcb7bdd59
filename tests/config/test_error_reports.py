"""Errors that are sent to Sentry, as a receiver on this machine gets them, with nothing of a person."""

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tests.processes import run_program

PROGRAM = """
import django
from django.conf import settings
from django.test import Client, override_settings
from django.urls import path
django.setup()
import logging, structlog, sentry_sdk

def fails(request, **_):
    player = "Lopez-in-variable"
    try:
        int(player + "-in-first-message")
    except ValueError as error:
        raise RuntimeError(f"{player}-in-message") from error

def send():
    client = Client(raise_request_exception=False, headers={"Host": "127.0.0.1", "User-Agent": "Lopez-in-header"})
    client.cookies["seen"] = "Lopez-in-cookie"
    assert client.get("/readyz").status_code == client.get("/metrics").status_code + 303 == 503
    return client.post("/fails/Lopez-in-path/?q=Lopez-in-query", {"name": "Lopez-in-form"})

from config.urls import handler400, handler500, urlpatterns as of_product
urlpatterns = [path("fails/<str:card>/", fails), *of_product]
not_connecting = [name for name in settings.MIDDLEWARE if not name.endswith("PrimaryMiddleware")]
with override_settings(ROOT_URLCONF="__main__"):
    assert send().status_code == 503
    with override_settings(MIDDLEWARE=not_connecting):
        answer = send()
print(answer.headers["X-Correlation-ID"])
structlog.get_logger("core").error("core.something_failed", name="Lopez-in-key")
logging.getLogger("library").error("Lopez-in-text")
logging.getLogger("library").error("could not do %s", "Lopez-in-argument")
logging.getLogger("django.request").error("Service Unavailable: %s", "/", extra={"status_code": 503})
logging.getLogger("django.security.DisallowedHost").error("Lopez-in-host")
sentry_sdk.flush()
raise LookupError("Lopez-at-the-end")
"""


AWAY = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing", "DATABASE_WAIT_SECONDS": "0"}


class _Receiver(BaseHTTPRequestHandler):
    received: list[str] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append(gzip.decompress(body).decode())
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def sent() -> Iterator[tuple[str, list[str]]]:
    """What the program printed, and what was sent while it ran."""
    with HTTPServer(("127.0.0.1", 0), _Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ran = run_program("-c", PROGRAM, SENTRY_DSN=f"http://key@127.0.0.1:{server.server_port}/1", **AWAY)
        yield ran.stdout.strip(), _Receiver.received
        server.shutdown()


def _events(sent: list[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for envelope in sent for line in envelope.splitlines() if '"event_id"' in line][1::2]


class TestErrorReports:
    def test_say_where_it_failed_in_which_request(self, sent: tuple[str, list[str]]) -> None:
        correlation_id, envelopes = sent

        [failed] = [event for event in _events(envelopes) if event.get("logger") == "django.request"]
        values = failed["exception"]["values"]
        assert [(one["type"], one["stacktrace"]["frames"][-1]["function"]) for one in values] == [
            ("ValueError", "fails"),
            ("RuntimeError", "fails"),
        ]
        assert (failed["tags"]["correlation_id"], failed["release"]) == (correlation_id, _version())

    def test_are_of_logged_errors_and_of_what_ends_the_process(self, sent: tuple[str, list[str]]) -> None:
        told = [
            (event.get("logger"), event["logentry"]["message"], [one["type"] for one in event["exception"]["values"]])
            for event in _events(sent[1])
        ]

        assert told[1:] == [
            ("core", "core.something_failed", []),
            ("library", "library", []),
            ("library", "could not do %s", []),
            (None, "", ["LookupError"]),
        ]

    def test_have_nothing_of_a_person(self, sent: tuple[str, list[str]]) -> None:
        assert "RuntimeError" in "".join(sent[1])
        assert "Lopez" not in "".join(sent[1])

    def test_need_an_address_that_can_be_read(self) -> None:
        ran = run_program("manage.py", "check", SENTRY_DSN="nowhere")

        assert (ran.returncode, "Traceback" in ran.stderr) == (2, False)
        assert "SENTRY_DSN cannot be read" in ran.stderr


def _version() -> str:
    return run_program("manage.py", "--version").stdout.strip()
