"""CSV files from other systems: one record a line, and every line that cannot be read named by its number.

A line of the file is a record, so a stray quote or a wrong byte spoils its own line and no other.
"""

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from core.errors import DomainError

MAX_LINE_BYTES: Final = 4_096
_CONTROL_CHARACTER: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class UnreadableFile(DomainError):
    """The file is missing, empty, or lacks columns."""

    code = "UNREADABLE_FILE"


class UnreadableLine(DomainError):
    """The line is not a record of the file: wrong encoding, wrong number of fields, too long."""

    code = "UNREADABLE_LINE"


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A line and its fields by column, without surrounding blanks."""

    line: int
    fields: dict[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class BadRecord:
    """A line that could not be read, and why."""

    line: int
    error: DomainError


def read_records(path: Path, *, columns: Sequence[str]) -> Iterator[Record | BadRecord]:
    """Read a UTF-8 CSV file whose header names at least `columns`, in any order; empty lines are passed over.

    :raises UnreadableFile: it is missing, empty, or its header lacks a column. Raised when the reading begins.
    """
    try:
        with path.open("rb") as file:
            yield from _records(file, name=path.name, columns=columns)
    except OSError as error:
        raise UnreadableFile(f"{path.name} cannot be read: {error.strerror}.") from error


def _records(file: BinaryIO, *, name: str, columns: Sequence[str]) -> Iterator[Record | BadRecord]:
    header: list[str] | None = None
    for line, raw in enumerate(_lines(file), start=1):
        if header is None:
            header = _header(raw.removeprefix(codecs.BOM_UTF8), name=name, columns=columns)
            continue
        if not raw.strip():
            continue
        try:
            fields = _fields(raw)
            if len(fields) != len(header):
                raise UnreadableLine(f"The line has {len(fields)} fields, and the header {len(header)}.")
        except UnreadableLine as error:
            yield BadRecord(line=line, error=error)
        else:
            yield Record(line=line, fields=dict(zip(header, fields, strict=True)))
    if header is None:
        raise UnreadableFile(f"{name} is empty: its first line must name the columns {', '.join(columns)}.")


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file; of one that is too long, only as much as shows that it is."""
    while raw := file.readline(MAX_LINE_BYTES + 1):
        rest = raw
        while len(rest) > MAX_LINE_BYTES and not rest.endswith(b"\n"):
            rest = file.readline(MAX_LINE_BYTES + 1)
        yield raw


def _header(raw: bytes, *, name: str, columns: Sequence[str]) -> list[str]:
    try:
        header = _fields(raw)
    except UnreadableLine as error:
        raise UnreadableFile(f"{name}: the header cannot be read. {error}") from error
    if missing := [column for column in columns if column not in header]:
        raise UnreadableFile(f"{name}: the header (line 1) lacks the column {', '.join(missing)}.")
    if len(set(header)) != len(header):
        raise UnreadableFile(f"{name}: the header (line 1) names a column twice.")
    return header


def _fields(raw: bytes) -> list[str]:
    """The fields of one line.

    :raises UnreadableLine: saying what is wrong with it.
    """
    if len(raw) > MAX_LINE_BYTES:
        raise UnreadableLine(f"The line is longer than {MAX_LINE_BYTES:,} bytes.")
    try:
        text = raw.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise UnreadableLine(f"The line is not UTF-8 (byte {error.start + 1}).") from error
    if _CONTROL_CHARACTER.search(text):
        raise UnreadableLine("The line has a control character in it.")
    try:
        fields = next(csv.reader([text], strict=True), [""])
    except csv.Error as error:
        raise UnreadableLine(f"The line is not CSV: {error}.") from error
    return [field.strip() for field in fields]
