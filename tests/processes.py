"""Programs in a process of their own, and the log lines that they write."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[1]


def run_python(*arguments: str, **environment: str) -> tuple[str, list[str]]:
    """Run Python with the settings of the tests; what it wrote to standard output, and its log lines."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr.splitlines()


# The browser tests set it for the rest of the session, and `check --deploy` refuses it.
OF_THE_BROWSER: Final = "DJANGO_ALLOW_ASYNC_UNSAFE"


def run_program(
    *arguments: str, by: Sequence[str] = (), without: Collection[str] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run Python with the settings of the product, in the environment of the tests but for what is named.

    `by` is a command before it that runs it.
    """
    kept = {name: value for name, value in os.environ.items() if name not in {*without, OF_THE_BROWSER}}
    return subprocess.run(
        [*by, sys.executable, *arguments],
        cwd=ROOT,
        env={**kept, "DJANGO_SETTINGS_MODULE": "config.settings", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_served(port: int) -> None:
    """Return as soon as a process listens on the port."""

    def is_served() -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    wait_until(is_served, timeout_seconds=60)


@contextmanager
def serving(log: Path, *options: str, **environment: str) -> Iterator[int]:
    """A server with one worker that writes to `log`, for as long as the block lasts; gives its port."""
    port = free_port()
    gunicorn = str(Path(sys.executable).with_name("gunicorn"))
    address = ("--bind", f"127.0.0.1:{port}", "--workers", "1")
    with log.open("w") as output:
        process = subprocess.Popen(
            [gunicorn, "-c", "python:config.gunicorn", "config.wsgi", *address, *options],
            cwd=ROOT,
            env={**os.environ, "LOG_JSON": "1", "DJANGO_SETTINGS_MODULE": "tests.settings", **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until_served(port)
            yield port
        finally:
            process.terminate()
            process.wait(60)


def entries_in(lines: list[str]) -> list[dict[str, Any]]:
    """The log lines, each of which must be one JSON object."""
    return [json.loads(line) for line in lines]
