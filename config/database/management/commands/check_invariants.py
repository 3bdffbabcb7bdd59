"""Check the invariants of the accounts, the ledger and the slips, and whether this release made their guards."""

import json
from argparse import ArgumentParser
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from functools import partial
from typing import Any, Final

from django.core.management.base import CommandError
from django.db import DatabaseError
from django.utils import timezone

from config.database.definitions import DEFINITIONS
from core.commands import FAILED, WRONG_USE, ProjectCommand
from core.errors import DatabaseAway, DomainError
from core.invariants import Finding, Invariant, examine, examine_among
from core.jobs import last_read
from core.processes import add_processes, in_processes
from core.snapshots import one_snapshot
from core.timeouts import WHOLE_LEDGER_SECONDS
from core.words import counted, noun
from loyalty.invariants import ACCOUNT_IS_ITS_ENTRIES
from loyalty.models import LoyaltyProgram
from loyalty.proof.restores import line_about, restores
from loyalty.services.drift import drifting_accounts
from ratingslips.invariants import ALL_INVARIANTS
from ratingslips.new_rows import mark, new_rows
from ratingslips.services.drift import record_drift

NEW: Final = "--new"
# What the other invariants find rests on the guards, so these are compared first.
INVARIANTS: Final = (DEFINITIONS, *ALL_INVARIANTS)


class Command(ProjectCommand):
    may_change = False
    could_not_run = WRONG_USE
    help = (
        "Check every invariant of the accounts, the ledger and the slips in one snapshot, without blocking the floor, "
        "and compare triggers, constraints, functions and rights with those of this release. Run it as the "
        "application, or as the reader. Prints a line for each, with the time that it took and the first rows that "
        "break it. Exit code: 0 all hold, 1 some are broken, 2 could not run."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            NEW, action="store_true", help="only what is new since the last run in which all held, to run each hour"
        )
        add_processes(parser)
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def describe_work_done(self) -> str:
        return "A check changes nothing."

    def run(self, *, new: bool, processes: int, as_json: bool, **_: Any) -> None:
        since = last_read(self.name, f"{self.name} {NEW}") if new else None
        with one_snapshot(statement_seconds=WHOLE_LEDGER_SECONDS, idle_seconds=WHOLE_LEDGER_SECONDS):
            checked_at, read_up_to = timezone.now(), mark()
            findings = self._examine(since, processes=processes, as_json=as_json)
            restored = [line_about(*one) for one in restores()]
            drifting = _drifting(findings) if since is None else {}
        if drifting:
            self._record(drifting, at=checked_at)
        broken = [finding for finding in findings if not finding.holds]
        data = {"checked_at": checked_at.isoformat(), "holds": not broken, "invariants": _data(findings)}
        data |= {"since": since and since["at"]}
        if as_json:
            self.say(json.dumps(data | {"restores": restored}))
            restored.clear()
        for line in restored:
            self.say(f"NOTE    {line}")
        if not as_json and not broken:
            among = f" for what is new since {since['at']}" if since else ""
            self.say(f"All {len(findings)} hold{among}, as of {checked_at.isoformat(timespec='seconds')}.")
        if broken:
            raise CommandError(
                f"{len(broken)} of {len(findings)} invariants {noun(len(broken), 'is', 'are')} broken.",
                returncode=FAILED,
            )
        self.record_success(NEW if new else "", read_up_to=read_up_to)

    def _examine(self, since: Mapping[str, Any] | None, *, processes: int, as_json: bool) -> list[Finding]:
        """Examine what is newer than `since`, or everything, and say what was found unless it is printed as JSON."""
        findings = []
        invariants, look = _among(since)
        results = in_processes(look, invariants, processes=processes, statement_seconds=WHOLE_LEDGER_SECONDS)
        with closing(results):
            for finding in results:
                findings.append(finding)
                if not as_json:
                    self.say(_line(finding))
        return findings

    def _record(self, drifting: Mapping[int, Sequence[int]], *, at: datetime) -> None:
        """Record which accounts drift, or say that it was not recorded: the database may be read-only."""
        try:
            record_drift(drifting, at=at)
        except (DomainError, DatabaseAway, DatabaseError) as error:
            self.write_progress(f"Drift could not be recorded for the home page: {str(error).splitlines()[0]}")


def _among(since: Mapping[str, Any] | None) -> tuple[Sequence[Invariant], Callable[[Invariant], Finding]]:
    """The invariants that can be examined among what is newer than `since`, and what examines one so."""
    if since is None:
        return INVARIANTS, examine
    return [each for each in INVARIANTS if not each.needs_all], partial(examine_among, new_rows(since))


def _drifting(findings: Sequence[Finding]) -> dict[int, tuple[int, ...]]:
    """The accounts of each casino with a programme that drift, by its key; read in the snapshot of `findings`."""
    is_clean = all(finding.holds for finding in findings if finding.invariant.name == ACCOUNT_IS_ITS_ENTRIES)
    return {
        program.casino_id: ()
        if is_clean
        else drifting_accounts(casino=program.casino, within_seconds=WHOLE_LEDGER_SECONDS)
        for program in LoyaltyProgram.objects.select_related("casino")
    }


def _line(finding: Finding) -> str:
    name, sentence = finding.invariant.name, f"{finding.invariant.sentence} ({finding.seconds:.2f} s)"
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
            "seconds": round(finding.seconds, 3),
        }
        for finding in findings
    ]
