"""What machines are told: the probes, the metrics, and who may ask for them."""

import os
import re
import subprocess
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any
from unittest.mock import Mock
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import DatabaseError, connection
from django.test import Client

from config.environment import Environment
from config.monitoring.figures import DatabaseFigures
from config.monitoring.workers import folder, keep_counters, make_folder, reading, remove_folder
from core.console.links import page_url
from core.metrics import REGISTRY
from core.models import JobRun
from core.permissions import NotPermitted
from core.roles import PIT_SUPERVISOR
from loyalty.models import LedgerVerification
from loyalty.services import pause_program
from ratingslips.models import DriftCheck
from ratingslips.services import complete_rating_slip
from tests.commands import run
from tests.console import signed_in
from tests.doors import door
from tests.factories import StaffFactory
from tests.floor import Floor
from tests.processes import run_program

DEPLOY = Path(settings.BASE_DIR) / "config/deploy/prometheus"
PROXY, MONITOR, STRANGER = "10.0.0.1", "10.9.0.7", "203.0.113.5"


def _counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"ratings_{name}_total", labels) or 0


def _figures() -> dict[str, float]:
    samples = [sample for metric in DatabaseFigures().collect() for sample in metric.samples]
    return {
        " ".join([sample.name.removeprefix("ratings_"), *sample.labels.values()]): sample.value for sample in samples
    }


