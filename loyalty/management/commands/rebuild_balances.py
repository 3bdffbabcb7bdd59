"""Find the accounts that differ from their ledger entries, and correct them."""

import json
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from django.core.management.base import CommandError
from django.utils import timezone

from core.commands import FAILED, WRONG_USE, ProjectCommand, casino_with_code, staff_with_login
from core.models import Casino, User
from core.snapshots import one_snapshot
from core.timeouts import WHOLE_LEDGER_SECONDS
from core.words import counted
from loyalty.services.drift import Difference, different_accounts
from loyalty.services.rebuilding import MAX_REBUILT_ACCOUNTS, NothingToRebuild, rebuild_balances

MAX_CASINOS: Final = 100


class Command(ProjectCommand):
    could_not_run = WRONG_USE
    help = (
        "Set every account to the values of its ledger entries: balance, lifetime points, tier, number of entries and "
        "head. With --dry-run, only list the accounts that differ. Each change is recorded: who made it, why, and the "
        "account before and after. Run verify_ledger first: entries that were changed do not give the right values. "
        "Exit code: 0 done or nothing differs, 1 accounts differ (--dry-run), 2 could not run."
    )

    rebuilt: Mapping[str, Mapping[str, object]] = {}

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--casino", metavar="CODE", help="only this casino (default: each of them)")
        parser.add_argument("--dry-run", action="store_true", help="only list what differs")
        parser.add_argument(
            "--by", metavar="USERNAME", help="who corrects them; needs the permission to rebuild balances"
        )
        parser.add_argument("--reason", metavar="TEXT", help="why; at least ten characters unless the code needs none")
        parser.add_argument("--reason-code", metavar="CODE", help="a reason code of the casino for it")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def describe_work_done(self) -> str:
        """Name the casinos that are done: each is one commit."""
        if not self.rebuilt:
            return "Nothing was changed."
        return f"The accounts of {', '.join(self.rebuilt)} were set."

    def run(
        self,
        *,
        casino: str | None,
        dry_run: bool,
        by: str | None,
        reason: str | None,
        reason_code: str | None,
        as_json: bool,
        **_: Any,
    ) -> None:
        if dry_run == bool(by or reason or reason_code):
            raise CommandError("Give --dry-run, or --by and --reason.", returncode=WRONG_USE)
        casinos = [casino_with_code(casino)] if casino else list(Casino.objects.order_by("code")[:MAX_CASINOS])
        if dry_run:
            self._report(casinos, as_json=as_json)
        else:
            self._set(casinos, actor=staff_with_login(by), reason=(reason or "", reason_code), as_json=as_json)

    def _report(self, casinos: Sequence[Casino], *, as_json: bool) -> None:
        """:raises CommandError: accounts differ."""
        with one_snapshot(statement_seconds=WHOLE_LEDGER_SECONDS):
            found = {one.code: different_accounts(casino=one, limit=MAX_REBUILT_ACCOUNTS) for one in casinos}
        count = sum(map(len, found.values()))
        if as_json:
            self.say(json.dumps({code: [asdict(one) for one in differences] for code, differences in found.items()}))
        else:
            for code, differences in found.items():
                for difference in differences:
                    self.say(_line(code, difference))
            self.say(_summary(count) if count else "Every account matches its entries.")
        if count:
            differ = counted(count, "account does not match its entries", "accounts do not match their entries")
            raise CommandError(f"{differ}.", returncode=FAILED)

    def _set(self, casinos: Sequence[Casino], *, actor: User, reason: tuple[str, str | None], as_json: bool) -> None:
        rebuilt: dict[str, dict[str, object]] = {}
        text, code = reason
        self.rebuilt = rebuilt
        for one in casinos:
            try:
                rebuild = rebuild_balances(casino=one, actor=actor, reason=text, reason_code=code, at=timezone.now())
            except NothingToRebuild:
                continue
            rebuilt[one.code] = {"rebuild": rebuild.pk, "accounts": rebuild.accounts, "changes": rebuild.changes}
            if not as_json:
                self.say(f"{one.code}: {counted(rebuild.accounts, 'account')} set, recorded as rebuild {rebuild.pk}.")
        if as_json:
            self.say(json.dumps(rebuilt))
        elif not rebuilt:
            self.say("Every account matches its entries: nothing was set.")


def _line(code: str, difference: Difference) -> str:
    before, after = asdict(difference.before), asdict(difference.after)
    changes = ", ".join(
        f"{name.replace('_', ' ')} {_short(before[name])} → {_short(after[name])}"
        for name in before
        if before[name] != after[name]
    )
    unsure = "" if difference.is_whole else "its entries do not add up"
    return f"{code} account {difference.account_id}: {'; '.join(filter(None, (changes, unsure)))}"


def _short(value: object) -> str:
    """A figure, or the first digits of a hash."""
    return f"{value:,}" if isinstance(value, int) else str(value)[:12] or "none"


def _summary(count: int) -> str:
    more = "At least " if count >= MAX_REBUILT_ACCOUNTS else ""
    differ = counted(count, "account differs", "accounts differ")
    set_to = "it is set to the values of its" if count == 1 else "they are set to the values of their"
    return f"{more}{differ}. With --by and --reason {set_to} entries."
