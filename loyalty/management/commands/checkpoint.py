"""Take a checkpoint of the ledger, and append it to the file outside the database."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.utils import timezone

from core.commands import FAILED, WRONG_USE, ProjectCommand, staff_with_login
from core.words import counted
from loyalty.models import Checkpoint
from loyalty.proof.changes import changes_without_request
from loyalty.proof.checkpoints import take_checkpoint
from loyalty.proof.keys import new_key_pair
from loyalty.proof.outside import line_of
from loyalty.proof.restores import line_about, restore_of
from loyalty.proof.restoring import take_checkpoint_after_restore


class Command(ProjectCommand):
    help = (
        "Sign the state of every account and the change log at one instant, store it in the database and append it to "
        "CHECKPOINT_FILE, which should be on another machine. Needs CHECKPOINT_SIGNING_KEY. Run it from cron every "
        "hour. Names on standard error the changes of the change log that came with no request of their author."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--new-key", action="store_true", help="print a new pair of keys and exit")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print the line as it is in the file")
        parser.add_argument(
            "--after-restore",
            action="store_true",
            help="seal a restored database; what it lacks of what CHECKPOINT_FILE says is signed with it and shown for "
            "ever. Needs --by and --reason",
        )
        parser.add_argument(
            "--by", metavar="USERNAME", help="who seals it; needs the permission to rebuild balances in every programme"
        )
        parser.add_argument("--reason", metavar="TEXT", help="why it was restored; at least ten characters")

    def describe_work_done(self) -> str:
        return "A checkpoint is written completely or not at all; the next run writes lines that its file lacks."

    def run(
        self, *, new_key: bool, as_json: bool, after_restore: bool, by: str | None, reason: str | None, **_: Any
    ) -> None:
        if after_restore != bool(by and reason) or bool(by) != bool(reason):
            raise CommandError("Give --by and --reason with --after-restore.", returncode=WRONG_USE)
        if new_key:
            private, public = new_key_pair()
            self.say(f"CHECKPOINT_SIGNING_KEY={private}\nCHECKPOINT_PUBLIC_KEY={public}")
            return
        file = Path(settings.CHECKPOINT_FILE) if settings.CHECKPOINT_FILE else None
        try:
            if after_restore:
                checkpoint = _after_restore(by=by, reason=reason or "", file=file)
            else:
                checkpoint = take_checkpoint(at=timezone.now(), file=file)
        except OSError as error:
            raise CommandError(
                f"{file} cannot be used: {error.strerror}. {self.describe_work_done()}", returncode=FAILED
            ) from error
        self._name_changes_without_request(checkpoint.number)
        self.record_success()
        if as_json:
            self.say(line_of(checkpoint).decode().rstrip())
            return
        where = f"appended to {file}" if file else "kept in the database alone: set CHECKPOINT_FILE"
        self.say(
            f"Checkpoint {checkpoint.number}: {counted(checkpoint.entries, 'entry', 'entries')} of "
            f"{counted(checkpoint.accounts, 'account')}, "
            f"{checkpoint.changes:,} of them changed since the last one; "
            f"{counted(int(checkpoint.points_total), 'point')}, "
            f"{checkpoint.balance_total:,} in the balances; "
            f"{counted(checkpoint.log_changes or 0, 'change')} of the change log.\n"
            f"Hash {bytes(checkpoint.checkpoint_hash).hex()}, signed with key {checkpoint.key_id}; {where}."
        )
        if restore := restore_of(checkpoint):
            self.say(line_about(checkpoint, restore))

    def _name_changes_without_request(self, number: int) -> None:
        found = changes_without_request(number)
        if not found.holds:
            more = "" if found.rows == len(found.first) else " …"
            self.write_progress(
                f"{counted(found.rows, 'change')} of the change log came with no request or command of the author: "
                f"{', '.join(found.first)}{more}. The runbook says what to do."
            )


def _after_restore(*, by: str | None, reason: str, file: Path | None) -> Checkpoint:
    """:raises CommandError: there is no file that says what is lacking."""
    if file is None:
        raise CommandError(
            "Set CHECKPOINT_FILE: only that file says what the database lacks. Without it there is nothing to compare.",
            returncode=WRONG_USE,
        )
    return take_checkpoint_after_restore(actor=staff_with_login(by), reason=reason, at=timezone.now(), file=file)
