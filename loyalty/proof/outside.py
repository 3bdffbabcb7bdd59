"""The file outside the database to which every checkpoint is appended, one line each."""

import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

from core.errors import DomainError
from loyalty.models import Checkpoint
from loyalty.proof.breaks import Break, BreakKind

MAX_LINE_BYTES: Final = 4_096
FILE_MODE: Final = 0o640


class CheckpointFileDiffers(DomainError):
    """The file outside and the database have different checkpoints."""

    code = "CHECKPOINT_FILE_DIFFERS"


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
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value.hex() if isinstance(value, bytes) else value


def compare(file: Path) -> Comparison:
    """Compare the file with the database, line by line; a file that does not exist has no lines.

    :raises OSError: it cannot be read.
    """
    with _opened(file) as lines:
        for checkpoint in _checkpoints(from_number=1):
            line, written = line_of(checkpoint), lines.readline(MAX_LINE_BYTES)
            if written == line:
                continue
            if line.startswith(written):
                return Comparison(first_break=None, missing_number=checkpoint.number, written_bytes=len(written))
            return Comparison(first_break=_difference(written, checkpoint=checkpoint, line=line))
        if more := lines.readline(MAX_LINE_BYTES):
            return Comparison(first_break=_not_in_database(_number_in(more), more))
    return Comparison(first_break=None)


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


def complete(file: Path) -> None:
    """Append the checkpoints that the file does not have, and sync it to the disk.

    Also completes a line that a crash cut off. Must be called under the lock on checkpoints, after their commit.

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
        _append(file, b"".join(lines)[comparison.written_bytes :])


def _append(file: Path, contents: bytes) -> None:
    is_new = not file.exists()
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, FILE_MODE)
    try:
        while contents:
            contents = contents[os.write(descriptor, contents) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if is_new:
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _opened(file: Path) -> BinaryIO:
    try:
        return file.open("rb")
    except FileNotFoundError:
        return io.BytesIO()


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
