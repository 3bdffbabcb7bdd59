"""The two programs that back a PostgreSQL up and restore it."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from config.localdb.roles import SUPERUSER
from tests.restore.server import PORT, PROGRAMS, UNPRIVILEGED, Server
from tests.waiting import wait_until

NAME: Final = "ratings"
DEPLOY: Final = Path(__file__).resolve().parents[2] / "config" / "deploy"
_PGBACKREST: Final = """
[global]
repo1-path={folder}/repo
repo1-retention-full=2
log-path={folder}/log
lock-path={folder}/lock
spool-path={folder}/spool
start-fast=y
compress-type=lz4

[{name}]
pg1-path={folder}/data
pg1-socket-path={socket}
pg1-port={port}
pg1-user={superuser}
pg1-database=postgres
"""
_ARCHIVE: Final = """
archive_mode = on
archive_command = 'pgbackrest --config={config} --stanza={name} archive-push %p'
"""
_BARMAN: Final = """
[barman]
barman_user = {user}
barman_home = {folder}/repo
configuration_files_directory = {folder}/barman.d
log_file = {folder}/log/barman.log
path_prefix = {programs}
"""


class Backups(Protocol):
    """Takes backups of a server, and restores them."""

    program: str
    settings: str
    """Of PostgreSQL, so that its WAL is archived."""

    def begin(self) -> None:
        """Begin to archive the WAL of the server, which runs."""

    def back_up(self) -> None:
        """Take a whole backup."""

    def restore(self, instant: datetime | None) -> None:
        """Restore the newest backup and the WAL up to an instant, or to the end of the archive."""

    def end(self) -> None:
        """End what `begin` started."""


class PgBackRest:
    """pgBackRest, to which PostgreSQL hands its WAL."""

    program = "pgBackRest"

    def __init__(self, server: Server) -> None:
        self._server = server
        self._config = server.folder / "pgbackrest.conf"
        self.settings = _ARCHIVE.format(config=self._config, name=NAME)
        for folder in ("repo", "log", "lock", "spool"):
            (server.folder / folder).mkdir()
        values = {"folder": server.folder, "socket": server.socket, "port": PORT, "name": NAME}
        self._config.write_text(_PGBACKREST.format(superuser=SUPERUSER, **values))

    def begin(self) -> None:
        self._run("stanza-create")

    def back_up(self) -> None:
        self._run("backup", "--type=full")

    def restore(self, instant: datetime | None) -> None:
        shutil.rmtree(self._server.data, ignore_errors=True)
        until = ["--type=time", "--target-action=promote", f"--target={_text(instant)}"] if instant else []
        self._run("restore", *until)

    def end(self) -> None:
        pass

    def _run(self, *arguments: str) -> None:
        self._server.run("pgbackrest", f"--config={self._config}", f"--stanza={NAME}", *arguments)


class Barman:
    """barman with `config/deploy/barman.conf`, but for the addresses; it reads the WAL from a slot."""

    program = "barman"
    settings = ""

    def __init__(self, server: Server) -> None:
        self._server = server
        for folder in ("repo", "log", "barman.d"):
            (server.folder / folder).mkdir()
        values = {"user": UNPRIVILEGED, "folder": server.folder, "programs": PROGRAMS}
        (server.folder / ".barman.conf").write_text(_BARMAN.format(**values))
        address = f"host={server.socket} port={PORT} user={SUPERUSER}"
        addresses = {"conninfo": f"{address} dbname=postgres", "streaming_conninfo": address}
        lines = (DEPLOY / "barman.conf").read_text().splitlines()
        given = [(line.partition("=")[0].strip(), line) for line in lines]
        changed = [f"{name} = {addresses[name]}" if name in addresses else line for name, line in given]
        (server.folder / "barman.d" / "ratings.conf").write_text("\n".join(changed) + "\n")

    def begin(self) -> None:
        self._run("cron")
        wait_until(self._is_received, timeout_seconds=60)
        self._run("switch-wal", "--force", "--archive", "--archive-timeout=60", NAME)

    def back_up(self) -> None:
        self._run("backup", "--wait", "--immediate-checkpoint", NAME)

    def restore(self, instant: datetime | None) -> None:
        """With `--get-wal` PostgreSQL asks barman for WAL, also for what was not whole when the server was lost."""
        shutil.rmtree(self._server.data, ignore_errors=True)
        until = ["--target-time", _text(instant), "--target-action", "promote"] if instant else []
        self._run("recover", "--get-wal", *until, NAME, "latest", str(self._server.data))
        settings = self._server.data / "postgresql.auto.conf"
        # PostgreSQL runs as the user of barman here, and asks it without sudo.
        settings.write_text(settings.read_text().replace(f"sudo -u {UNPRIVILEGED} ", ""))

    def end(self) -> None:
        if (self._server.folder / "repo" / NAME / ".ratings-receive-wal.lock").exists():
            self._run("receive-wal", "--stop", NAME)

    def _is_received(self) -> bool:
        query = "SELECT count(*) FROM pg_stat_replication WHERE application_name = 'barman_receive_wal'"
        return self._server.query(query, database="postgres") == "1"

    def _run(self, *arguments: str) -> None:
        self._server.run("barman", *arguments)


def _text(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S.%f+00}"
