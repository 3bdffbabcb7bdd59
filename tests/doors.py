"""A door to PostgreSQL that a test closes and opens: while it is closed, no new connection is made."""

import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection


class Door:
    """The folder of the server's socket, under another name."""

    def __init__(self, folder: Path, *, server: Path) -> None:
        self.path = folder / "door"
        self._server = server
        self.open()

    def open(self) -> None:
        """Let connections through."""
        self.path.symlink_to(self._server)

    def close(self) -> None:
        """Let no new connection through, and end that of this thread."""
        self.path.unlink()
        connection.close()

    @contextmanager
    def opening_soon(self, *, seconds: float) -> Iterator[None]:
        """Open the closed door after some seconds of the block."""
        timer = threading.Timer(seconds, self.open)
        timer.start()
        try:
            yield
        finally:
            timer.join()


@contextmanager
def door() -> Iterator[Door]:
    """Let this thread's connections lead through a door, which is open at first."""
    direct, folder = connection.settings_dict, Path(tempfile.mkdtemp(prefix="door-"))
    connection.close()
    connection.settings_dict = {**direct, "HOST": str(folder / "door"), "OPTIONS": {**direct["OPTIONS"]}}
    try:
        yield Door(folder, server=Path(direct["HOST"]))
    finally:
        connection.close()
        connection.settings_dict = direct
        connection.ensure_connection()
        shutil.rmtree(folder)
