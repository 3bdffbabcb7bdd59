"""Verify that no entry of the ledger and no change of the change log was changed, deleted or inserted."""

import json
from argparse import ArgumentParser
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import CommandError
from django.db import DatabaseError
from django.db.models import Sum
from django.utils import timezone

from core.commands import FAILED, WRONG_USE, ProjectCommand
from core.errors import DatabaseAway, DomainError
from core.jobs import last_read
from core.keys import key_of
from core.processes import add_processes
from core.snapshots import one_snapshot
from core.timeouts import WHOLE_LEDGER_SECONDS
from core.words import counted
from loyalty.models import Checkpoint, LedgerVerification, PlayerLoyalty
from loyalty.proof.breaks import Break
from loyalty.proof.lacking import Lacking, data_about, find_lacking, lines_about
from loyalty.proof.outside import compare_whole
from loyalty.proof.restores import line_about, restores
from loyalty.proof.verification import Scope, Verified, record_verification, verify_ledger

LAST: Final = "last"
MAX_ACCOUNTS_NAMED: Final = 10
BAR_WIDTH: Final = 40


class Command(ProjectCommand):
    may_change = False
    could_not_run = WRONG_USE
    help = (
        "Recompute the hashes of the ledger's entries and of the change log, compare them with the accounts, the "
        "signed checkpoints and CHECKPOINT_FILE, and name the first bad entry or change, the hash that is expected "
        "there and the hash that is found. "
        "Reads one snapshot; the floor can go on working. The result is recorded for the home page. Exit code: "
        "0 clean, 1 broken, 2 could not run."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--account", metavar="N|CARD", help="only this account, by its number or the player's card")
        which.add_argument(
            "--since",
            metavar="DATE|N|last",
            help="only the entries after checkpoint N, after the last before a day, or after the last one that a clean "
            "run without an option or with “--since last” read; the whole ledger if there was none",
        )
        which.add_argument(
            "--full", action="store_true", help="the whole ledger (the default), and the root of every checkpoint"
        )
        parser.add_argument(
            "--against",
            type=Path,
            metavar="FILE",
            help="compare the checkpoints with this file, not CHECKPOINT_FILE, and say what the database lacks of it",
        )
        add_processes(parser)
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def describe_work_done(self) -> str:
        return "A verification changes nothing."

    def run(
        self,
        *,
        account: str | None,
        since: str | None,
        full: bool,
        against: Path | None,
        processes: int,
        as_json: bool,
        **_: Any,
    ) -> None:
        started_at = timezone.now()
        with one_snapshot(statement_seconds=WHOLE_LEDGER_SECONDS, idle_seconds=WHOLE_LEDGER_SECONDS):
            scope = _scope(account=account, since=since, full=full)
            verified, lacking = self._verify(scope, processes=processes, file=against or _file())
            restored = restores()
            newest = Checkpoint.objects.values_list("number", flat=True).first()
        ended_at = timezone.now()
        self._record(scope, verified, started_at=started_at, ended_at=ended_at)
        if as_json:
            data = _data(scope, verified) | {"started_at": started_at.isoformat(), "ended_at": ended_at.isoformat()}
            data |= {"restores": [{"checkpoint": one.pk, **asdict(restore)} for one, restore in restored]}
            self.say(json.dumps(data | {"lacking": data_about(lacking) if lacking else None}))
        else:
            about_restores = [line_about(*one) for one in restored]
            self.say("\n".join([_text(scope, verified), *(lines_about(lacking) if lacking else ()), *about_restores]))
        if verified.first_break is not None:
            raise CommandError(
                f"The ledger is broken: {_name(verified.first_break)}: {verified.first_break.kind}. "
                "The runbook says what to do first.",
                returncode=FAILED,
            )
        if since == LAST or scope.kind is LedgerVerification.Scope.FULL:
            self.record_success(f"--since {LAST}" if since else "", read_up_to={"checkpoint": newest})

    def _verify(self, scope: Scope, *, processes: int, file: Path | None) -> tuple[Verified, Lacking | None]:
        """The result, and what the database lacks of what the file says.

        :raises CommandError: the file cannot be read.
        """
        verified = verify_ledger(scope=scope, processes=processes, progress=self._bar(scope))
        self._clear_bar()
        if file is None or verified.first_break is not None:
            return verified, None
        try:
            found = compare_whole(file)
            lacking = find_lacking(file) if found else None
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.", returncode=WRONG_USE) from error
        return replace(verified, first_break=found), lacking

    def _record(self, scope: Scope, verified: Verified, **when: datetime) -> None:
        """Record the result, or say that it was not recorded: the database may be read-only."""
        try:
            record_verification(scope=scope, verified=verified, **when)
        except (DomainError, DatabaseAway, DatabaseError) as error:
            self.write_progress(f"The result could not be recorded for the home page: {str(error).splitlines()[0]}")

    def _bar(self, scope: Scope) -> Any:
        """A function that draws the progress on standard error; it does nothing unless that is a terminal."""
        if not self.stderr.isatty():
            return lambda _: None
        accounts = PlayerLoyalty.objects.all()
        if scope.account_id is not None:
            accounts = accounts.filter(pk=scope.account_id)
        total = accounts.aggregate(Sum("entry_count"))["entry_count__sum"] or 1

        def draw(entries: int) -> None:
            share = min(1.0, entries / total)
            bar = "█" * int(share * BAR_WIDTH)
            self.write_progress(f"\r{bar:<{BAR_WIDTH}} {share:4.0%}  {counted(entries, 'entry', 'entries')}", ending="")

        return draw

    def _clear_bar(self) -> None:
        if self.stderr.isatty():
            self.write_progress("\r\033[K", ending="")


def _scope(*, account: str | None, since: str | None, full: bool) -> Scope:
    if account is not None:
        return Scope(account_id=_account(account))
    if since == LAST:
        read = last_read("verify_ledger", f"verify_ledger --since {LAST}") or {}
        return Scope(since=read.get("checkpoint") or 0)
    if since is not None:
        return Scope(since=_checkpoint(since))
    return Scope(every_root=full)


def _file() -> Path | None:
    """CHECKPOINT_FILE, if it is set; none before the first checkpoint was taken."""
    if not settings.CHECKPOINT_FILE:
        return None
    file = Path(settings.CHECKPOINT_FILE)
    return file if file.exists() or Checkpoint.objects.exists() else None


def _account(text: str) -> int:
    """The id of the account that an option names: by its number, or else by the player's card.

    :raises CommandError: there is none, or several players have the card.
    """
    accounts = PlayerLoyalty.objects.order_by("pk").select_related("player__casino")
    if (key := key_of(text)) is not None and (account := accounts.filter(pk=key).first()):
        return account.pk
    found = list(accounts.filter(player__card_number__iexact=text)[:MAX_ACCOUNTS_NAMED])
    if not found:
        raise CommandError(
            f"There is no account {text}, and no player has a card with this number.", returncode=WRONG_USE
        )
    if len(found) > 1:
        they = ", ".join(f"account {one.pk} ({one.player.casino.code} {one.player.card_number})" for one in found)
        raise CommandError(f"Several players have card {text}: {they}. Give the account's.", returncode=WRONG_USE)
    return found[0].pk


def _checkpoint(text: str) -> int:
    """The number of the checkpoint that an option names: by number, or the last one before a day.

    :raises CommandError: there is none.
    """
    checkpoints = Checkpoint.objects.order_by("-number")
    if (key := key_of(text)) is not None:
        checkpoints, missing = checkpoints.filter(number=key), f"There is no checkpoint {text}."
    else:
        try:
            day = date.fromisoformat(text)
        except ValueError:
            raise CommandError(
                f"“{text}” is neither a day such as 2026-11-14 nor a number.", returncode=WRONG_USE
            ) from None
        midnight = datetime.combine(day, time.min, tzinfo=UTC)
        checkpoints, missing = checkpoints.filter(taken_at__lte=midnight), f"No checkpoint was taken before {text}."
    number = checkpoints.values_list("number", flat=True).first()
    if number is None:
        raise CommandError(f"{missing} Verify the whole ledger instead.", returncode=WRONG_USE)
    return number


def _name(found: Break) -> str:
    """The entry, account, change or checkpoint of a break."""
    sealed = f", against checkpoint {found.checkpoint}" if found.checkpoint is not None else ""
    if found.change_id is not None:
        return f"change {found.change_id}{sealed}"
    if found.account_id is None:
        return f"checkpoint {found.checkpoint}"
    entry = f"entry {found.entry_id}, " if found.entry_id is not None else ""
    number = f"number {found.seq} of " if found.seq is not None else ""
    return f"{entry}{number}account {found.account_id}{sealed}"


def _text(scope: Scope, verified: Verified) -> str:
    looked = (
        f"{counted(verified.entries, 'entry', 'entries')} of {counted(verified.accounts, 'account')}, "
        f"{counted(verified.checkpoints, 'checkpoint')}"
    )
    if scope.since:
        looked += f", since checkpoint {scope.since}"
    found = verified.first_break
    if found is None:
        return f"Clean: {looked}."
    lines = [f"BROKEN  {_name(found)}", f"  kind      {found.kind}", f"  what      {found.what}"]
    lines += [f"  expected  {found.expected}"] if found.expected else []
    lines += [f"  found     {found.found}"] if found.found else []
    return "\n".join([*lines, f"Read until then: {looked}."])


def _data(scope: Scope, verified: Verified) -> dict[str, Any]:
    return {
        "scope": scope.kind.value,
        "about": scope.about,
        "accounts": verified.accounts,
        "entries": verified.entries,
        "checkpoints": verified.checkpoints,
        "outcome": "clean" if verified.first_break is None else "broken",
        "first_break": asdict(verified.first_break) if verified.first_break else None,
    }
