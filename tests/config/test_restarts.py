"""Gunicorn under load, on a socket that its supervisor holds: no request fails when it is reloaded or restarted."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.processes import ROOT
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

PAGE, CLIENTS = "/console/login/", 3
GUNICORN = Path(sys.executable).with_name("gunicorn")
_PAUSE_SECONDS = 0.02
_LISTENING = 3  # The first descriptor that systemd passes on.


class Load:
    """Clients that ask for a page again and again, half of them on connections that they keep."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answered = 0
        self.failed: list[str] = []
        self._has_ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=[number % 2 == 0]) for number in range(CLIENTS)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Wait for the last answers, and ask for no more."""
        self._has_ended.set()
        for thread in self._threads:
            thread.join()

    def wait_for_more(self) -> None:
        """Wait until all clients have been answered again."""
        known = self.answered
        wait_until(lambda: self.answered >= known + 2 * CLIENTS, timeout_seconds=60)

    def _ask(self, keeps: bool) -> None:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        while not self._has_ended.wait(_PAUSE_SECONDS):
            try:
                client.request("GET", PAGE, headers={} if keeps else {"Connection": "close"})
                answer = client.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(repr(error))
                client.close()
            else:
                self.answered += answer.status == 200
                self.failed += [str(answer.status)] if answer.status != 200 else []
        client.close()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """The socket that a supervisor such as systemd holds while gunicorn comes and goes."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as held:
        yield held


@contextmanager
def _gunicorn(listener: socket.socket, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Gunicorn with its own settings, on a socket that it is given as systemd does; ended after the block."""
    with log.open("a") as output:
        master = subprocess.Popen(
            ["/bin/sh", "-c", f"LISTEN_PID=$$ LISTEN_FDS=1 exec {GUNICORN} -c python:config.gunicorn"],
            cwd=ROOT,
            env={**os.environ, "LOG_JSON": "1", "DJANGO_SETTINGS_MODULE": "tests.settings"},
            stdout=output,
            stderr=output,
            pass_fds=[_LISTENING],
            preexec_fn=lambda: os.dup2(listener.fileno(), _LISTENING),
        )
        try:
            yield master
        finally:
            master.terminate()
            master.wait(60)


def _children(process_id: int) -> list[int]:
    children = Path(f"/proc/{process_id}/task/{process_id}/children")
    return [int(child) for child in children.read_text().split()] if children.exists() else []


def _masters_below(process_id: int) -> list[int]:
    """The children that have a worker: an upgrade begins a master below the one that it replaces."""
    return [child for child in _children(process_id) if _children(child)]


def _counted(port: int) -> float:
    """How often `PAGE` was answered, as /metrics has it."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    client.request("GET", "/metrics", headers={"Connection": "close"})
    lines = client.getresponse().read().decode().splitlines()
    client.close()
    of_page = 'ratings_requests_total{route="admin:login"'
    return sum(float(line.split()[-1]) for line in lines if line.startswith(of_page))


class TestGunicorn:
    def test_fails_no_request_when_it_is_reloaded_upgraded_or_restarted(
        self, listener: socket.socket, tmp_path: Path
    ) -> None:
        port = listener.getsockname()[1]
        with Load(port) as load:
            with _gunicorn(listener, tmp_path / "log") as first:
                load.wait_for_more()
                [worker] = _children(first.pid)
                first.send_signal(signal.SIGHUP)
                wait_until(lambda: worker not in _children(first.pid), timeout_seconds=60)
                load.wait_for_more()
                answered = load.answered
                counted = _counted(port)

                first.send_signal(signal.SIGUSR2)
                wait_until(lambda: _masters_below(first.pid), timeout_seconds=60)
                [second] = _masters_below(first.pid)
            load.wait_for_more()
            os.kill(second, signal.SIGTERM)
            wait_until(lambda: not _children(second), timeout_seconds=60)

            with _gunicorn(listener, tmp_path / "log"):
                load.wait_for_more()
                load.end()

        assert load.failed == []
        assert counted >= answered
