"""A copy of the working tree to break things in, with a private server of its own; gone afterwards."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.guards.guard import ROOT, Edit

TIMEOUT_SECONDS: Final = 600
TIMED_OUT: Final = 124

_OPTIONS: Final = (
    *("-o", "addopts=--strict-markers --strict-config", "-q", "-p", "no:cacheprovider", "-p", "tests.guards.plugin"),
    *("-p", "no:xdist", "-p", "no:playwright", "-p", "no:base_url"),
)

_STOP_AND_REMOVE: Final = """
import shutil
from pathlib import Path
from config.localdb.server import LocalServer, Purpose
server = LocalServer(Path.cwd(), purpose=Purpose.TEST)
server.stop()
shutil.rmtree(server.home, ignore_errors=True)
shutil.rmtree(server.socket_folder, ignore_errors=True)
"""


class Copy:
    """A copied checkout."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._has_database = False
        self._edits_made = 0
        self._environment = dict(os.environ)
        self._environment.pop("DATABASE_URL", None)

    @contextmanager
    def edited(self, edits: Sequence[Edit]) -> Iterator[None]:
        """Apply `edits` for as long as the block lasts.

        :raises ValueError: one of them does not fit the source.
        """
        before = {edit.path: (self.folder / edit.path).read_text() for edit in edits}
        after = dict(before)
        for edit in edits:
            after[edit.path] = edit.applied_to(after[edit.path])
        try:
            self._write(after)
            yield
        finally:
            self._write(before)

    def _write(self, texts: Mapping[str, str]) -> None:
        """Write files, each with a second of its own: Python tells by the second whether a compiled one is stale."""
        for path, text in texts.items():
            self._edits_made += 1
            (self.folder / path).write_text(text)
            os.utime(self.folder / path, times=(self._edits_made, self._edits_made))

    def pytest(self, node_ids: Sequence[str], **environment: str) -> tuple[int, str]:
        """Run tests; the exit code, and what was written.

        The database is made by the first run and kept, unless a run takes something from it or does not end.
        """
        command = [sys.executable, "-m", "pytest", *_OPTIONS]
        command += ["--reuse-db"] if self._has_database else ["--reuse-db", "--create-db"]
        environment["GUARD_DATABASE"] = "kept" if self._has_database else ""
        self._has_database = not environment.get("GUARD_SQL")
        try:
            done = subprocess.run(
                [*command, *node_ids],
                cwd=self.folder,
                env=self._environment | environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=TIMEOUT_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            self._has_database = False
            return TIMED_OUT, str(error)
        return done.returncode, done.stdout + done.stderr

    def end_server(self) -> None:
        """Stop the copy's server and remove its files."""
        subprocess.run([sys.executable, "-c", _STOP_AND_REMOVE], cwd=self.folder, env=self._environment, check=False)


@contextmanager
def copied() -> Iterator[Copy]:
    """A copy of what git knows and of what is new, as it stands in the working tree."""
    git = shutil.which("git")
    assert git, "a copy is what git knows"
    listed = subprocess.run(
        [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    with TemporaryDirectory(prefix="guards-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        for path in filter(None, listed.stdout.split("\0")):
            if (ROOT / path).is_file():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / path, folder / path)
        copy = Copy(folder)
        try:
            yield copy
        finally:
            copy.end_server()
