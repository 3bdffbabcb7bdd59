"""The file of refused lines, for correction in a spreadsheet."""

import csv
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from core.errors import DomainError
from core.spreadsheets import harmless

COLUMNS: Final = ("line", "code", "reason")


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


def write_rejects(path: Path, rejects: Mapping[int, DomainError]) -> None:
    """Write the refused lines with their reasons to `path`, whole or not at all; an existing file is replaced.

    :raises OSError: it cannot be written.
    """
    draft = _draft_of(path)
    try:
        with draft.open("x", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for line, error in rejects.items():
                writer.writerow([line, error.code, harmless(error.message)])
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _draft_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}")
