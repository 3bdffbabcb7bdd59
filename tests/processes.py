"""Programs in a process of their own, and the log lines that they write."""

import json
import os
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

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


def run_program(*arguments: str, without: Collection[str] = (), **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the settings of the product, in the environment of the tests but for what is named."""
    kept = {name: value for name, value in os.environ.items() if name not in without}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**kept, "DJANGO_SETTINGS_MODULE": "config.settings", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def entries_in(lines: list[str]) -> list[dict[str, Any]]:
    """The log lines, each of which must be one JSON object."""
    return [json.loads(line) for line in lines]
