"""The demo, as a newcomer starts it: real processes on an empty database."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.databases import connect, database_url, empty_database
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
STEPS = re.compile(r"^ *\d+\.\d s  ", re.MULTILINE)


def start(name: str, *arguments: str) -> subprocess.Popen[str]:
    """Start `manage.py demo` on the database `name`."""
    return subprocess.Popen(
        [sys.executable, "manage.py", "demo", *arguments],
        cwd=ROOT,
        env={
            **os.environ,
            "DATABASE_URL": database_url(name),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONUNBUFFERED": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(name: str, *arguments: str) -> tuple[int, str]:
    """Run the demo to its end; its exit code and all that it said."""
    process = start(name, *arguments)
    said, _ = process.communicate(timeout=180)
    return process.returncode, said


def numbers(database: psycopg.Connection) -> tuple[int, ...]:
    """Live, closed, owed, open for 8 hours, paused for half an hour."""
    row = database.execute(
        """
        SELECT count(*) FILTER (WHERE status <> 'CLOSED'),
               count(*) FILTER (WHERE status = 'CLOSED'),
               count(*) FILTER (WHERE status = 'CLOSED' AND settled_at IS NULL),
               count(*) FILTER (WHERE status <> 'CLOSED' AND opened_at < now() - interval '8 hours'),
               count(*) FILTER (WHERE status = 'PAUSED' AND (
                   SELECT max(ended_at) FROM ratingslips_playsegment WHERE slip_id = slip.id
               ) < now() - interval '30 minutes')
        FROM ratingslips_ratingslip AS slip
        """
    ).fetchone()
    assert row is not None
    return tuple(row)


@pytest.fixture(scope="module")
def interrupted(django_db_setup: None) -> Iterator[tuple[str, int, str]]:
    """A demo that was stopped by Ctrl-C in the middle of its gaming day: its database, exit code and words."""
    with empty_database("demo") as name:
        process = start(name, "--once")
        assert process.stdout is not None
        said = ""
        while "250 of" not in said:
            said += process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
        yield name, process.returncode, said + rest


@pytest.fixture(scope="module")
def finished(interrupted: tuple[str, int, str]) -> tuple[str, int, str]:
    """The same demo, started again and let go on to its end."""
    name, *_ = interrupted
    return name, *run(name, "--once")


class TestDemo:
    def test_stops_at_ctrl_c_with_a_sentence(self, interrupted: tuple[str, int, str]) -> None:
        _, code, said = interrupted

        assert code == 130
        assert "Stopped. Nothing is broken" in said
        assert "Traceback" not in said

    def test_goes_on_where_it_was_stopped_to_an_evening_with_everything_in_it(
        self, finished: tuple[str, int, str]
    ) -> None:
        name, code, said = finished

        with connect(name) as database:
            live, closed, owed, forgotten, away = numbers(database)
        assert code == 0
        assert len(STEPS.findall(said)) >= 5
        assert 25 <= live <= 35
        assert closed > 200
        assert owed >= 2
        assert (forgotten, away > 0) == (1, True)

    def test_prints_a_login_each_for_a_boss_a_supervisor_and_an_auditor(self, finished: tuple[str, int, str]) -> None:
        _, _, said = finished

        logins = re.findall(r"^  (Pit boss|Supervisor|Auditor) +(\w+) +(\S+)$", said, re.MULTILINE)
        assert [title for title, _, _ in logins] == ["Pit boss", "Supervisor", "Auditor"]

    def test_keeps_the_data_at_a_second_start(self, finished: tuple[str, int, str]) -> None:
        name, *_ = finished
        with connect(name) as database:
            before = numbers(database)

        code, said = run(name, "--once")

        with connect(name) as database:
            assert numbers(database)[:3] == before[:3]
        assert code == 0
        assert "kept from an earlier start" in said

    def test_serves_the_console_until_ctrl_c(self, finished: tuple[str, int, str]) -> None:
        name, *_ = finished
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        process = start(name, "--port", str(port))

        def is_served() -> bool:
            with socket.socket() as client:
                return client.connect_ex(("127.0.0.1", port)) == 0

        wait_until(is_served, timeout_seconds=60)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as response:
            page = response.read().decode()
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)

        assert "Log in" in page
        assert process.returncode == 0
        assert "Traceback" not in said

    @pytest.mark.parametrize("port", ["taken", "70000", "-1"])
    def test_refuses_a_port_that_it_cannot_have_before_anything_else(
        self, finished: tuple[str, int, str], port: str
    ) -> None:
        name, *_ = finished
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            chosen = str(other.getsockname()[1]) if port == "taken" else port

            code, said = run(name, f"--port={chosen}")

        assert code == 1
        assert f"Port {chosen} cannot be used" in said
        assert "Traceback" not in said
