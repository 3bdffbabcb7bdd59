"""Print the proof that an entry is in a signed checkpoint."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from core.commands import WRONG_USE, ProjectCommand
from core.keys import key_of
from core.snapshots import one_snapshot
from core.timeouts import WHOLE_LEDGER_SECONDS
from loyalty.proof.proving import NoSuchEntry, prove_entry


class Command(ProjectCommand):
    may_change = False
    help = (
        "Print the proof that a ledger entry is in a signed checkpoint, as one JSON object. It has the columns of this "
        "entry, hashes of the others, and no player's name. docs/verify_entry.py checks it without this product and "
        "its database. Exit code: 0 proven, 1 no checkpoint has sealed the entry or the ledger is broken, 2 wrong use."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("entry", metavar="N", help="the number of the entry, as its page and the comp slip show it")

    def describe_work_done(self) -> str:
        return "Proving changes nothing."

    def run(self, *, entry: str, **_: Any) -> None:
        entry_id = key_of(entry)
        if entry_id is None:
            raise CommandError(f"“{entry}” is not the number of an entry.", returncode=WRONG_USE)
        try:
            with one_snapshot(statement_seconds=WHOLE_LEDGER_SECONDS, idle_seconds=WHOLE_LEDGER_SECONDS):
                proof = prove_entry(entry_id)
        except NoSuchEntry as error:
            raise CommandError(str(error), returncode=WRONG_USE) from error
        self.say(json.dumps(proof, indent=1))
