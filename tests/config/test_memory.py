"""What a worker of gunicorn keeps in memory of a request that is too large: nothing of its body."""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from core.incoming import MAX_FORM_BYTES, MAX_LIST_BYTES
from tests.databases import database_environment
from tests.emptying import ModuleDb
from tests.processes import entries_in, serving
from tests.raw_http import FORM, RawAnswer, RawRequest, ask, connect, read_answer

SENT_BYTES: Final = 200_000_000
# A form with a valid token is read even if its sender is not signed in.
COOKIES: Final = (f"csrftoken={'t' * 32}",)
MAX_GROWTH_BYTES: Final = 20_000_000
_PIECE: Final = b"x" * 1_000_000
_PARTS: Final = "Content-Type: multipart/form-data; boundary=b"
_HEAD_OF_PART: Final = b'--b\r\nContent-Disposition: form-data; name="a"'
# The beginning of a body, and how its length is announced.
BODIES: Final = {
    "a file": ((_PARTS,), _HEAD_OF_PART + b'; filename="film.mp4"\r\n\r\n'),
    "a field of parts": ((_PARTS,), _HEAD_OF_PART + b"\r\n\r\n"),
    "a form": ((FORM,), b"username="),
    "many fields": ((FORM,), b"a=1&" * 100_000),
    "a packed form": ((FORM, "Content-Encoding: gzip"), b"\x1f\x8b\x08\0"),
    "JSON": (("Content-Type: application/json",), b'{"a": "'),
    "pieces of unknown number": ((FORM, "Transfer-Encoding: chunked"), b"ffffffff\r\n"),
}


class Worker:
    """The worker of a server, and what it keeps in memory."""

    def __init__(self, port: int, log: Path) -> None:
        self.port = port
        booting = next(one for one in entries_in(log.read_text().splitlines()) if "Booting worker" in one["event"])
        self._process = Path("/proc") / booting["event"].rpartition(" ")[2]

    def forget_peak(self) -> None:
        """Let the peak begin again at what is kept now."""
        (self._process / "clear_refs").write_text("5")

    def peak_bytes(self) -> int:
        """The most that was in memory at once."""
        kilobytes = re.search(r"VmHWM:\s+(\d+) kB", (self._process / "status").read_text())
        assert kilobytes
        return int(kilobytes[1]) * 1_024

    def send(self, begun: bytes) -> RawAnswer:
        """Send a request and many pieces after it, whatever the server says meanwhile; then read the answer."""
        with connect(self.port) as client:
            with suppress(ConnectionError):
                client.sendall(begun)
                for _ in range(SENT_BYTES // len(_PIECE)):
                    client.sendall(_PIECE)
            return read_answer(client)


@pytest.fixture(scope="module")
def worker(module_db: ModuleDb, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """The worker of a server that has answered before."""
    log = tmp_path_factory.mktemp("log") / "log"
    with module_db():
        environment = database_environment()
    with serving(log, **environment) as port:
        assert ask(port, RawRequest()).status == 200
        yield Worker(port, log)


class TestMemory:
    @pytest.mark.parametrize("target", ["/console/login/", "/console/ratingslips/ratingslip/", "/nowhere/"])
    @pytest.mark.parametrize("what", BODIES)
    def test_is_not_taken_by_what_is_too_large(self, worker: Worker, what: str, target: str) -> None:
        headers, body = BODIES[what]
        is_chunked = any("chunked" in header for header in headers)
        worker.forget_peak()
        before = worker.peak_bytes()

        answer = worker.send(
            RawRequest(
                method="POST",
                target=target,
                headers=headers,
                cookies=COOKIES,
                body=body,
                length=None if is_chunked else SENT_BYTES + len(body),
            ).encoded()
        )

        assert answer.status == 413
        assert answer.headers["X-Correlation-ID"] in answer.body
        assert answer.headers["Connection"] == "close"
        assert worker.peak_bytes() - before < MAX_GROWTH_BYTES

    def test_is_not_taken_by_a_head_without_an_end(self, worker: Worker) -> None:
        worker.forget_peak()
        before = worker.peak_bytes()

        answer = worker.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: ")

        assert answer.status == 413
        assert worker.peak_bytes() - before < MAX_GROWTH_BYTES

    @pytest.mark.parametrize(
        ("target", "limit"), [("/console/ratingslips/ratingslip/", MAX_LIST_BYTES), ("/console/", MAX_FORM_BYTES)]
    )
    def test_is_bounded_where_a_form_is_read(self, worker: Worker, target: str, limit: int) -> None:
        form = RawRequest(method="POST", target=target, headers=(FORM,), cookies=COOKIES, body=b"%41" * (limit // 3))
        worker.forget_peak()
        before = worker.peak_bytes()

        answer = ask(worker.port, form)

        assert answer.status == 403
        assert worker.peak_bytes() - before < 100 * limit
