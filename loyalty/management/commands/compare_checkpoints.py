"""Compare two files of checkpoints, to find a fork: two databases that each went on by itself."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from core.commands import FAILED, WRONG_USE, ProjectCommand
from core.words import counted
from loyalty.models import Checkpoint
from loyalty.proof.listed import accounts_file, accounts_listed
from loyalty.proof.outside import checkpoints_in


class Command(ProjectCommand):
    may_change = False
    could_not_run = WRONG_USE
    help = (
        "Compare two files of checkpoints. If both have a checkpoint with the same number and other contents, two "
        "databases sealed entries apart from each other: a fork. It names the first such checkpoint, and the accounts "
        "that both sealed since then. Needs no database. Exit code: 0 no fork, 1 a fork, 2 a file cannot be read."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="a file of checkpoints")
        parser.add_argument("other", type=Path, help="the file of the other database")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def describe_work_done(self) -> str:
        return "A comparison changes nothing."

    def run(self, *, file: Path, other: Path, as_json: bool, **_: Any) -> None:
        one, two = _read(file), _read(other)
        both = one.keys() & two.keys()
        differ = {number for number in both if one[number].checkpoint_hash != two[number].checkpoint_hash}
        same, fork = max(both - differ, default=0), min(differ, default=None)
        accounts = sorted(_sealed(file, since=fork) & _sealed(other, since=fork)) if fork else []
        if as_json:
            newest = {"file": max(one), "other": max(two)}
            self.say(json.dumps({"same": same, "fork": fork, "accounts": accounts, "newest": newest}))
        else:
            self.say("\n".join(_lines({file: one, other: two}, same=same, fork=fork, accounts=accounts)))
        if fork:
            raise CommandError(
                f"The files fork at checkpoint {fork}. The runbook says what to do first.", returncode=FAILED
            )


def _read(file: Path) -> dict[int, Checkpoint]:
    """The checkpoints of a file, by number.

    :raises CommandError: it cannot be read, or holds none.
    """
    try:
        file.stat()
        found = {checkpoint.number: checkpoint for checkpoint in checkpoints_in(file)}
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.", returncode=WRONG_USE) from error
    if not found:
        raise CommandError(f"{file} holds no checkpoint that is signed with our keys.", returncode=WRONG_USE)
    return found


def _sealed(file: Path, *, since: int) -> set[int]:
    """The accounts that were sealed since a checkpoint; none if the file of accounts does not exist."""
    return {sealed.account_id for sealed in accounts_listed(accounts_file(file), since=since)}


def _lines(
    files: Mapping[Path, Mapping[int, Checkpoint]], *, same: int, fork: int | None, accounts: Sequence[int]
) -> Iterator[str]:
    yield f"The same up to checkpoint {same}." if same else "No checkpoint is the same."
    for file, found in files.items():
        last = found[max(found)]
        yield f"{file} ends with checkpoint {last.number}, of {last.taken_at:%Y-%m-%d %H:%M:%S} UTC."
    if fork is None:
        yield "No fork."
        return
    yield f"FORK at checkpoint {fork}:"
    for file, found in files.items():
        one = found[fork]
        entries = counted(one.entries, "entry", "entries")
        yield f"  {file}: taken {one.taken_at:%Y-%m-%d %H:%M:%S} UTC, {entries}, hash {one.checkpoint_hash.hex()}"
    yield f"Sealed by both since then: {counted(len(accounts), 'account')}" + (
        f": {', '.join(map(str, accounts))}" if accounts else ""
    )
