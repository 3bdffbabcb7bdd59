"""What kind of file an operator gave: a text file is read line by line, another kind is named."""

import io
from collections.abc import Iterator
from typing import BinaryIO, Final

from core.errors import DomainError

HOW_TO_SAVE: Final = "In the spreadsheet, save it as “CSV UTF-8”."
_HEAD_BYTES: Final = 4_096
# UTF-32 comes first: its mark begins with that of UTF-16.
_BEGINNINGS: Final = {
    b"\xff\xfe\x00\x00": "UTF-32 text",
    b"\x00\x00\xfe\xff": "UTF-32 text",
    b"\xff\xfe": "UTF-16 text (“Unicode text”)",
    b"\xfe\xff": "UTF-16 text (“Unicode text”)",
    b"PK\x03\x04": "a workbook (.xlsx, .ods) or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (.xls)",
    b"\x1f\x8b": "a gzip archive",
    b"%PDF": "a PDF document",
}


class UnreadableFile(DomainError):
    """The file is missing, empty, of another kind, or lacks columns."""

    code = "UNREADABLE_FILE"


def numbered_lines(file: BinaryIO, *, name: str, most_bytes: int) -> Iterator[tuple[int, bytes]]:
    """The lines of a text file with their ends, from 1; of one that is too long, only as much as shows that it is.

    Lines end with a line feed; in a file that has none, with a carriage return, as on old Macs.

    :raises UnreadableFile: it is no text file that can be read.
    """
    head = file.peek(_HEAD_BYTES)[:_HEAD_BYTES]  # type: ignore[attr-defined]
    if kind := _other_kind(head):
        raise UnreadableFile(f"{name} is {kind}, not a CSV file: the header cannot be read. {HOW_TO_SAVE}")
    is_old_mac = b"\r" in head and b"\n" not in head
    # Latin-1 gives each byte a character, so that text lines are cut without being decoded.
    with io.TextIOWrapper(file, encoding="latin-1", newline="\r" if is_old_mac else "\n") as text:
        number = 0
        while line := text.readline(most_bytes + 1):
            number += 1
            rest = line
            while len(rest) > most_bytes and not rest.endswith(("\r", "\n")):
                rest = text.readline(most_bytes + 1)
            yield number, line.encode("latin-1")


def _other_kind(head: bytes) -> str | None:
    for beginning, kind in _BEGINNINGS.items():
        if head.startswith(beginning):
            return kind
    # Latin letters in UTF-16 have a zero in every other byte.
    zeros = max(head[0:200:2].count(0), head[1:200:2].count(0))
    return "UTF-16 text (“Unicode text”)" if zeros > len(head[:200]) // 4 else None
