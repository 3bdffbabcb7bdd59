"""A PostgreSQL of Debian's that is backed up and restored, under a user without rights, in one folder."""

import os
import pwd
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from config.localdb.roles import APPLICATION, DATABASE, OWNER, READER, SUPERUSER
from tests.waiting import wait_until

PROGRAMS: Final = Path("/usr/lib/postgresql/15/bin")
PORT: Final = 5433
UNPRIVILEGED: Final = "postgres"
START_SECONDS: Final = 120.0
_POSTGRESQL: Final = """
listen_addresses = ''
unix_socket_directories = '{socket}'
port = {port}
archive_timeout = 5
log_timezone = UTC
timezone = UTC
"""


@dataclass(frozen=True, kw_only=True)
class Server:
    """The server; `folder` is empty at first."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def socket(self) -> Path:
        return self.folder / "socket"

    def make(self, settings: str) -> None:
        """Make the cluster, with checksums and more settings."""
        self.socket.mkdir()
        if os.geteuid() == 0:
            for path in [self.folder, *self.folder.iterdir()]:
                shutil.chown(path, UNPRIVILEGED)
        self.run(
            PROGRAMS / "initdb", "--pgdata", self.data, "--data-checksums", "--username", SUPERUSER, "--auth=trust"
        )
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(_POSTGRESQL.format(socket=self.socket, port=PORT) + settings)

    def start(self) -> None:
        """Start it, and wait until it can be written."""
        log = self.folder / "server.log"
        try:
            self.run(PROGRAMS / "pg_ctl", "start", "--wait", f"--pgdata={self.data}", f"--log={log}")
        except RuntimeError as error:
            raise RuntimeError(log.read_text()[-3000:]) from error
        wait_until(self._is_writable, timeout_seconds=START_SECONDS)

    def stop(self) -> None:
        """Stop it, if it runs."""
        if (self.data / "postmaster.pid").exists():
            self.run(PROGRAMS / "pg_ctl", "stop", "--mode=fast", f"--pgdata={self.data}")

    def lose(self) -> None:
        """Kill it and delete its data, as a machine that is lost."""
        process = int((self.data / "postmaster.pid").read_text().splitlines()[0])
        os.kill(process, signal.SIGKILL)
        wait_until(lambda: not self._answers(), timeout_seconds=START_SECONDS)
        shutil.rmtree(self.data)

    def environment(self) -> dict[str, str]:
        """What the product needs to use it."""
        address = f"postgres://{{}}@{str(self.socket).replace('/', '%2F')}:{PORT}/{DATABASE}"
        return {
            "DATABASE_URL": address.format(APPLICATION),
            "DATABASE_OWNER_URL": address.format(OWNER),
            "DATABASE_READER_ROLE": READER,
            "CHECKPOINT_FILE": str(self.folder / "outside" / "checkpoints.jsonl"),
        }

    def query(self, query: str, *, database: str = DATABASE) -> str:
        """The answer of a query of a superuser, as psql prints it."""
        psql: list[object] = [
            PROGRAMS / "psql",
            "-XAtq",
            "-h",
            self.socket,
            "-p",
            str(PORT),
            "-U",
            SUPERUSER,
            "-d",
            database,
        ]
        return self.run(*psql, "-c", query).strip()

    def _answers(self) -> bool:
        program = PROGRAMS / "pg_isready"
        return subprocess.run([program, "-q", "-h", self.socket, "-p", str(PORT)], check=False).returncode == 0

    def _is_writable(self) -> bool:
        return self._answers() and self.query("SELECT pg_is_in_recovery()", database="postgres") == "f"

    def run(self, *command: object) -> str:
        """Run as a user without rights: PostgreSQL refuses to run as root."""
        user = pwd.getpwnam(UNPRIVILEGED) if os.geteuid() == 0 else None
        as_user: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        done = subprocess.run(
            [*map(str, command)],
            cwd=self.folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            env={**os.environ, "HOME": str(self.folder)},
            **as_user,
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]} ended with {done.returncode}:\n{done.stdout[-3000:]}")
        return str(done.stdout)
