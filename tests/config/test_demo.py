"""The demo, as a newcomer starts it: real processes on an empty database."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator

import psycopg
import pytest

from tests.databases import connect, database_environment, empty_database, migrated_database
from tests.processes import ROOT, free_port, wait_until_served

# Without a test that asks for it no test database is made, and these, run alone, would have none to stand beside.
pytestmark = pytest.mark.django_db

STEPS = re.compile(r"^ *\d+\.\d s  ", re.MULTILINE)


def start(name: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start `manage.py demo` on the database `name`."""
    return subprocess.Popen(
        [sys.executable, "manage.py", "demo", *arguments],
        cwd=ROOT,
        env={
            **os.environ,
            **database_environment(name),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONUNBUFFERED": "1",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(name: str, *arguments: str, **environment: str) -> tuple[int, str]:
    """Run the demo to its end; its exit code and all that it said."""
    process = start(name, *arguments, **environment)
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
        while "Gaming day" not in said:
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

    def test_resumes_where_it_was_stopped_and_completes_the_evening(self, finished: tuple[str, int, str]) -> None:
        name, code, said = finished

        with connect(name) as database:
            live, closed, owed, forgotten, away = numbers(database)
        assert code == 0
        assert len(STEPS.findall(said)) >= 5
        assert 25 <= live <= 35
        assert closed > 200
        assert owed >= 2
        assert (forgotten, away > 0) == (1, True)

    def test_posts_every_entry_after_those_of_before(self, finished: tuple[str, int, str]) -> None:
        name, *_ = finished

        with connect(name) as database:
            posted = database.execute("SELECT created_at, kind FROM loyalty_ledger ORDER BY id").fetchall()

        times = [at for at, _ in posted]
        assert times == sorted(times)
        assert [kind for _, kind in posted].count("MANUAL_BONUS") == 5

    def test_has_each_kind_of_mistake_put_right_once(self, finished: tuple[str, int, str]) -> None:
        name, *_ = finished

        with connect(name) as database:
            found = database.execute(
                """
                SELECT (SELECT array_agg(kind) FROM ratingslips_sliprequest WHERE contents ? 'chosen_time'),
                       (SELECT array_agg(kind ORDER BY kind) FROM ratingslips_slipcorrection),
                       (SELECT count(*) FROM ratingslips_ratingslip WHERE reassigned_from_id IS NOT NULL),
                       (SELECT count(*) FROM ratingslips_ratingslip WHERE uncollected_points > 0),
                       (SELECT array_agg(amount::int ORDER BY row.id)
                        FROM ratingslips_moneyrow AS row JOIN ratingslips_ratingslip AS slip ON slip.id = slip_id
                        WHERE status IN ('OPEN', 'PAUSED')),
                       (SELECT array_agg(kind ORDER BY id) FROM loyalty_ledger
                        WHERE kind NOT IN ('GAMEPLAY', 'MANUAL_BONUS'))
                """
            ).fetchone()
        assert found == (
            ["CLOSE"],
            ["CORRECTED", "CORRECTED", "VOIDED", "VOIDED"],
            1,
            1,
            [300, 500],
            ["ADJUSTMENT", "REDEMPTION", "ADJUSTMENT", "ADJUSTMENT", "ADJUSTMENT", "REVERSAL"],
        )

    def test_prints_logins_for_boss_supervisor_and_auditor(self, finished: tuple[str, int, str]) -> None:
        _, _, said = finished

        logins = re.findall(r"^  (Pit boss|Supervisor|Auditor) +(\w+) +(\S+)$", said, re.MULTILINE)
        assert [title for title, _, _ in logins] == ["Pit boss", "Supervisor", "Auditor"]

    def test_knows_itself_whatever_its_casino_is_called(self, finished: tuple[str, int, str]) -> None:
        name, *_ = finished
        with connect(name) as database:
            database.execute("UPDATE core_casino SET name = 'The Old Harbour'")
            before = numbers(database)

        code, said = run(name, "--once")

        with connect(name) as database:
            assert numbers(database)[:3] == before[:3]
            assert database.execute("SELECT name FROM core_casino").fetchall() == [("The Old Harbour",)]
            assert database.execute("SELECT name FROM loyalty_loyaltyprogram").fetchone() == ("Harbour Casino Rewards",)
        assert (code, "kept from an earlier start" in said) == (0, True)

    def test_says_where_passwords_come_from_when_the_secret_key_changed(self, finished: tuple[str, int, str]) -> None:
        name, *_ = finished

        code, said = run(name, "--once", SECRET_KEY="another")

        assert code == 0
        assert "made with another SECRET_KEY" in said
        assert "pitboss-" not in said

    def test_does_not_run_in_production(self, finished: tuple[str, int, str]) -> None:
        name, *_ = finished

        code, said = run(name, "--once", ENVIRONMENT="production", SECRET_KEY="k" * 60, ALLOWED_HOSTS="console.example")

        assert code == 1
        assert "Unknown command: 'demo'" in said

    def test_takes_over_no_user_who_is_not_its_own(self, django_db_setup: None) -> None:
        with empty_database("demo_login", copied_from=migrated_database()) as name:
            database = connect(name)
            database.execute(
                """
                INSERT INTO core_user (username, password, is_superuser, first_name, last_name, email, is_staff,
                                       is_active, date_joined)
                VALUES ('pitboss', 'kept', false, '', '', '', true, true, now())
                """
            )

            code, said = run(name, "--once")

            kept = database.execute("SELECT password FROM core_user WHERE username = 'pitboss'").fetchone()
            database.close()
        assert (code, kept) == (1, ("kept",))
        assert "already exists and does not belong to the demo" in said

    def test_serves_the_console_until_ctrl_c(self, finished: tuple[str, int, str]) -> None:
        name, *_ = finished
        port = free_port()
        process = start(name, "--port", str(port))

        wait_until_served(port)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as response:
            page = response.read().decode()
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)

        assert "Sign in" in page
        assert process.returncode == 0
        assert "Traceback" not in said

    @pytest.mark.parametrize("port", ["taken", "70000", "-1", "0"])
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
