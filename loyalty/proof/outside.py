"""The file outside the database to which every checkpoint is appended, one line each."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

from django.core.exceptions import FieldDoesNotExist
from django.db.models import BinaryField, CharField, DateTimeField, TextField

from loyalty.models import Checkpoint
from loyalty.proof.appending import CheckpointFileDiffers, append, opened
from loyalty.proof.breaks import Break, BreakKind
from loyalty.proof.keys import trusted_keys
from loyalty.proof.listed import accounts_file, complete_accounts
from loyalty.proof.sealed import unsigned
from loyalty.proof.sealing import FIRST_PREVIOUS_HASH

MAX_LINE_BYTES: Final = 64 * 1_024
INSTANT: Final = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """The first checkpoint in which the file and the database differ, and the first that the file does not have.

    `written_bytes` counts the bytes that the file already has of the line of checkpoint `missing_number`.
    """

    first_break: Break | None
    missing_number: int | None = None
    written_bytes: int = 0


def line_of(checkpoint: Checkpoint) -> bytes:
    """The line of a checkpoint: a JSON object of its fields, always the same bytes."""
    return json.dumps(values_of(checkpoint), separators=(",", ":")).encode() + b"\n"


def values_of(checkpoint: Checkpoint) -> dict[str, int | str]:
    """The fields of a checkpoint, in order, as JSON writes them."""
    return {name: _as_json(value) for name, value in checkpoint.values().items()}


def _as_json(value: Any) -> int | str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime(INSTANT)
    return value.hex() if isinstance(value, bytes) else value


def checkpoint_in(line: bytes) -> Checkpoint | None:
    """The checkpoint that a line says; None if it does not say exactly one."""
    try:
        values = json.loads(line)
        checkpoint = Checkpoint(**{name: _from_json(name, value) for name, value in values.items()})
        return checkpoint if line_of(checkpoint) == line else None
    except (ValueError, TypeError, AttributeError, FieldDoesNotExist, RecursionError, OverflowError):
        return None


def _from_json(name: str, value: Any) -> Any:
    field = Checkpoint._meta.get_field(name)
    if isinstance(field, DateTimeField):
        return datetime.strptime(value, INSTANT).replace(tzinfo=UTC)
    if isinstance(field, BinaryField):
        return bytes.fromhex(value)
    if type(value) is not (str if isinstance(field, CharField | TextField) else int):
        raise TypeError(f"{name} is {value!r}")
    return value


def compare(file: Path) -> Comparison:
    """Compare the file with the database, line by line; a file that does not exist has no lines.

    Checkpoints that a restored database lacked are in the file alone; those that a later checkpoint names are skipped.

    :raises OSError: it cannot be read.
    """
    with opened(file) as lines:
        before: Checkpoint | None = None
        for checkpoint in _checkpoints(from_number=1):
            line, written = line_of(checkpoint), lines.readline(MAX_LINE_BYTES)
            if checkpoint.after_restore is not None:
                written, found = _past_lost(lines, written, before=before, checkpoint=checkpoint)
                if found is not None:
                    return Comparison(first_break=found)
            before = checkpoint
            if written == line:
                continue
            if line.startswith(written):
                return Comparison(first_break=None, missing_number=checkpoint.number, written_bytes=len(written))
            return Comparison(first_break=_difference(written, checkpoint=checkpoint, line=line))
        if more := lines.readline(MAX_LINE_BYTES):
            return Comparison(first_break=_not_in_database(_number_in(more), more))
    return Comparison(first_break=None)


def _past_lost(
    lines: BinaryIO, written: bytes, *, before: Checkpoint | None, checkpoint: Checkpoint
) -> tuple[bytes, Break | None]:
    """The first line, from `written` on, that is not of a lost checkpoint between `before` and `checkpoint`.

    With the first lost checkpoint that is not signed, or does not follow the one before it. A file that was begun after
    the restore has none of them.
    """
    last, kept = before, before.number if before else 0
    while (number := _number_in(written)) is not None and kept < number < checkpoint.number:
        lost, head = checkpoint_in(written), last.checkpoint_hash if last else FIRST_PREVIOUS_HASH
        if lost is None or unsigned(lost, keys=trusted_keys()) is not None:
            what = "the database lost it, and the line of the file is not what was signed"
        elif lost.previous_hash != head:
            what = "the database lost it, and in the file it does not follow the checkpoint before it"
        else:
            written, last = lines.readline(MAX_LINE_BYTES), lost
            continue
        return written, Break(kind=BreakKind.CHECKPOINT_ALTERED, what=what, checkpoint=number)
    if last is not before and last is not None and checkpoint.previous_hash != last.checkpoint_hash:
        what = f"the database lost it, and checkpoint {checkpoint.number}, after the restore, follows another one"
        return written, Break(kind=BreakKind.CHECKPOINT_ALTERED, what=what, checkpoint=last.number)
    return written, None


def checkpoints_in(file: Path) -> Iterator[Checkpoint]:
    """The checkpoints of the lines, in their order; lines that are none, or are not signed, are passed over.

    :raises OSError: the file cannot be read. One that does not exist has none.
    """
    keys = trusted_keys()
    with opened(file) as lines:
        while line := lines.readline(MAX_LINE_BYTES):
            checkpoint = checkpoint_in(line)
            if checkpoint is not None and unsigned(checkpoint, keys=keys) is None:
                yield checkpoint


def compare_whole(file: Path) -> Break | None:
    """The first checkpoint in which the file and the database differ, or which the file does not have.

    :raises OSError: the file cannot be read, or does not exist.
    """
    file.stat()
    comparison = compare(file)
    if comparison.missing_number is None:
        return comparison.first_break
    what = "the file ends before it; if the last run of “manage.py checkpoint” was interrupted, the next run writes it"
    return Break(kind=BreakKind.CHECKPOINT_MISSING, what=what, checkpoint=comparison.missing_number)


def last_line(file: Path) -> bytes:
    """The last line of the file, also one that was cut off.

    :raises OSError: the file cannot be read.
    """
    last = b""
    with opened(file) as lines:
        while line := lines.readline(MAX_LINE_BYTES):
            last = line
    return last


def complete(file: Path) -> None:
    """Append the checkpoints that the file does not have, and sync it to the disk.

    Also completes a line that a crash cut off, and the file of accounts. Must be called under the lock on checkpoints,
    after their commit.

    :raises CheckpointFileDiffers: the file and the database differ; nothing is written.
    :raises OSError: the file cannot be written.
    """
    comparison = compare(file)
    if comparison.first_break is not None:
        found = comparison.first_break
        raise CheckpointFileDiffers(
            f"{file} and the database differ in checkpoint {found.checkpoint}: {found.what}. "
            "Run verify_ledger with --against, and see the runbook."
        )
    if comparison.missing_number is not None:
        lines = [line_of(checkpoint) for checkpoint in _checkpoints(from_number=comparison.missing_number)]
        append(file, b"".join(lines)[comparison.written_bytes :])
    complete_accounts(accounts_file(file))


def _checkpoints(*, from_number: int) -> Iterator[Checkpoint]:
    return Checkpoint.objects.filter(number__gte=from_number).order_by("number").iterator()


def _difference(written: bytes, *, checkpoint: Checkpoint, line: bytes) -> Break:
    """How a line differs from the line of the checkpoint that should be next."""
    number = _number_in(written)
    if number is not None and number < checkpoint.number:
        return _not_in_database(number, written)
    if number is not None and number > checkpoint.number:
        what = f"the database has it, and in the file checkpoint {number} is in its place"
        return Break(kind=BreakKind.CHECKPOINT_MISSING, what=what, checkpoint=checkpoint.number)
    return Break(
        kind=BreakKind.CHECKPOINT_ALTERED,
        what="the file and the database have different contents for it",
        checkpoint=checkpoint.number,
        expected=written.decode(errors="replace").strip(),
        found=line.decode().strip(),
    )


def _not_in_database(number: int | None, written: bytes) -> Break:
    return Break(
        kind=BreakKind.CHECKPOINT_MISSING,
        what="the file has it, and the database does not",
        checkpoint=number,
        expected=written.decode(errors="replace").strip(),
    )


def _number_in(line: bytes) -> int | None:
    try:
        number = json.loads(line)["number"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return number if isinstance(number, int) else None
