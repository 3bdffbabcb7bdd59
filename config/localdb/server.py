"""The private PostgreSQL of a checkout: made on first use, started on demand, reached only by a Unix socket.

Nothing here needs Django. Linux only: processes are looked up in /proc.
"""

import contextlib
import enum
import fcntl
import hashlib
import os
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg

from .account import Account, owned_by
from .binaries import Binaries, find_binaries, reachable_by
from .errors import LocalServerError, failure
from .probe import ServerState, probe
from .processes import clear_remains, postmaster_of, stop_postmaster, wait_until
from .roles import APPLICATION, DATABASE, SUPERUSER, establish

PORT: Final = 5432
# Fixed, not $TMPDIR: every process of the checkout must find the same one, and a socket's path has 107 bytes at most.
_SOCKETS_FOLDER = Path("/tmp")  # noqa: S108 - the folder in it is private, and its owner is checked
_ROOT_HOMES_FOLDER = Path("/var/tmp")  # noqa: S108 - as above; the user that root drops to must reach it
LOG_LIMIT_BYTES = 10_000_000
_LOG_TAIL_BYTES = 20_000
LOCK_TIMEOUT_SECONDS = 180.0
_START_TIMEOUT_SECONDS = 60
_START_ATTEMPTS = 3
_SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "deadlock_timeout": "500ms",
    "log_lock_waits": "on",
    "log_checkpoints": "off",
}
# A test server may lose its data when the machine crashes, but not when the server is killed: tests kill it and expect
# to find their commits. So synchronous_commit stays on. They also copy a database by logical replication.
_FAST_SETTINGS = {"fsync": "off", "full_page_writes": "off", "wal_level": "logical"}


class Purpose(enum.StrEnum):
    """The purpose of a server. Each purpose has its own server, so that tests never touch a running demo."""

    MAIN = "main"
    TEST = "test"


