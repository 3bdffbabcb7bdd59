"""A PostgreSQL of the harness's own, with the settings of a real one: what is acknowledged is on the disk."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote

import psycopg

from config.localdb.roles import APPLICATION, DATABASE, OWNER, READER
from config.localdb.server import PORT, LocalServer, Purpose
from tests.waiting import wait_until

_PATIENCE_SECONDS: Final = 60.0

# Shorter than the product's, so that a run meets each of them often; the kinds are the same.
TIMEOUTS: Final = {
    "LOCK_TIMEOUT_SECONDS": "1",
    "STATEMENT_TIMEOUT_SECONDS": "5",
    "IDLE_IN_TRANSACTION_TIMEOUT_SECONDS": "1",
}


class Server(Protocol):
    """What a run needs of the PostgreSQL that it asks."""

    def connect(self) -> psycopg.Connection:
        """Connect as a superuser."""

    def url(self, *, role: str = APPLICATION) -> str:
        """Its address for a role, as DATABASE_URL takes it."""


class FaultServer:
    """The private server of a folder; it keeps `fsync` and `synchronous_commit` on, as the main one does."""

    def __init__(self, folder: Path) -> None:
        self._server = LocalServer(folder, purpose=Purpose.MAIN)

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self._server.socket_folder / f".s.PGSQL.{PORT}"

    def start(self) -> None:
        """Start it where it does not run, and wait until it serves."""
        self._server.ensure_running()
        wait_until(self._serves, timeout_seconds=_PATIENCE_SECONDS)

    def stop_at_once(self) -> None:
        """Stop it as `pg_ctl stop -m immediate` does: no checkpoint, and recovery at the next start."""
        process = self._server.postmaster_id()
        assert process is not None
        os.kill(process, signal.SIGQUIT)
        wait_until(lambda: self._server.postmaster_id() is None, timeout_seconds=_PATIENCE_SECONDS)

    def kill_backend(self, process: int) -> bool:
        """Kill one of its backends as the kernel does when memory runs out; PostgreSQL then ends all the others."""
        try:
            title = Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace")
        except OSError:
            return False
        if not title.startswith(f"postgres: {self._server.name}: "):
            return False
        os.kill(process, signal.SIGKILL)
        return True

    def remove(self) -> None:
        """Stop it, and remove all that it kept."""
        self._server.stop()
        shutil.rmtree(self._server.home, ignore_errors=True)
        shutil.rmtree(self._server.socket_folder, ignore_errors=True)

    def connect(self) -> psycopg.Connection:
        """Connect as the owner of everything, past the workers' ways."""
        return psycopg.connect(self._server.database_url(), autocommit=True)

    def settings(self) -> dict[str, str]:
        """What decides whether a commit survives, and the version that was asked."""
        with self.connect() as connection:
            names = ["server_version", "fsync", "synchronous_commit", "full_page_writes"]
            return dict(
                connection.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [names]).fetchall()
            )

    def url(self, *, socket_folder: Path | None = None, role: str = APPLICATION) -> str:
        """Its address, as DATABASE_URL takes it, by its own socket or by another one that leads to it."""
        folder = quote(str(socket_folder or self._server.socket_folder), safe="")
        return f"postgres://{role}@{folder}:{PORT}/{DATABASE}"

    def _serves(self) -> bool:
        try:
            with self.connect():
                return True
        except psycopg.Error:
            return False


def environment(server: Server) -> dict[str, str]:
    """What the processes of a run are started with; its workers get `TIMEOUTS` as well."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": server.url(),
        "DATABASE_OWNER_URL": server.url(role=OWNER),
        "DATABASE_READER_ROLE": READER,
        "LOG_LEVEL": "WARNING",
    }


@contextmanager
def fault_server(folder: Path) -> Iterator[FaultServer]:
    """A server that runs while the block lasts, and leaves nothing behind."""
    server = FaultServer(folder)
    try:
        server.start()
        yield server
    finally:
        server.remove()
