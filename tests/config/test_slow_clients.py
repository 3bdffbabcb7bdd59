"""Clients that send slowly, stay, or send passwords: meanwhile the floor is answered. Real connections to gunicorn."""

import os
import re
import resource
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from django.conf import settings

from core.incoming import MAX_LIST_BYTES
from core.models import SignInEvent
from tests.databases import database_environment
from tests.emptying import ModuleDb
from tests.processes import serving
from tests.raw_http import FORM, RawRequest, ask, connect, read_answer
from tests.waiting import wait_until

TOKEN: Final = "t" * 32
PAGE: Final = RawRequest()
CLOSING: Final = RawRequest(headers=("Connection: close",))
SIGN_IN: Final = RawRequest(method="POST", headers=(FORM,), cookies=(f"csrftoken={TOKEN}",))
# More than gunicorn has threads.
MANY: Final = 20
SECONDS: Final = 2
BEGUN: Final = {
    "nothing": b"",
    "a head": PAGE.encoded()[:-2],
    "a body": RawRequest(method="POST", headers=(FORM,), body=b"a=1", length=100).encoded(),
    "a body of any length": RawRequest(method="POST", headers=(FORM,), body=b"a=1", length=10**12).encoded(),
}


@pytest.fixture(scope="module")
def environment(module_db: ModuleDb) -> dict[str, str]:
    """The environment of a server on the database of the tests."""
    with module_db():
        return database_environment()


