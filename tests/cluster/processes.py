"""Programs of the drill: each in a session of its own, under a user without rights, with its output in a file."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from config.localdb.account import Account
from config.localdb.processes import postmaster_of
from tests.waiting import wait_until


class Processes:
    """The programs that run, by name. A node is Patroni and the PostgreSQL that it started."""

    def __init__(self, folder: Path) -> None:
        self._account = Account.of_this_process()
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def make_folder(self, folder: Path) -> Path:
        """Make a folder in which the programs may write."""
        folder.mkdir()
        os.chown(folder, self._account.user_id, self._account.group_id)
        return folder

    def start(self, name: str, *command: object) -> None:
        """Start a program; its output is appended to `name`.log."""
        with (self._folder / f"{name}.log").open("a") as log:
            self._running[name] = subprocess.Popen(
                self._as_user(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self._how()
            )

    def run(self, *command: object) -> str:
        """Run a program to its end, and give what it wrote.

        :raises CalledProcessError: it failed.
        """
        done = subprocess.run(self._as_user(command), capture_output=True, text=True, check=True, **self._how())
        return str(done.stdout)

    def send(self, name: str, *signals: signal.Signals) -> None:
        """Send signals to all processes of a program: nobody forks between the first and the last of them."""
        for each in signals:
            for process in self._processes_of(name):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, each)

    def kill(self, name: str) -> None:
        """Kill all processes of a program at one instant, as the loss of its machine does."""
        self.send(name, signal.SIGSTOP, signal.SIGKILL)
        self._running.pop(name).wait()
        wait_until(lambda: not self._processes_of(name))

    def end(self) -> None:
        """Kill everything."""
        for name in [*self._running]:
            self.kill(name)

    def data_of(self, name: str) -> Path:
        """The data folder of the PostgreSQL of a node."""
        return self._folder / name / "data"

    def _as_user(self, command: tuple[object, ...]) -> list[str]:
        """PostgreSQL refuses to run as root; the capability is for a Python in a folder that only root can enter."""
        user = ("setpriv", f"--reuid={self._account.user_id}", f"--regid={self._account.group_id}", "--clear-groups")
        may_read = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")
        return [*map(str, [*user, *may_read, *command] if self._account.drops_root else command)]

    def _how(self) -> dict[str, Any]:
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
        return {"cwd": self._folder, "env": environment, "start_new_session": True}

    def _processes_of(self, name: str) -> list[int]:
        patroni = self._running.get(name)
        roots = [patroni.pid if patroni else None, postmaster_of(self.data_of(name))]
        return [process for root in roots if root for process in _family(root)]


def _family(process: int) -> list[int]:
    """A process, its children, and theirs."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return []
    return [process, *(each for child in children for each in _family(int(child)))]
