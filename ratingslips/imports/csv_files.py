"""CSV files from other systems and from spreadsheets: every line that cannot be read is named by its number.

A line of the file is a record, so a stray quote or a wrong byte spoils its own line and no other. Only a quoted field
that holds a line break joins a line with the next ones.
"""

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.errors import DomainError
from core.text import quoted, trimmed
from core.words import counted, noun
from ratingslips.imports.file_kinds import HOW_TO_SAVE, UnreadableFile, numbered_lines

MAX_LINE_BYTES: Final = 4_096
MAX_KEPT_BYTES: Final = 65_536  # of a line that is too long; the rest is not given back among the refused lines
MAX_JOINED_LINES: Final = 10
REASON_COLUMN: Final = "refused_because"  # of a file of refused lines
SEPARATORS: Final = (",", ";", "\t")
NOT_CLOSED: Final = "a quotation mark is not closed"
# A spreadsheet that does not know the line adds separators of its own to it.
_SEP_LINE: Final = re.compile(r'"?sep=(.)"?[,;\s]*', re.IGNORECASE)
_CONTROL_CHARACTER: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_WRONG: Final = {  # by words of the csv module
    "end of data": NOT_CLOSED,
    "new-line character": "a line break (carriage return) is outside of quotation marks",
}
_LINE_ENDS: Final = b"\r\n\x1a"  # old programs end a file with Ctrl-Z


