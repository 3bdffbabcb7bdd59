"""A short drill of a cluster: the files of Patroni and HAProxy at work."""

import subprocess
import sys

import pytest

from tests.processes import ROOT

pytestmark = [pytest.mark.usefixtures("deployment"), pytest.mark.cluster]

_PATIENCE_SECONDS = 400


class TestCluster:
    def test_loses_nothing_when_its_primary_is_killed_or_switched_over(self) -> None:
        command = [sys.executable, "-m", "tests.cluster", "--only", "kill,switchover"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=_PATIENCE_SECONDS)

        assert done.returncode == 0, done.stdout + done.stderr
        assert "| kill |" in done.stdout
        assert "| switchover |" in done.stdout
