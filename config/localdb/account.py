"""The user of the operating system that the private PostgreSQL runs as: never root, which PostgreSQL refuses."""

import contextlib
import os
import pwd
import stat
import subprocess
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from .errors import LocalServerError, failure

UNPRIVILEGED_NAMES = ("postgres", "nobody")
# Longer than any first start on a slow disk, short enough for a person to wait.
_PROGRAM_TIMEOUT_SECONDS = 120
_HANDED_ON = ("PATH", "LD_LIBRARY_PATH")


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """The user that runs the server's programs and owns its files."""

    user_id: int
    group_id: int
    drops_root: bool

    @classmethod
    def of_this_process(cls) -> "Account":
        """Return this process's own user, or an unprivileged one in place of root.

        :raises LocalServerError: for root, where the machine has no unprivileged user to drop to.
        """
        if os.geteuid() != 0:
            return cls(user_id=os.geteuid(), group_id=os.getegid(), drops_root=False)
        for name in UNPRIVILEGED_NAMES:
            try:
                user = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(user_id=user.pw_uid, group_id=user.pw_gid, drops_root=True)
        names = " or ".join(UNPRIVILEGED_NAMES)
        raise LocalServerError(f"PostgreSQL does not run as root: create the user {names}, or set DATABASE_URL.")

    def run(self, program: Path, *arguments: str, keep_open: Collection[int] = ()) -> subprocess.CompletedProcess[str]:
        """Run a program as this user and return its exit code and output.

        The program gets only a few environment variables: PGPORT would change the port of the server, and a server that
        outlives this process must not see our secrets.

        :raises LocalServerError: when the program does not end in time.
        :raises OSError: when this user cannot reach or execute it.
        """
        environment = {name: os.environ[name] for name in _HANDED_ON if name in os.environ}
        try:
            return subprocess.run(
                [str(program), *arguments],
                env={**environment, "LC_ALL": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                timeout=_PROGRAM_TIMEOUT_SECONDS,
                check=False,
                cwd="/",
                umask=0o077,
                pass_fds=tuple(keep_open),
                user=self.user_id if self.drops_root else None,
                group=self.group_id if self.drops_root else None,
                extra_groups=[] if self.drops_root else None,
            )
        except subprocess.TimeoutExpired as error:
            what = f"{program} did not end within {_PROGRAM_TIMEOUT_SECONDS} seconds."
            raise failure(what, output=_text(error.stdout)) from error

    def make_private_folder(self, folder: Path) -> None:
        """Make a folder that only this user can enter; an existing one is checked.

        :raises LocalServerError: when someone else has taken the name.
        """
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        owned_by(folder, {os.geteuid(), self.user_id})
        folder.chmod(0o700)
        if self.drops_root:
            os.chown(folder, self.user_id, self.group_id)


def owned_by(folder: Path, user_ids: Collection[int]) -> None:
    """Make sure that a name is a real folder of one of these users.

    The folders below /tmp and /var/tmp have predictable names, so another user may have created them before.

    :raises LocalServerError: when it is a link, a file or another user's folder.
    """
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in user_ids:
        raise LocalServerError(
            f"{folder} is not a folder of this user, so the private PostgreSQL will not use it: "
            "remove it, or set DATABASE_URL."
        )


def _text(output: bytes | str | None) -> str:
    """Return the output of a program that was cut off; it comes as bytes even if text was asked for."""
    return output.decode(errors="replace") if isinstance(output, bytes) else output or ""
