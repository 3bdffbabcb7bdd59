"""Tamper with the tests' casino in each way, and print what the commands say: `python -m tests.tamperings`.

Redirect what it prints to a file of docs/reports, named by its day. Exit code: 0, or 1 if a test fails.
"""

import io
import sys
from contextlib import redirect_stdout
from datetime import UTC, datetime
from typing import Final

import pytest

_REPORT: Final = """# Tamperings, and what the commands say of them

Made by `python -m tests.tamperings` on {day}. Each was done to one casino with a closed and a live slip, five entries,
a checkpoint and a verification that had read it, in a transaction that was undone, with the role of the application or
as the owner of the tables. “Guards put back” and all that alters rows as the owner: the triggers were off, and are on
again. Then every invariant was asked, the whole ledger was verified with every root, and a checkpoint was taken. No
file outside was compared. A cell names what found it.

“Before” is what was said when it was first tried, and cannot be run again: by version 460258b, before
[codes of requests](../decisions/2026-11-30-codes-of-requests.md) were kept, or before what found nothing was mended.
“–” was not tried then.

{counts}

| By | What was done | Before | Now |
| --- | --- | --- | --- |
{rows}

The same rows are the tests of `tests/test_tamperings.py`, and [security.md](../security.md) names what stays open.
Beside them, of sessions: one that somebody gave the data of somebody else's signs in nobody
(`tests/core/test_sessions.py`).
"""


class _Results:
    """A plugin of pytest: what was said of each tampering."""

    def __init__(self) -> None:
        self.said: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self.said |= {
                report.nodeid.partition("[")[2].removesuffix("]"): str(dict(report.user_properties).get("said", ""))
            }


def main() -> int:
    """Run the tests, and print the report."""
    results = _Results()
    with redirect_stdout(io.StringIO()) as told:
        code = pytest.main(["-q", "--numprocesses=0", "tests/test_tamperings.py"], plugins=[results])
    if code != pytest.ExitCode.OK:
        sys.stderr.write(told.getvalue())
        return 1
    sys.stdout.write(_report(results.said))
    return 0


def _report(said: dict[str, str]) -> str:
    # pytest has set Django up.
    from tests.tamperings.every import EVERY
    from tests.tamperings.kinds import By

    rows = [f"| {one.by} | {one.what} | {one.before} | {said[str(one)]} |" for one in EVERY]
    counts = []
    for by in By:
        of = [said[str(one)] for one in EVERY if one.by is by]
        counts.append(f"- {len(of)} by the {by}, of which nothing finds {of.count('nothing')}")
    day = datetime.now(tz=UTC).date().isoformat()
    return _REPORT.format(day=day, counts="\n".join(counts), rows="\n".join(rows))


if __name__ == "__main__":
    sys.exit(main())