class UnreadableLine(DomainError):
    """The line is not a record of the file: wrong encoding, too many fields, too long."""

    code = "UNREADABLE_LINE"


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A line and its fields by column, without blanks around them; a field that the line lacks is empty.

    `decimal_comma` is set in files whose fields are not separated by commas.
    """

    line: int
    fields: dict[str, str]
    decimal_comma: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class BadRecord:
    """A line that could not be read, and why."""

    line: int
    error: DomainError


def read_records(path: Path, *, columns: Sequence[str]) -> Iterator[Record | BadRecord]:
    """Read a UTF-8 CSV file whose header names at least `columns`, in any order; lines without values are passed over.

    :raises UnreadableFile: it is missing, empty, no CSV file, or its header lacks a column. Raised when the reading
        begins.
    """
    with opened(path, columns=columns) as file:
        for line, raw in file.rows():
            try:
                record = file.record(line, raw)
            except UnreadableLine as error:
                yield BadRecord(line=line, error=error)
            else:
                if any(record.fields.values()):
                    yield record


@contextmanager
def opened(path: Path, *, columns: Sequence[str]) -> Iterator["CsvFile"]:
    """Open a CSV file whose header names at least `columns`.

    :raises UnreadableFile: see `read_records`.
    """
    try:
        with path.open("rb") as file:
            yield CsvFile(numbered_lines(file, name=path.name, most_bytes=MAX_KEPT_BYTES), path.name, columns)
    except OSError as error:
        raise UnreadableFile(f"{path.name} cannot be read: {error.strerror}.") from error


class CsvFile:
    """An open file: its header has been read, and its rows are still to be read, once."""

    def __init__(self, lines: Iterator[tuple[int, bytes]], name: str, columns: Sequence[str]) -> None:
        self._lines = lines
        self._ahead: deque[tuple[int, bytes]] = deque()
        line, self.header, given = _header_line(lines, name=name, columns=columns)
        place = f"{name}: the header (line {line})"
        self.separator, self.names = _header(self.header, given=given, wanted=columns, place=place)
        self._columns = columns

    def original(self, raw: bytes) -> bytes:
        """A line as it was before it was refused, without its reason."""
        if self.names[0] != REASON_COLUMN:
            return raw
        separator, line = re.escape(self.separator), raw.decode(errors="surrogateescape")
        line = re.sub(rf'^(?:"(?:[^"]|"")*"|[^"{separator}]*){separator}', "", line)
        return line.encode(errors="surrogateescape")

    def rows(self) -> Iterator[tuple[int, bytes]]:
        """The lines after the header with their numbers; a record of several lines has the number of its first."""
        while first := self._line(0):
            self._ahead.popleft()
            line, raw = first
            if raw.count(b'"') % 2 and self._quotes(raw) == NOT_CLOSED:
                raw = self._joined(raw)
            yield line, raw.rstrip(_LINE_ENDS)

    def record(self, line: int, raw: bytes) -> Record:
        """The fields of a row.

        :raises UnreadableLine: saying what is wrong with it.
        """
        if len(raw) > MAX_LINE_BYTES and len(self.original(raw)) > MAX_LINE_BYTES:
            raise UnreadableLine(f"The line is longer than {MAX_LINE_BYTES:,} bytes.")
        fields = _fields(raw, separator=self.separator)
        if any(fields[len(self.names) :]):
            raise UnreadableLine(f"The line has {counted(len(fields), 'field')}, and the header {len(self.names)}.")
        values = fields + [""] * (len(self.names) - len(fields))
        for number, (name, value) in enumerate(zip(self.names, values, strict=False), start=1):
            if value and not name:
                raise UnreadableLine(f"The line has a value in column {number}, which the header does not name.")
            if name in self._columns and ("\n" in value or "\r" in value):
                raise UnreadableLine(f"The field {name} holds a line break: write it on one line.")
        return Record(
            line=line,
            fields={name: value for name, value in zip(self.names, values, strict=False) if name},
            decimal_comma=self.separator != ",",
        )

    def _line(self, number: int) -> tuple[int, bytes] | None:
        """The line that comes after `number` more lines."""
        while len(self._ahead) <= number:
            following = next(self._lines, None)
            if following is None:
                return None
            self._ahead.append(following)
        return self._ahead[number]

    def _joined(self, raw: bytes) -> bytes:
        """Join a line with those that end its quoted field; a line that may be a record of its own is left alone."""
        joined = raw
        for number in range(MAX_JOINED_LINES - 1):
            following = self._line(number)
            if following is None or following[1].count(self.separator.encode()) >= len(self.names) - 1:
                break
            joined += following[1]
            if len(joined) > MAX_KEPT_BYTES:
                break
            if self._quotes(joined) == "":
                for _ in range(number + 1):
                    self._ahead.popleft()
                return joined
        return raw

    def _quotes(self, raw: bytes) -> str:
        """What is wrong with the quotation marks of a record, if anything."""
        try:
            _cells(raw.decode(errors="replace"), separator=self.separator)
        except csv.Error as error:
            return _wrong_in(error)
        return ""


def _header_line(
    lines: Iterator[tuple[int, bytes]], *, name: str, columns: Sequence[str]
) -> tuple[int, bytes, str | None]:
    """The number and the bytes of the header, and the separator that a first line `sep=;` gives."""
    given = None
    for line, raw in lines:
        header = raw.removeprefix(codecs.BOM_UTF8).rstrip(_LINE_ENDS)
        text = header.decode(errors="replace")
        if found := _SEP_LINE.fullmatch(text):
            given = found[1]
        elif trimmed(text).strip("".join(SEPARATORS)):
            return line, header, given
    raise UnreadableFile(f"{name} is empty: its first line must name the columns {', '.join(columns)}.")


def _header(raw: bytes, *, given: str | None, wanted: Collection[str], place: str) -> tuple[str, list[str]]:
    """The separator of the file, found by the columns that the header must have, and its names."""
    named: dict[str, list[str]] = {}
    unreadable: UnreadableLine | None = None
    for separator in SEPARATORS if given is None else (given, *SEPARATORS):
        try:
            fields = _fields(raw, separator=separator)
        except UnreadableLine as error:
            unreadable = error
            continue
        named[separator] = [re.sub(r"[\s_-]+", "_", field.lower()) for field in fields]
    if not named:
        raise UnreadableFile(f"{place} cannot be read. {unreadable}") from unreadable
    separator = max(named, key=lambda one: len(set(wanted) & set(named[one])))
    names = named[separator]
    if missing := [column for column in wanted if column not in names]:
        raise UnreadableFile(f"{place} lacks the {noun(len(missing), 'column')} {', '.join(missing)}.")
    doubled = [name for name in names if name and name != REASON_COLUMN and names.count(name) > 1]
    if doubled:
        raise UnreadableFile(f"{place} names a column twice: {quoted(doubled[0])}.")
    return separator, names


def _fields(raw: bytes, *, separator: str) -> list[str]:
    """The fields of one record.

    :raises UnreadableLine: saying what is wrong with it.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise UnreadableLine(
            f"The line is not UTF-8 (byte {error.start + 1}): it is in an old code page, such as Windows-1252. "
            f"{HOW_TO_SAVE}"
        ) from error
    if _CONTROL_CHARACTER.search(text):
        raise UnreadableLine("The line has a control character in it.")
    try:
        return [trimmed(cell) for cell in _cells(text, separator=separator)]
    except csv.Error as error:
        raise UnreadableLine(f"The line is not CSV: {_wrong_in(error)}.") from error


def _wrong_in(error: csv.Error) -> str:
    for words, what in _WRONG.items():
        if words in str(error):
            return what
    return "a quotation mark is in the middle of a field"


def _cells(text: str, *, separator: str) -> list[str]:
    """:raises csv.Error: the quotation marks do not fit."""
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True, skipinitialspace=True))
    if len(rows) > 1:
        raise csv.Error("new-line character outside of quotation marks")
    return rows[0] if rows else [""]