class LocalServer:
    """The private PostgreSQL of one checkout and purpose."""

    def __init__(self, root: Path, *, purpose: Purpose = Purpose.MAIN) -> None:
        """Determine the paths of the server of the checkout at `root`; start nothing.

        :raises LocalServerError: for root on a machine without an unprivileged user.
        """
        self.root = root.resolve()
        self.purpose = purpose
        self.account = Account.of_this_process()
        key = hashlib.sha256(os.fsencode(self.root) + purpose.encode()).hexdigest()[:10]
        self.name = f"loyalty-{os.geteuid()}-{key}"
        self.socket_folder = _SOCKETS_FOLDER / self.name
        if self.account.drops_root:
            self.home = _ROOT_HOMES_FOLDER / self.name
        else:
            self.home = self.root / ".local" / ("pg" if purpose is Purpose.MAIN else f"pg-{purpose}")

    @property
    def fast(self) -> bool:
        """Whether the server may lose data when the machine crashes."""
        return self.purpose is Purpose.TEST

    def database_url(self, name: str = DATABASE, *, role: str = SUPERUSER) -> str:
        """Return the address of one of the server's databases, as libpq and DATABASE_URL read it."""
        return f"postgresql://{role}@/{name}?host={self.socket_folder}&port={PORT}"

    def running(self) -> bool:
        """Whether the server serves at this moment."""
        return self._state() in {ServerState.READY, ServerState.UNPREPARED}

    def postmaster_id(self) -> int | None:
        """Return the process id of the server, or None if it does not run."""
        return next(filter(None, map(postmaster_of, self._data_folders())), None)

    def ensure_running(self) -> bool:
        """Start the server if it does not run, create its roles and database, and return whether it was started.

        Any number of processes may call this at once.

        :raises LocalServerError: the server cannot be started; the message says why and what to do.
        """
        if self._state() is ServerState.READY:
            return False
        with self._errors_explained(), self.locked() as lock:
            # The process that held the lock before may have done all of this.
            state = self._settled_state()
            if state is ServerState.READY:
                return False
            absent = state is ServerState.ABSENT
            if absent:
                state = self._start(reachable_by(self.account, find_binaries(), home=self.home), lock)
            if state is ServerState.UNPREPARED:
                self._establish()
            return absent

    def stop(self) -> bool:
        """Stop the server, and give whether it ran.

        :raises LocalServerError: when it does not stop in time.
        """
        if not self.home.exists():
            return False
        with self._errors_explained(), self.locked():
            stopped = [stop_postmaster(data) for data in self._data_folders()]
            return any(stopped)

    def _state(self) -> ServerState:
        return probe(self.socket_folder / f".s.PGSQL.{PORT}", user=APPLICATION, database=DATABASE)

    def _settled_state(self) -> ServerState:
        """Return the server's state once it no longer starts, recovers or stops."""
        if not wait_until(lambda: self._state() is not ServerState.BUSY, timeout_seconds=_START_TIMEOUT_SECONDS):
            what = f"The private PostgreSQL does not answer within {_START_TIMEOUT_SECONDS} seconds."
            raise failure(what, output="\n".join(_tail(data / "server.log") for data in self._data_folders()))
        return self._state()

    def _data_folders(self) -> list[Path]:
        """Return the finished data folders, one for each major version that was ever used."""
        return [folder for folder in sorted(self.home.glob("data-*")) if folder.suffix != ".new"]

    def _start(self, binaries: Binaries, lock: int) -> ServerState:
        """Start the server on the data folder of its major version, and return its state.

        :raises LocalServerError: when it does not start; the message has the end of its log.
        """
        data = self.home / f"data-{binaries.major}"
        if not data.exists():
            self._make_data_folder(binaries, data, lock)
        log = data / "server.log"
        if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
            log.replace(log.with_suffix(".log.1"))
        # pg_ctl starts the server in a new session, so Ctrl-C does not stop it, and redirects its output.
        timeout = str(_START_TIMEOUT_SECONDS)
        arguments = ("-D", str(data), "-l", str(log), "-w", "-t", timeout, "-o", self._settings(), "start")
        output = ""
        # The processes of a server that was killed a moment ago hold its memory until the last of them is gone.
        for _ in range(_START_ATTEMPTS):
            self.account.make_private_folder(self.socket_folder)
            for folder in self._data_folders():
                clear_remains(folder, socket_folder=self.socket_folder, cluster_name=self.name)
            output = self.account.run(binaries.program("pg_ctl"), *arguments).stdout
            # If an interrupted process has already started a server, ours fails and that one is used.
            state = self._settled_state()
            if state is not ServerState.ABSENT:
                return state
        raise failure("The private PostgreSQL did not start.", output=f"{output}\n{_tail(log)}")

    def _settings(self) -> str:
        """Return the server's settings as command-line options, quoted for the shell of pg_ctl."""
        settings = {**_SETTINGS, **(_FAST_SETTINGS if self.fast else {}), "cluster_name": self.name}
        settings["unix_socket_directories"] = str(self.socket_folder)
        return shlex.join(word for name, value in settings.items() for word in ("-c", f"{name}={value}"))

    def _make_data_folder(self, binaries: Binaries, data: Path, lock: int) -> None:
        """Create the data folder under another name and rename it when complete, so that a kill leaves no half of it.

        An initdb that outlives this process keeps the lock, so that no other process uses its folder meanwhile.
        """
        half_made = data.with_name(f"{data.name}.new")
        shutil.rmtree(half_made, ignore_errors=True)
        self.account.make_private_folder(half_made)
        arguments = ["-D", str(half_made), "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
        if self.fast:
            arguments.append("--no-sync")
        done = self.account.run(binaries.program("initdb"), *arguments, keep_open=[lock])
        if done.returncode != 0:
            shutil.rmtree(half_made, ignore_errors=True)
            raise failure(f"The data folder of the private PostgreSQL, {data}, could not be made.", output=done.stdout)
        half_made.rename(data)

    def _establish(self) -> None:
        """Make the roles and the main database; initdb makes only a superuser and `postgres`."""
        try:
            establish(socket_folder=str(self.socket_folder), port=PORT, for_tests=self.purpose is Purpose.TEST)
        except psycopg.Error as error:
            raise failure("The private PostgreSQL could not be given its roles.", output=str(error)) from error

    @contextlib.contextmanager
    def locked(self) -> Iterator[int]:
        """Hold the lock of this server's home, and give its file descriptor.

        :raises LocalServerError: when another process holds it for too long.
        """
        self._make_home()
        descriptor = os.open(self.home / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if not wait_until(lambda: lock_file(descriptor), timeout_seconds=LOCK_TIMEOUT_SECONDS):
                raise LocalServerError(
                    f"Another process has been starting or stopping the private PostgreSQL for "
                    f"{LOCK_TIMEOUT_SECONDS:.0f} seconds: end it and try again, or set DATABASE_URL."
                )
            yield descriptor
        finally:
            os.close(descriptor)

    def _make_home(self) -> None:
        """Make the folder for the server's files; if root drops to another user, that user must be able to read it."""
        if not self.account.drops_root:
            self.home.parent.mkdir(parents=True, exist_ok=True)
            self.account.make_private_folder(self.home)
            return
        with contextlib.suppress(FileExistsError):
            self.home.mkdir(mode=0o755)
        owned_by(self.home, {os.geteuid()})
        self.home.chmod(0o755)

    @contextlib.contextmanager
    def _errors_explained(self) -> Iterator[None]:
        """Turn an error of the operating system into a sentence."""
        try:
            yield
        except OSError as error:
            what = f"This user cannot run a private PostgreSQL in {self.home}."
            raise failure(what, output=str(error)) from error


def lock_file(descriptor: int) -> bool:
    """Take the lock of an open file if it is free, and return whether it was."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _tail(log: Path) -> str:
    """Return the end of a server's log, or nothing if there is none yet."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _LOG_TAIL_BYTES))
            return file.read(_LOG_TAIL_BYTES).decode(errors="replace")
    except OSError:
        return ""
