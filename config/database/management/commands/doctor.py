"""Say of everything that production needs whether it is there, and what to do where it is not."""

import json
from argparse import ArgumentParser
from collections.abc import Collection
from dataclasses import asdict
from typing import Any, Final

from django.core.management.base import CommandError

from config.database.checkup.findings import Finding, State
from config.database.checkup.looking import CHECKS, look
from core.commands import FAILED, WRONG_USE, ProjectCommand
from core.words import counted, noun

_WIDTH: Final = max(map(len, State))


class Command(ProjectCommand):
    may_change = False
    could_not_run = WRONG_USE
    # It says itself what is wrong with the settings.
    requires_system_checks = ()
    help = (
        "Say of everything that production needs whether it is ok, and what to do if it is missing: settings, roles "
        "and rights, time-outs, triggers and functions, extensions, clocks, durability, archive and replication, "
        "backups, jobs, checkpoint keys and file, disks, and the version of the schema. Changes nothing and takes no "
        "lock; also works on a standby and while the database is away. Run it as the application. Exit code: 0 all ok, "
        "1 something is missing, 2 something could not be looked at, and nothing else is missing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--only",
            action="append",
            choices=[check.name for check in CHECKS],
            help="look only at this; may be repeated",
        )
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def describe_work_done(self) -> str:
        return "A look changes nothing."

    def run(self, *, only: Collection[str] | None, as_json: bool, **_: Any) -> None:
        # What is wrong comes last, where a terminal shows it.
        findings = sorted(look(only=only), key=lambda finding: list(State).index(finding.state))
        wrong = [finding for finding in findings if finding.state is not State.OK]
        missing = sum(finding.state is State.MISSING for finding in findings)
        if as_json:
            self.say(json.dumps({"ok": not wrong, "findings": [asdict(finding) for finding in findings]}))
        else:
            for finding in findings:
                self.say(_line(finding))
        if missing:
            raise CommandError(
                f"{counted(missing, 'thing')} {noun(missing, 'is', 'are')} missing. The runbook has more on each.",
                returncode=FAILED,
            )
        if wrong:
            raise CommandError("Some things could not be looked at.", returncode=WRONG_USE)
        if not as_json:
            self.say("Everything is there.")


def _line(finding: Finding) -> str:
    advice = f" → {finding.advice}" if finding.advice else ""
    return f"{finding.state:<{_WIDTH}}  {finding.name}: {finding.what}{advice}"
