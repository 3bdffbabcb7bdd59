"""The server of production: a real process on a free port."""

import http.client
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
from django.conf import settings
from structlog.testing import capture_logs

from config.gunicorn import StructuredLogger
from core.roles import AUDITOR
from loyalty.models import LedgerEntry, LedgerExport
from tests.console import address, signed_in
from tests.databases import database_environment
from tests.emptying import ModuleDb
from tests.factories import StaffFactory
from tests.floor import Floor
from tests.logged_requests import SEARCHED
from tests.loyalty.rows import account_of, write_history
from tests.processes import entries_in, run_program, run_python, serving
from tests.waiting import wait_until


class Served(NamedTuple):
    """What a server wrote, the correlation id of the one request to it, and what it left in its user's home."""

    said: str
    entries: list[dict[str, Any]]
    correlation_id: str
    at_home: list[Path]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """A server that was started, asked once for a page that is not there, and stopped."""
    home, log = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("log") / "log"
    with serving(log, HOME=str(home)) as port:
        headers = {"Referer": f"http://127.0.0.1/?q={SEARCHED}"}
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", f"/no/such/page/?q={SEARCHED}", headers=headers)
        answer = connection.getresponse()
        correlation_id = answer.headers["X-Correlation-ID"]
        assert answer.status == 404
        connection.close()
    said = log.read_text()
    return Served(said, entries_in(said.splitlines()), correlation_id, list(home.rglob("*")))


_FIRST_REQUEST = """
import sys
from config.wsgi import application, warm_up
from django.test import RequestFactory
if sys.argv[1:] != ["cold"]:
    warm_up()
before = set(sys.modules)
assert application.get_response(RequestFactory(SERVER_NAME="127.0.0.1").get("/no/such/page/")).status_code == 404
print(len({name for name in set(sys.modules) - before if name.startswith(("core.", "loyalty.", "ratingslips."))}))
"""


class TestFirstRequest:
    @pytest.mark.parametrize(("arguments", "loads_nothing"), [([], True), (["cold"], False)])
    def test_loads_no_page_in_a_worker_that_is_warm(self, arguments: list[str], loads_nothing: bool) -> None:
        loaded, _ = run_python("-c", _FIRST_REQUEST, *arguments)

        assert (loaded == "0") == loads_nothing


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

    @pytest.mark.parametrize(
        ("options", "advice"),
        [
            (["--worker-class", "gthread"], "leave out --worker-class"),
            (["--preload"], "leave out --preload"),
            (["--certfile", __file__, "--keyfile", __file__], "Leave out --certfile"),
        ],
    )
    def test_does_not_start_without_the_limits_of_its_worker(self, options: list[str], advice: str) -> None:
        started = run_program(
            *("-m", "gunicorn", "-c", "python:config.gunicorn", "config.wsgi"),
            *(*options, "--bind", "127.0.0.1:0"),
            ENVIRONMENT="production",
            SECRET_KEY="k" * 60,
            REQUEST_KEYS="A" * 43 + "=",
        )

        assert started.returncode == 3
        assert advice in started.stdout + started.stderr


class Exporting:
    """A server with an exported ledger of `ENTRIES`, and clients of an auditor whose sockets take little at once."""

    ENTRIES = 3_000
    TIMEOUT_SECONDS = 3  # Of a worker whose main thread hangs.
    SLOW_CLIENT_SECONDS = 2

    def __init__(self, port: int, session: str) -> None:
        self._port = port
        self.clients: list[http.client.HTTPConnection] = []
        token = "t" * 32
        self._body = urlencode({"csrfmiddlewaretoken": token})
        self._headers = {
            "Cookie": f"sessionid={session}; csrftoken={token}",
            "Content-Type": "application/x-www-form-urlencoded",
        }

    def ask(self) -> http.client.HTTPResponse:
        """Ask for an export of everything; gives the answer, of which nothing but the headers was read."""
        client = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        self.clients.append(client)
        client.sock = socket.socket()
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        client.sock.settimeout(30)
        client.sock.connect(("127.0.0.1", self._port))
        client.request("POST", address(LedgerEntry, "export"), self._body, self._headers)
        return client.getresponse()

    def tap(self) -> int:
        """The status of a page that somebody else asks for."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/console/login/", timeout=2) as answer:
            return int(answer.status)


@pytest.fixture(scope="module")
def auditor(module_db: ModuleDb) -> tuple[str, dict[str, str]]:
    """The session of an auditor whose casino has `ENTRIES`, and the environment of a server that knows it."""
    with module_db():
        floor = Floor.build()
        write_history(floor, account_of(floor.player()), entries=Exporting.ENTRIES)
        client = signed_in(StaffFactory.create(casino=floor.casino), AUDITOR)
        environment = {**database_environment(), "SECRET_KEY": settings.SECRET_KEY}
    return client.cookies["sessionid"].value, environment


@contextmanager
def _exporting(
    auditor: tuple[str, dict[str, str]], log: Path, *options: str, **environment: str
) -> Iterator[Exporting]:
    session, of_database = auditor
    with serving(log, *options, **of_database, **environment) as port:
        exporting = Exporting(port, session)
        yield exporting
    for client in exporting.clients:
        client.close()


@pytest.fixture(scope="module")
def exporting(auditor: tuple[str, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporting]:
    options = ("--timeout", str(Exporting.TIMEOUT_SECONDS))
    log, seconds = tmp_path_factory.mktemp("log") / "log", str(Exporting.SLOW_CLIENT_SECONDS)
    with _exporting(auditor, log, *options, SLOW_CLIENT_SECONDS=seconds) as exporting:
        yield exporting


def _ends() -> list[tuple[bool | None, int | None]]:
    """Whether each export was whole and how many entries it sent, in order of beginning."""
    return list(LedgerExport.objects.order_by("id").values_list("is_whole", "rows"))


@pytest.mark.django_db
class TestExport:
    def test_is_sent_whole_to_a_slow_client_beside_others(self, exporting: Exporting) -> None:
        known = LedgerExport.objects.count()
        begun_at = time.monotonic()

        answers = [exporting.ask(), exporting.ask()]
        third = exporting.ask()
        read = [b"", b""]
        while not all(answer.isclosed() for answer in answers):
            assert exporting.tap() == 200
            read = [text + answer.read(60_000) for text, answer in zip(read, answers, strict=True)]
            threading.Event().wait(Exporting.SLOW_CLIENT_SECONDS / 3)

        assert time.monotonic() - begun_at > Exporting.TIMEOUT_SECONDS
        assert [text.count(b"\n") for text in read] == [Exporting.ENTRIES + 1] * 2
        assert third.status == 302
        wait_until(lambda: _ends()[known:] == [(True, Exporting.ENTRIES)] * 2)

    def test_ends_where_clients_take_nothing_and_lets_others_begin(self, exporting: Exporting) -> None:
        known = LedgerExport.objects.count()

        stalled = [exporting.ask(), exporting.ask()]
        wait_until(lambda: [is_whole for is_whole, _ in _ends()[known:]] == [False, False])
        next_one = exporting.ask()

        assert (next_one.status, next_one.read().count(b"\n")) == (200, Exporting.ENTRIES + 1)
        with pytest.raises((OSError, http.client.HTTPException)):
            stalled[0].read()

    def test_records_its_end_when_the_server_is_stopped(
        self, auditor: tuple[str, dict[str, str]], tmp_path: Path
    ) -> None:
        known = LedgerExport.objects.count()

        with _exporting(auditor, tmp_path / "log", "--graceful-timeout", "6") as exporting:
            exporting.ask()

        assert [is_whole for is_whole, _ in _ends()[known:]] == [False]


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