class TestWhoMayAsk:
    @pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
    @pytest.mark.parametrize(
        ("address", "headers", "may"),
        [
            (MONITOR, {}, True),
            ("::ffff:10.9.0.7", {}, True),
            ("", {}, False),
            (STRANGER, {}, False),
            (STRANGER, {"X-Forwarded-For": MONITOR}, False),
            (MONITOR, {"X-Forwarded-For": MONITOR}, False),
            (MONITOR, {"X-Real-IP": STRANGER}, False),
            (PROXY, {}, False),
            (PROXY, {"X-Forwarded-For": MONITOR}, True),
            (PROXY, {"X-Forwarded-For": f"{MONITOR}, {STRANGER}"}, False),
            (PROXY, {"X-Forwarded-For": "unknown"}, False),
            (PROXY, {"X-Forwarded-Proto": "https"}, False),
        ],
    )
    def test_is_said_by_the_address_and_never_by_a_stranger(
        self, path: str, address: str, headers: dict[str, str], may: bool, settings: Any, db: None
    ) -> None:
        settings.MONITORING_ADDRESSES = Environment().networks("NONE", default=MONITOR)
        settings.PROXY_ADDRESSES = Environment().networks("NONE", default=PROXY)
        settings.BEHIND_PROXY = settings.SECURE_SSL_REDIRECT = True

        answer = Client().get(path, headers={"Host": "10.1.2.3:8000", **headers}, REMOTE_ADDR=address)

        assert (answer.status_code == 200) == may

    def test_is_nobody_behind_a_proxy_that_is_not_ours(self, settings: Any) -> None:
        assert Client().get("/livez").status_code == 200
        assert Client().get("/livez", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 404


class TestReadiness:
    @pytest.mark.parametrize(
        ("changed", "status", "sentence"),
        [
            ({}, 200, "The worker can serve.\n"),
            ({"options": "-c default_transaction_read_only=on"}, 503, "The database is read-only.\n"),
            ({"host": "127.0.0.1", "port": 1}, 503, "The database cannot be reached.\n"),
        ],
    )
    def test_says_whether_the_database_takes_writes(
        self, changed: dict[str, Any], status: int, sentence: str, db: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        parameters = connection.get_connection_params() | changed
        monkeypatch.setattr(connection, "get_connection_params", lambda: parameters)

        answer = Client().get("/readyz")

        assert (answer.status_code, answer.content.decode()) == (status, sentence)


class TestFigures:
    def test_are_infinite_for_what_was_never_done(self, floor: Floor) -> None:
        figures = _figures()

        never = {name for name, value in figures.items() if value == float("inf")}
        assert never >= {"verification_age_seconds", "checkpoint_age_seconds", "drift_check_age_seconds"}
        assert {name for name in figures if name.startswith("job_age")} == {name for name in never if "job" in name}
        assert (figures["database_up"], figures["owed_slips"], figures["ledger_broken"]) == (1, 0, 0)

    def test_are_those_of_the_database(self, floor: Floor) -> None:
        floor.open_slip(seat=1)
        floor.owed_slip(seat=2, at=floor.ago(minutes=15))
        floor.owed_slip(seat=3, at=floor.ago(minutes=10))
        DriftCheck.objects.create(
            casino=floor.casino, checked_at=floor.ago(hours=3), checked_by=floor.boss, accounts=4, first_accounts=[]
        )
        JobRun.objects.create(command="verify_ledger", succeeded_at=floor.ago(hours=2), correlation_id=uuid4())
        LedgerVerification.objects.create(
            scope="FULL",
            is_clean=True,
            accounts=1,
            entries=1,
            checkpoints=1,
            **dict.fromkeys(("started_at", "ended_at"), floor.ago(minutes=50)),
            correlation_id=uuid4(),
        )

        figures = _figures()

        ages = {
            name: timedelta(seconds=round(value)) for name, value in figures.items() if value not in (0, float("inf"))
        }
        assert (figures["live_slips"], figures["owed_slips"], figures["drifting_accounts"]) == (1, 2, 4)
        for name, minutes in {
            "owed_oldest_seconds": 15,
            "drift_check_age_seconds": 180,
            "verification_age_seconds": 50,
            "job_age_seconds verify_ledger": 120,
        }.items():
            assert ages.get(name, timedelta()) // timedelta(minutes=1) == minutes, name

    def test_add_up_what_operations_of_commands_ended_with(self, floor: Floor) -> None:
        name = "command_operations_total recover_slip_loyalty ratingslips.recover"

        for seat in (1, 2):
            floor.owed_slip(seat=seat, at=floor.ago(minutes=10))
            run("recover_slip_loyalty")
        floor.owed_slip(seat=3, at=floor.ago(minutes=10))
        pause_program(program=floor.program, reason="Tier migration", actor=floor.supervisor, at=floor.now)
        assert run("recover_slip_loyalty").code == 1

        figures = _figures()
        assert {key.removeprefix(name): value for key, value in figures.items() if name in key} == {
            " DONE 1": 2,
            " PROGRAM_PAUSED 1": 1,
        }

    def test_are_left_out_at_once_while_the_database_is_away(self, settings: Any, transactional_db: None) -> None:
        settings.DATABASE_WAIT_SECONDS, began = 10, monotonic()

        with door() as between:
            between.close()
            answer = Client().get("/metrics").content.decode()

        assert monotonic() - began < 8
        assert "ratings_database_up 0.0" in answer
        assert 'ratings_build_info{python="' in answer
        assert f'version="{settings.VERSION}"' in answer
        assert "ratings_owed_slips" not in answer

    def test_are_left_out_when_they_take_too_long(self, monkeypatch: pytest.MonkeyPatch, db: None) -> None:
        monkeypatch.setattr("config.monitoring.figures.BUDGET_SECONDS", 0)

        assert _figures() == {"database_up": 0}


class TestCounters:
    def test_name_the_route_of_a_request_and_never_its_path(self, floor: Floor) -> None:
        slip = floor.open_slip()
        route = {"route": "admin:ratingslips_ratingslip_change", "status": "200"}
        before, missed = _counted("requests", **route), _counted("requests", route="none", status="404")

        client = signed_in(floor.supervisor, PIT_SUPERVISOR)
        assert client.get(page_url(slip)).status_code == 200
        assert client.get("/no/such/path-of-one/").status_code == 404

        assert _counted("requests", **route) == before + 1
        assert _counted("requests", route="none", status="404") == missed + 1
        text = client.get("/metrics").content.decode()
        assert str(slip.pk) not in text
        assert "path-of-one" not in text

    def test_count_operations_by_outcome_and_replays(self, floor: Floor) -> None:
        name, outcomes = "ratingslips.complete", ("DONE", "NOT_PERMITTED")
        before = [_counted("operations", operation=name, attempt="1", outcome=outcome) for outcome in outcomes]
        replays = _counted("replays", operation=name)
        slip = floor.played_slip()

        with pytest.raises(NotPermitted):
            complete_rating_slip(slip=slip, actor=StaffFactory.create(casino=floor.casino), at=floor.now)
        for _ in range(2):
            complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

        after = [_counted("operations", operation=name, attempt="1", outcome=outcome) for outcome in outcomes]
        assert after == [before[0] + 2, before[1] + 1]
        assert _counted("replays", operation=name) == replays + 1

    def test_count_failed_statements_by_sqlstate(self, db: None) -> None:
        before = _counted("database_errors", sqlstate="22012")

        with pytest.raises(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")

        assert _counted("database_errors", sqlstate="22012") == before + 1


class TestVersion:
    def test_is_printed_and_shown_below_pages_to_staff_alone(self, floor: Floor) -> None:
        staff = signed_in(floor.supervisor, PIT_SUPERVISOR)
        pages = [staff.get(path, follow=True).content.decode() for path in ("/console/", "/console/floor/")]

        assert run_program("manage.py", "--version").stdout == f"{settings.VERSION}\n"
        assert [f"Version {settings.VERSION}" in page for page in pages] == [True, True]
        assert settings.VERSION not in Client().get("/console/login/").content.decode()


COUNTING = """
import sys
from core.metrics import REPLAYS
REPLAYS.labels("an operation").inc(int(sys.argv[1]))
"""


class TestWorkers:
    def test_leave_their_counts_in_one_file_when_they_have_ended(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, db: None
    ) -> None:
        monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
        for number in ("1", "2"):
            assert run_program("-c", COUNTING, number).returncode == 0
            keep_counters(of_living=[])
        living = run_program("-c", COUNTING, "4")

        with reading(tmp_path):
            keep_counters(of_living=[])
        text = Client().get("/metrics").content.decode()

        assert (living.returncode, len([*tmp_path.iterdir()])) == (0, 2)
        assert 'ratings_replays_total{operation="an operation"} 7.0' in text

    def test_have_a_folder_where_no_file_may_change_hands(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "chown", Mock(side_effect=PermissionError))  # as the unit of the console filters calls
        make_folder(user_id=os.geteuid(), group_id=os.getegid())

        assert folder() is not None
        remove_folder()
        assert folder() is None


class TestAlerts:
    @pytest.mark.parametrize("how", [["check", "rules", "rules.yml"], ["test", "rules", "rules_test.yml"]])
    def test_are_valid_and_raised_when_they_should(self, how: list[str], promtool: Path) -> None:
        done = subprocess.run([promtool, *how], cwd=DEPLOY, capture_output=True, text=True, check=False)

        assert done.returncode == 0, done.stdout + done.stderr

    def test_read_metrics_that_there_are(self, db: None) -> None:
        read = re.findall(r"ratings_\w+?(?=_total\b|_bucket\b|\b)", (DEPLOY / "rules.yml").read_text())

        Client().get("/livez")  # It loads what counts requests.
        there = {metric.name for metric in (*REGISTRY.collect(), *DatabaseFigures().collect())} | {"ratings_build_info"}
        assert {*read} - there == set()
