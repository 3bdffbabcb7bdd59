"""Delete old origins of requests and sign-ins."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any, Final

from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone

from config.database.owner import as_owner
from core.commands import WRONG_USE, ProjectCommand
from core.forgetting import MIN_DAYS, forget_old_records
from core.words import counted

FIVE_YEARS_DAYS: Final = 1_827
MAX_DAYS: Final = 36_500
_MAY: Final = "SELECT has_table_privilege('core_requestorigin', 'DELETE')"


class Command(ProjectCommand):
    help = (
        "Delete the log of sign-ins and the origins of requests and commands that are older than a term, but no origin "
        "that an entry, a slip, a change or another row refers to. Needs DATABASE_OWNER_URL, since the application may "
        "delete neither. Exit code 0: done; 1: failed or interrupted, and the next run deletes the rest; 2: wrong use."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--older-than",
            type=int,
            default=FIVE_YEARS_DAYS,
            metavar="DAYS",
            help=f"the term, at least {MIN_DAYS} days (default: five years, %(default)s days)",
        )

    def describe_work_done(self) -> str:
        return "What was deleted until then is gone; the next run deletes the rest."

    def run(self, *, older_than: int, **_: Any) -> None:
        if not MIN_DAYS <= older_than <= MAX_DAYS:
            raise CommandError(f"--older-than must be {MIN_DAYS} to {MAX_DAYS:,} days.", returncode=WRONG_USE)
        with as_owner(may_take_long=True), connection.cursor() as cursor:
            cursor.execute(_MAY)
            if not cursor.fetchone()[0]:
                raise CommandError(
                    "Only the owner of the tables may delete these rows: set DATABASE_OWNER_URL.", returncode=WRONG_USE
                )
            gone = forget_old_records(older_than=timedelta(days=older_than), at=timezone.now())
        self.say(
            f"{counted(gone.origins, 'origin')} of requests and {counted(gone.sign_ins, 'sign-in')} deleted. "
            f"{counted(gone.kept_origins, 'origin')} as old stay: other rows refer to them."
        )
        self.record_success()
