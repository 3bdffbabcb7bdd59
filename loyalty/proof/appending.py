"""Files outside the database that are only appended to."""

import io
import os
from pathlib import Path
from typing import BinaryIO, Final

from core.errors import DomainError

FILE_MODE: Final = 0o640


class CheckpointFileDiffers(DomainError):
    """The file outside and the database have different checkpoints."""

    code = "CHECKPOINT_FILE_DIFFERS"


def append(file: Path, contents: bytes) -> None:
    """Append to a file, and sync it, and the folder of a new one, to the disk.

    :raises OSError: it cannot be written.
    """
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


def opened(file: Path) -> BinaryIO:
    """The file, open for reading; a file that does not exist is empty.

    :raises OSError: it cannot be read.
    """
    try:
        return file.open("rb")
    except FileNotFoundError:
        return io.BytesIO()
