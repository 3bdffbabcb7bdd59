"""Check the invariants of the accounts, the ledger and the slips, and whether this release made their guards."""

import json
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any, Final

from django.core.management.base import CommandError
from django.utils import timezone

from config.database.definitions import DEFINITIONS
from core.commands import FAILED, WRONG_USE, ProjectCommand
from core.invariants import Finding, examine
from core.snapshots import one_snapshot
from core.timeouts import WHOLE_LEDGER_SECONDS
from core.words import counted, noun
from loyalty.proof.restores import line_about, restores
from ratingslips.invariants import ALL_INVARIANTS

INVARIANTS: Final = (*ALL_INVARIANTS, DEFINITIONS)


class Command(ProjectCommand):
    may_change = False
    could_not_run = WRONG_USE
    help = (
        "Check every invariant of the accounts, the ledger and the slips in one snapshot, without blocking the floor, "
        "and compare triggers, constraints, functions and rights with those of this release. Run it as the "
        "application, or as the reader. Prints a line for each, with the first rows that break it. Exit code: 0 all "
        "hold, 1 some are broken, 2 could not run."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def describe_work_done(self) -> str:
        return "A check changes nothing."

    def run(self, *, as_json: bool, **_: Any) -> None:
        findings = []
        with one_snapshot(statement_seconds=WHOLE_LEDGER_SECONDS):
            checked_at = timezone.now()
            for invariant in INVARIANTS:
                finding = examine(invariant)
                findings.append(finding)
                if not as_json:
                    self.say(_line(finding))
            restored = [line_about(*one) for one in restores()]
        broken = [finding for finding in findings if not finding.holds]
        data = {"checked_at": checked_at.isoformat(), "holds": not broken, "invariants": _data(findings)}
        if as_json:
            self.say(json.dumps(data | {"restores": restored}))
            restored.clear()
        for line in restored:
            self.say(f"NOTE    {line}")
        if not as_json and not broken:
            self.say(f"All {len(findings)} hold, as of {checked_at.isoformat(timespec='seconds')}.")
        if broken:
            raise CommandError(
                f"{len(broken)} of {len(findings)} invariants {noun(len(broken), 'is', 'are')} broken.",
                returncode=FAILED,
            )
        self.record_success()


def _line(finding: Finding) -> str:
    name, sentence = finding.invariant.name, finding.invariant.sentence
    if finding.holds:
        return f"holds   {name}: {sentence}"
    more = "" if finding.rows == len(finding.first) else " …"
    rows = counted(finding.rows, "row breaks", "rows break")
    return f"BROKEN  {name}: {sentence}: {rows} it: {', '.join(finding.first)}{more}"


def _data(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    return [
        {
            "name": finding.invariant.name,
            "sentence": finding.invariant.sentence,
            "holds": finding.holds,
            "rows": finding.rows,
            "first": finding.first,
        }
        for finding in findings
    ]
