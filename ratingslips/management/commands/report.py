"""Print the figures of the casinos and their targets."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from django.core.management.base import CommandError
from django.utils import timezone

from core.commands import FAILED, WRONG_USE, ProjectCommand, casino_with_code
from core.console import display
from core.models import Casino
from core.words import counted, noun
from ratingslips.figures import (
    COMPLETION_TARGET_PERCENT,
    DRIFT_TARGET_ACCOUNTS,
    MAX_DAYS,
    RECOVERY_TARGET_PERCENT,
    REPLAY_TARGET_PERCENT,
    CasinoReport,
    report_on,
)

MAX_CASINOS: Final = 100
MAX_ACCOUNTS_SHOWN: Final = 20
FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 2200


class Command(ProjectCommand):
    may_change = False
    could_not_run = WRONG_USE
    help = (
        "Print completions, recoveries, replays, points owed, withheld or uncollected, and drift, for each casino or "
        "one, for today's gaming day, another, or a span of them. Uncollected points are those of slips that were "
        "corrected or voided when the balance did not cover them. Drift is an account that differs from its last "
        "ledger entry, or whose entries do not add up to it. Exit code: 0 no drift, 1 drift, 2 could not run."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--casino", metavar="CODE", help="only this casino (default: each of them)")
        parser.add_argument("--day", type=_day, metavar="DAY", help="gaming day, YYYY-MM-DD (default: today's)")
        parser.add_argument("--from", type=_day, metavar="DAY", dest="first_day", help="first gaming day of a span")
        parser.add_argument("--to", type=_day, metavar="DAY", dest="last_day", help="last gaming day of a span")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def describe_work_done(self) -> str:
        return "A report changes nothing."

    def run(
        self,
        *,
        casino: str | None,
        day: date | None,
        first_day: date | None,
        last_day: date | None,
        as_json: bool,
        **_: Any,
    ) -> None:
        span = _span(day=day, first_day=first_day, last_day=last_day)
        casinos = [casino_with_code(casino)] if casino else list(Casino.objects.order_by("code")[:MAX_CASINOS])
        now = timezone.now()
        reports = []
        for one in casinos:
            first, last = span or (one.gaming_day_at(now),) * 2
            reports.append(report_on(casino=one, first_day=first, last_day=last, at=now))
        if as_json:
            self.say(json.dumps({"casinos": [_data(report) for report in reports]}, indent=1))
        else:
            self.say("\n\n".join(_text(report) for report in reports) or "There is no casino yet: load one.")
        if drifting := sum(len(report.drifting) for report in reports):
            found = counted(drifting, "account is not what its", "accounts are not what their")
            raise CommandError(f"{found} ledger entries add up to.", returncode=FAILED)


def _span(*, day: date | None, first_day: date | None, last_day: date | None) -> tuple[date, date] | None:
    """The gaming days that the options name; None if they name none.

    :raises CommandError: the options are not a valid span.
    """
    if day and (first_day or last_day):
        raise CommandError("Give --day, or --from and --to.", returncode=WRONG_USE)
    if day:
        return day, day
    if not first_day and not last_day:
        return None
    if not first_day or not last_day:
        raise CommandError("A span needs both --from and --to.", returncode=WRONG_USE)
    if not timedelta(0) <= last_day - first_day < timedelta(days=MAX_DAYS):
        raise CommandError(f"--to must be --from or later, and at most {MAX_DAYS} days in all.", returncode=WRONG_USE)
    return first_day, last_day


def _text(report: CasinoReport) -> str:
    days = str(report.first_day)
    if report.last_day != report.first_day:
        days = f"{report.first_day} to {report.last_day}"
    oldest = "none"
    if report.oldest_owed and report.oldest_owed_for is not None:
        oldest = f"slip {report.oldest_owed.slip_number}, for {display.age(report.oldest_owed_for)}"
    accounts = ", ".join(map(str, report.drifting[:MAX_ACCOUNTS_SHOWN]))
    completions = f"{report.completions:>9,}   settled at close {_share(report.success_percent)}"
    recoveries = f"{report.recovered:>9,}   of completions   {_share(report.recovery_percent)}"
    replays = f"{report.replays:>9,}   of requests      {_share(report.replay_percent)}"
    drift = f"{len(report.drifting):>9,}   {noun(len(report.drifting), 'account')}{f': {accounts}' if accounts else ''}"
    of_slips = counted(report.uncollected_slips, "slip")
    uncollected = f"{noun(report.uncollected_points, 'point')} of {of_slips}, now"
    lines = [
        f"{report.casino.name} ({report.casino.code}), gaming day {days}",
        f"  completions   {completions}   (target: more than {COMPLETION_TARGET_PERCENT} %)",
        f"  recoveries    {recoveries}   (target: less than {RECOVERY_TARGET_PERCENT} %)",
        f"  replays       {replays}   (target: less than {REPLAY_TARGET_PERCENT} %)",
        f"  owed now      {report.owed:>9,}   oldest: {oldest}",
        f"  withheld      {report.withheld:>9,}   of completions",
        f"  uncollected   {report.uncollected_points:>9,}   {uncollected}",
        f"  drift         {drift}   (target: {DRIFT_TARGET_ACCOUNTS})",
    ]
    return "\n".join(lines)


def _data(report: CasinoReport) -> dict[str, Any]:
    oldest = report.oldest_owed
    age = report.oldest_owed_for
    return {
        "casino": report.casino.code,
        "from": str(report.first_day),
        "to": str(report.last_day),
        "completions": report.completions,
        "settled_at_close": report.settled_at_close,
        "success_percent": _number(report.success_percent),
        "recoveries": report.recovered,
        "recovery_percent": _number(report.recovery_percent),
        "withheld": report.withheld,
        "requests": report.requests,
        "replays": report.replays,
        "replay_percent": _number(report.replay_percent),
        "owed": report.owed,
        "uncollected_points": report.uncollected_points,
        "uncollected_slips": report.uncollected_slips,
        "oldest_owed_slip": oldest.slip_number if oldest else None,
        "oldest_owed_closed_at": oldest.closed_at.isoformat() if oldest and oldest.closed_at else None,
        "oldest_owed_seconds": int(age.total_seconds()) if age is not None else None,
        "drift": len(report.drifting),
        "drifting_accounts": list(report.drifting[:MAX_ACCOUNTS_SHOWN]),
        "targets": {
            "success_percent_more_than": str(COMPLETION_TARGET_PERCENT),
            "recovery_percent_less_than": str(RECOVERY_TARGET_PERCENT),
            "replay_percent_less_than": str(REPLAY_TARGET_PERCENT),
            "drift": DRIFT_TARGET_ACCOUNTS,
        },
    }


def _share(percent: Decimal | None) -> str:
    return "        –" if percent is None else f"{percent:>7.3f} %"


def _number(percent: Decimal | None) -> str | None:
    return None if percent is None else f"{percent:.3f}"


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ArgumentTypeError(f"“{text}” is not a day such as 2026-11-14")
    return day
