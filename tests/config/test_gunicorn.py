"""The server of production, as the README starts it: a real process on a free port."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import uuid
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from structlog.testing import capture_logs

from config.gunicorn import StructuredLogger
from tests.logged_requests import SEARCHED
from tests.processes import ROOT, entries_in
from tests.waiting import wait_until


class Served(NamedTuple):
    """What a server wrote, the correlation id of the one request to it, and what it left in its user's home."""

    said: str
    entries: list[dict[str, Any]]
    correlation_id: str
    at_home: list[Path]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _is_served(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """A server that was started, asked once for a page that is not there, and stopped."""
    home, port, correlation_id = tmp_path_factory.mktemp("home"), _free_port(), str(uuid.uuid4())
    gunicorn = str(Path(sys.executable).with_name("gunicorn"))
    process = subprocess.Popen(
        [gunicorn, "-c", "python:config.gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}", "--workers", "1"],
        cwd=ROOT,
        env={**os.environ, "HOME": str(home), "LOG_JSON": "1", "DJANGO_SETTINGS_MODULE": "tests.settings"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_until(lambda: _is_served(port), timeout_seconds=60)
        headers = {"X-Correlation-ID": correlation_id, "Referer": f"http://127.0.0.1/?q={SEARCHED}"}
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", f"/no/such/page/?q={SEARCHED}", headers=headers)
        assert connection.getresponse().status == 404
        connection.close()
    finally:
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
    return Served(said, entries_in(said.splitlines()), correlation_id, list(home.rglob("*")))


class TestGunicorn:
    def test_writes_only_json_lines_from_start_to_stop(self, served: Served) -> None:
        events = [entry["event"] for entry in served.entries]

        assert events[0].startswith("Starting gunicorn")
        assert any(event.startswith("Booting worker") for event in events)
        assert events[-1].startswith("Shutting down")

    def test_writes_the_correlation_id_on_each_line_of_a_request(self, served: Served) -> None:
        lines = [entry for entry in served.entries if entry.get("correlation_id") == served.correlation_id]

        assert [entry["event"] for entry in lines] == ["Not Found: /no/such/page/", "gunicorn.request_answered"]
        assert (lines[1]["method"], lines[1]["path"], lines[1]["status_code"]) == ("GET", "/no/such/page/", 404)
        assert 0 <= lines[1]["took_milliseconds"] < 60_000

    def test_writes_no_query_string(self, served: Served) -> None:
        assert SEARCHED not in served.said

    def test_leaves_nothing_in_the_home_folder(self, served: Served) -> None:
        assert served.at_home == []


class TestStructuredLogger:
    @pytest.mark.parametrize(("status", "code"), [(None, None), ("500 Internal Server Error", 500)])
    def test_tells_of_a_request_that_the_application_never_answered(self, status: str | None, code: int | None) -> None:
        logger = StructuredLogger.__new__(StructuredLogger)  # Its setup would take the logging of the tests over.
        logger.cfg = SimpleNamespace(accesslog="-")

        with capture_logs() as lines:
            logger.access(
                SimpleNamespace(status=status),
                SimpleNamespace(path="/console/"),
                {"REQUEST_METHOD": "GET", "RAW_URI": f"/console/?q={SEARCHED}"},
                timedelta(seconds=1),
            )

        [line] = lines
        assert (line["path"], line["status_code"], line["took_milliseconds"]) == ("/console/", code, 1000)