@pytest.fixture(scope="module")
def port(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server that waits `SECONDS` for a request."""
    log = tmp_path_factory.mktemp("log") / "log"
    with serving(log, **environment, SLOW_REQUEST_SECONDS=str(SECONDS)) as port:
        assert ask(port, PAGE).status == 200
        yield port


@pytest.fixture
def gthread_port(environment: dict[str, str], tmp_path: Path) -> Iterator[int]:
    """A server with the worker of gunicorn itself, for controls."""
    with serving(tmp_path / "log", "--worker-class", "gthread", "--graceful-timeout", "1", **environment) as port:
        assert ask(port, PAGE).status == 200
        yield port


@pytest.fixture
def clients() -> Iterator[ExitStack]:
    """Keeps connections open until the test ends."""
    with ExitStack() as open_until_the_end:
        yield open_until_the_end


def begin(port: int, clients: ExitStack, sent: bytes) -> list[socket.socket]:
    """`MANY` connections on each of which `sent` was sent."""
    begun = [clients.enter_context(connect(port)) for _ in range(MANY)]
    for client in begun:
        client.sendall(sent)
    return begun


def is_held_up(port: int, *, seconds: float = SECONDS) -> bool:
    """Whether a page is not answered within so many seconds."""
    with connect(port) as client:
        client.sendall(PAGE.encoded())
        client.settimeout(seconds)
        try:
            read_answer(client)
        except TimeoutError:
            return True
    return False


class TestHalfSentRequest:
    @pytest.mark.parametrize("sent", BEGUN.values(), ids=BEGUN.keys())
    def test_holds_nobody_up(self, port: int, clients: ExitStack, sent: bytes) -> None:
        begin(port, clients, sent)

        # Without room they wait until the first client is given up.
        assert not any(is_held_up(port, seconds=settings.SLOW_REQUEST_SECONDS / 2) for _ in range(5))

    @pytest.mark.parametrize("sent", BEGUN.values(), ids=BEGUN.keys())
    def test_would_hold_everybody_up_in_gunicorn_s_own_worker(
        self, gthread_port: int, clients: ExitStack, sent: bytes
    ) -> None:
        begin(gthread_port, clients, sent)

        assert is_held_up(gthread_port)

    @pytest.mark.parametrize("what", ["a head", "a body"])
    def test_is_refused_after_a_time(self, port: int, clients: ExitStack, what: str) -> None:
        begun = begin(port, clients, BEGUN[what])

        answers = [read_answer(client) for client in begun]

        assert {answer.status for answer in answers} == {400}
        assert all(answer.headers["X-Correlation-ID"] in answer.body for answer in answers)

    def test_is_refused_where_many_large_ones_are_received(self, port: int, clients: ExitStack) -> None:
        large = RawRequest(method="POST", headers=(FORM,), body=b"a", length=MAX_LIST_BYTES)
        begun = [clients.enter_context(connect(port)) for _ in range(80)]

        for client in begun:
            client.sendall(large.encoded())
        refused = read_answer(begun[-1])

        assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
        assert ask(port, PAGE).status == 200


class TestManyConnections:
    FILES: Final = 128

    @pytest.fixture
    def port(self, environment: dict[str, str], tmp_path: Path) -> Iterator[int]:
        """A server that may open few files."""
        files = resource.getrlimit(resource.RLIMIT_NOFILE)
        with ExitStack() as until_the_end:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.FILES, files[1]))
            try:
                port = until_the_end.enter_context(serving(tmp_path / "log", **environment))
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, files)
            assert ask(port, PAGE).status == 200
            yield port

    def test_keep_nobody_out(self, port: int, clients: ExitStack) -> None:
        for _ in range(2 * self.FILES):
            clients.enter_context(connect(port))

        # Without room they wait until the first client is given up.
        assert not any(is_held_up(port, seconds=settings.SLOW_REQUEST_SECONDS / 2) for _ in range(5))

    def test_make_room_though_the_client_leaves_just_then(self, port: int, tmp_path: Path, clients: ExitStack) -> None:
        for _ in range(self.FILES):
            clients.enter_context(connect(port))
        leaving = clients.enter_context(connect(port))
        leaving.sendall(CLOSING.encoded())
        assert read_answer(leaving).status == 200
        worker = _worker_of(tmp_path / "log")

        os.kill(worker, signal.SIGSTOP)  # Both of the next events are then found at once.
        wait_until(lambda: "State:\tT" in Path(f"/proc/{worker}/status").read_text())
        coming = clients.enter_context(connect(port))
        leaving.close()
        os.kill(worker, signal.SIGCONT)

        coming.sendall(PAGE.encoded())
        assert read_answer(coming).status == 200


def _worker_of(log: Path) -> int:
    """The process of the only worker, by the log of its server."""
    [worker] = re.findall(r"Booting worker with pid: (\d+)", log.read_text())
    return int(worker)


class TestRequestInPieces:
    def test_is_answered_like_any_other(self, port: int) -> None:
        with connect(port) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in PAGE.encoded():
                client.sendall(bytes([byte]))

            assert read_answer(client).status == 200

    def test_may_follow_another_at_once(self, port: int) -> None:
        form = RawRequest(method="POST", target="/console/", headers=(FORM,), body=b"a=1")

        with connect(port) as client:
            client.sendall(PAGE.encoded() + form.encoded() + CLOSING.encoded())
            with client.makefile("rb") as answers:
                statuses = [line.split()[1] for line in answers if line.startswith(b"HTTP/1.1 ")]

        assert statuses == [b"200", b"403", b"200"]

    def test_is_asked_for_where_the_client_waits(self, port: int) -> None:
        form = RawRequest(method="POST", headers=(FORM, "Expect: 100-continue"), length=3)

        with connect(port) as client:
            client.sendall(form.encoded())
            assert client.recv(100).startswith(b"HTTP/1.1 100 Continue")
            client.sendall(b"a=1")

            assert read_answer(client).status == 403


def unread(port: int, clients: ExitStack, target: str) -> socket.socket:
    """A connection on which something was asked for, whose socket takes little."""
    client = clients.enter_context(socket.socket())
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
    client.settimeout(30)
    client.connect(("127.0.0.1", port))
    client.sendall(RawRequest(target=target).encoded())
    return client


class TestAnswerThatNobodyReads:
    LARGE: Final = "/static/admin/js/vendor/jquery/jquery.js"

    def test_holds_nobody_up_and_is_whole_when_it_is_read(self, port: int, clients: ExitStack) -> None:
        asked = [unread(port, clients, self.LARGE) for _ in range(MANY)]

        assert [ask(port, PAGE).status for _ in range(5)] == [200] * 5
        assert {read_answer(client).body for client in asked} == {ask(port, RawRequest(target=self.LARGE)).body}

    def test_would_hold_everybody_up_in_gunicorn_s_own_worker(self, gthread_port: int, clients: ExitStack) -> None:
        for _ in range(MANY):
            unread(gthread_port, clients, self.LARGE)

        assert is_held_up(gthread_port)

    def test_leaves_the_connection_for_the_next_request(self, port: int, clients: ExitStack) -> None:
        client = unread(port, clients, self.LARGE)
        ask(port, PAGE)

        read_answer(client)
        client.sendall(PAGE.encoded())

        assert read_answer(client).status == 200


class TestClientThatStays:
    def test_holds_nobody_up_after_its_answer(self, port: int, clients: ExitStack) -> None:
        answers = [read_answer(client) for client in begin(port, clients, CLOSING.encoded())]

        assert {answer.status for answer in answers} == {200}
        assert ask(port, PAGE).status == 200


@pytest.mark.django_db
class TestManyPasswords:
    THREADS = 8
    TAPS = 3

    def test_leave_the_floor_its_threads(self, environment: dict[str, str], tmp_path: Path, clients: ExitStack) -> None:
        known = SignInEvent.objects.count()
        hashing = {"DJANGO_SETTINGS_MODULE": "config.settings", "SECRET_KEY": settings.SECRET_KEY}
        port = clients.enter_context(serving(tmp_path / "log", **environment, **hashing))
        assert ask(port, PAGE).status == 200
        pool = clients.enter_context(ThreadPoolExecutor(self.THREADS))
        guessing = []
        for number in range(self.THREADS):
            body = f"csrfmiddlewaretoken={TOKEN}&username=nobody{number}&password=guess".encode()
            client = clients.enter_context(connect(port))
            client.sendall(replace(SIGN_IN, body=body).encoded())
            guessing.append(pool.submit(read_answer, client))

        # Of the pages that are asked for behind all guesses, those that come before the first password was checked.
        taps = 0
        while ask(port, PAGE).status == 200 and not any(one.done() and one.result().status == 200 for one in guessing):
            taps += 1
        answers = [one.result() for one in guessing]

        busy = [answer for answer in answers if answer.status == 503]
        assert taps >= self.TAPS
        assert {answer.status for answer in answers} == {200, 503}
        assert all(
            answer.headers["Retry-After"] and answer.headers["X-Correlation-ID"] in answer.body for answer in busy
        )
        assert SignInEvent.objects.filter(kind="WRONG").count() - known == len(answers) - len(busy)
