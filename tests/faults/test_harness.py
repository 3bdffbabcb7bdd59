"""A short run of the whole harness, as `python -m tests.faults` makes a long one; and one that must be found broken."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from loyalty.models import LedgerEntry
from tests.faults.chaos import make_script
from tests.faults.controls import TAMPERING
from tests.faults.planner import make_plan
from tests.faults.requests import ENTRY_KINDS

ROOT = Path(__file__).resolve().parents[2]
_PATIENCE_SECONDS = 300


def _run(folder: Path, *options: str) -> tuple[int, dict[str, Any]]:
    """The exit code and the report of a run."""
    report = folder / "run.json"
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", "--report", str(report), *options],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("DJANGO")},
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_SECONDS,
    )
    assert report.exists(), done.stderr
    return done.returncode, json.loads(report.read_text())


class TestPlan:
    def test_posts_every_kind_of_entry(self) -> None:
        plan = make_plan(seed=7, operations=150, own_faults=0, idle_faults=0)

        posted = {ENTRY_KINDS[step.kind] for step in plan.steps() if step.kind in ENTRY_KINDS}

        assert posted == set(LedgerEntry.Kind)


class TestRun:
    @pytest.mark.shows(27, 40)
    def test_loses_nothing_and_pays_nothing_twice_and_would_see_it(self, tmp_path: Path) -> None:
        rough = ("--workers", "4", "--fault-every", "6", "--crashes", "1", "--own-faults", "0.04")
        code, told = _run(tmp_path, "--operations", "150", "--seed", "7", *rough)

        assert told["findings"] == []
        assert (code, told["result"], told["broken_invariants"]) == (0, "clean", {})
        assert told["recovery"][-1]["owed"] == 0
        assert told["outcomes"]["acknowledged"] > 100
        assert sum(told["faults_from_outside"].values()) > 10
        assert told["faults_from_outside"]["PostgreSQL stopped at once and restarted"] == 1
        assert told["faults_from_outside"]["by SIGKILL"] >= 1
        assert told["server"] == {
            "server_version": told["server"]["server_version"],
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
        }
        assert {name for name, found in told["controls"].items() if found} == set(TAMPERING)

    @pytest.mark.parametrize("guard", ["keys"])
    @pytest.mark.shows(39)
    def test_is_found_broken_without_a_guard(self, tmp_path: Path, guard: str) -> None:
        calm = ("--workers", "2", "--fault-every", "1000", "--crashes", "0", "--own-faults", "0")
        code, told = _run(tmp_path, "--operations", "100", "--seed", "7", "--without", guard, *calm)

        assert (code, told["result"]) == (1, "BROKEN")
        assert [finding for finding in told["findings"] if "was asked for by nobody" in finding]


class TestMakeScript:
    def test_is_the_same_for_the_same_seed(self) -> None:
        size: dict[str, Any] = {"operations": 1_000, "workers": 4, "every": 10, "crashes": 2}

        script = make_script(seed=3, **size)

        assert script == make_script(seed=3, **size)
        assert script != make_script(seed=4, **size)
        assert len(script) == 99 + 4
        assert [event.due for event in script] == sorted(event.due for event in script)
