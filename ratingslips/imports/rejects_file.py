"""The file of refused lines: corrected in a spreadsheet, it can be imported."""

import codecs
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from core.errors import DomainError
from core.spreadsheets import harmless
from ratingslips.imports.csv_files import REASON_COLUMN, SEPARATORS, CsvFile, opened
from ratingslips.imports.events import COLUMNS


class UnwritableFile(DomainError):
    """The refused lines cannot be written to this file."""

    code = "UNWRITABLE_FILE"


def require_writable(path: Path) -> None:
    """Refuse a path that `write_rejects` could not write; an existing file is left as it is.

    :raises UnwritableFile: it is not a file, or its draft cannot be made beside it.
    """
    try:
        # A device or a pipe would be replaced by a file.
        if path.exists() and not path.is_file():
            raise UnwritableFile(f"{path} cannot be written: it is not a file.")
        draft = _draft_of(path)
        draft.touch(exist_ok=False)
        draft.unlink()
    except OSError as error:
        raise UnwritableFile(f"{path} cannot be written: {error.strerror}.") from error


def write_rejects(path: Path, rejects: Mapping[int, DomainError], *, source: Path) -> None:
    """Write the refused lines of `source` as they are there, each behind its reason, whole or not at all.

    An existing file is replaced. The first column holds the reasons, made harmless for a spreadsheet; an import of the
    file ignores it.

    :raises OSError: it cannot be written.
    :raises UnreadableFile: `source` cannot be read again.
    """
    draft = _draft_of(path)
    try:
        with draft.open("xb") as file, opened(source, columns=COLUMNS) as lines:
            separator = lines.separator.encode()
            file.write(codecs.BOM_UTF8)
            if lines.separator not in SEPARATORS:
                file.write(b"sep=%b\r\n" % separator)
            file.write(REASON_COLUMN.encode() + separator)
            file.write(_original(lines.header, lines))
            for line, raw in lines.rows():
                if error := rejects.get(line):
                    said = f"{error.code}: {' '.join(error.message.split())}"
                    reason = harmless(said, separator=lines.separator).replace('"', '""')
                    file.write(f'"{reason}"'.encode() + separator + _original(raw, lines))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _original(raw: bytes, lines: CsvFile) -> bytes:
    """The line without the reason of an earlier import, with one kind of line end."""
    return lines.original(raw.rstrip(b"\r\n")) + b"\r\n"


def _draft_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}")
