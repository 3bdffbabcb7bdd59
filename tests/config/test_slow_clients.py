"""Clients that send slowly, stay, or send passwords: meanwhile the floor is answered. Real connections to gunicorn."""

import socket
import threading
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
from tests.raw_http import FORM, RawAnswer, RawRequest, ask, connect, read_answer

TOKEN: Final = "t" * 32
PAGE: Final = RawRequest()
SIGN_IN: Final = RawRequest(method="POST", headers=(FORM,), cookies=(f"csrftoken={TOKEN}",))
# More than gunicorn has threads.
MANY: Final = 20
SECONDS: Final = 2
BEGUN: Final = {
    "nothing": b"",
    "a head": PAGE.encoded()[:-2],
    "a body": RawRequest(method="POST", headers=(FORM,), body=b"a=1", length=100).encoded(),
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


class TestHalfSentRequest:
    @pytest.mark.parametrize("sent", BEGUN.values(), ids=BEGUN.keys())
    def test_holds_nobody_up(self, port: int, clients: ExitStack, sent: bytes) -> None:
        begin(port, clients, sent)

        assert [ask(port, PAGE).status for _ in range(5)] == [200] * 5

    @pytest.mark.parametrize("sent", BEGUN.values(), ids=BEGUN.keys())
    def test_would_hold_everybody_up_in_gunicorn_s_own_worker(
        self, environment: dict[str, str], tmp_path: Path, clients: ExitStack, sent: bytes
    ) -> None:
        with serving(tmp_path / "log", "--worker-class", "gthread", "--graceful-timeout", "1", **environment) as port:
            assert ask(port, PAGE).status == 200
            begin(port, clients, sent)
            client = clients.enter_context(connect(port))
            client.sendall(PAGE.encoded())
            client.settimeout(SECONDS)

            with pytest.raises(TimeoutError):
                read_answer(client)

            clients.close()

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
            client.sendall(PAGE.encoded() + form.encoded() + PAGE.encoded())

            assert [read_answer(client).status for _ in range(3)] == [200, 403, 200]

    def test_is_asked_for_where_the_client_waits(self, port: int) -> None:
        form = RawRequest(method="POST", headers=(FORM, "Expect: 100-continue"), length=3)

        with connect(port) as client:
            client.sendall(form.encoded())
            assert client.recv(100).startswith(b"HTTP/1.1 100 Continue")
            client.sendall(b"a=1")

            assert read_answer(client).status == 403


class TestClientThatStays:
    def test_holds_nobody_up_after_its_answer(self, port: int, clients: ExitStack) -> None:
        closing = RawRequest(headers=("Connection: close",)).encoded()

        answers = [read_answer(client) for client in begin(port, clients, closing)]

        assert {answer.status for answer in answers} == {200}
        assert ask(port, PAGE).status == 200


@pytest.mark.django_db
class TestManyPasswords:
    CLIENTS = 8

    def test_leave_the_floor_its_threads(self, environment: dict[str, str], tmp_path: Path) -> None:
        known = SignInEvent.objects.count()
        hashing = {"DJANGO_SETTINGS_MODULE": "config.settings", "SECRET_KEY": settings.SECRET_KEY}
        together = threading.Barrier(self.CLIENTS)
        with serving(tmp_path / "log", **environment, **hashing) as port, ThreadPoolExecutor(self.CLIENTS) as pool:
            assert ask(port, PAGE).status == 200

            def guess(number: int) -> list[RawAnswer]:
                body = f"csrfmiddlewaretoken={TOKEN}&username=nobody{number}&password=guess".encode()
                together.wait()
                return [ask(port, replace(SIGN_IN, body=body)) for _ in range(3)]

            guessing = [pool.submit(guess, number) for number in range(self.CLIENTS)]
            taps = 0
            while not all(one.done() for one in guessing):
                assert ask(port, PAGE).status == 200
                taps += 1
            answers = [answer for one in guessing for answer in one.result()]

        busy = [answer for answer in answers if answer.status == 503]
        assert taps
        assert {answer.status for answer in answers} == {200, 503}
        assert all(
            answer.headers["Retry-After"] and answer.headers["X-Correlation-ID"] in answer.body for answer in busy
        )
        assert SignInEvent.objects.filter(kind="WRONG").count() - known == len(answers) - len(busy)
