"""Log lines, as a real process writes them."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import django, logging, structlog
django.setup()
from core import correlation
with correlation.bound() as correlation_id:
    structlog.get_logger("ours").info("ratingslips.slip_opened", slip_id="x")
    logging.getLogger("theirs").warning("a library says %s", "this")
    try:
        1 / 0
    except ZeroDivisionError:
        structlog.get_logger("ours").exception("ratingslips.recovery_failed")
print(correlation_id)
"""


def run(**environment: str) -> tuple[str, list[str]]:
    """Run the program; return the correlation id that it bound and its log lines."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip(), done.stderr.splitlines()


class TestConfigureLogging:
    def test_writes_one_json_object_a_line_with_the_correlation_id_for_ours_and_for_libraries(self) -> None:
        correlation_id, lines = run(LOG_JSON="1")

        entries = [json.loads(line) for line in lines]
        assert [entry["event"] for entry in entries] == [
            "ratingslips.slip_opened",
            "a library says this",
            "ratingslips.recovery_failed",
        ]
        assert {entry["correlation_id"] for entry in entries} == {correlation_id}
        assert {"level", "logger", "timestamp"} <= entries[0].keys()
        assert "ZeroDivisionError" in entries[2]["exception"]

    def test_writes_readable_lines_for_a_terminal(self) -> None:
        correlation_id, lines = run(LOG_JSON="0")

        assert "ratingslips.slip_opened" in lines[0]
        assert f"correlation_id={correlation_id}" in lines[0]
