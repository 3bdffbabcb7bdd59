"""Back up a PostgreSQL under load, lose it, restore it twice, and print what was lost.

`python -m tests.restore` takes about two minutes, and needs Debian's postgresql-15 and pgbackrest. `--with barman`
takes barman instead. It makes everything in a folder of its own, which it removes. Redirect what it prints to a file of
docs/reports.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from config.localdb.roles import establish
from tests.restore.backups import Backups, Barman, PgBackRest
from tests.restore.server import PORT, Server

ROOT: Final = Path(__file__).resolve().parents[2]
REASON: Final = "The machine of the database was lost, in a drill"
BEFORE_SECONDS: Final = 4.0
AFTER_SECONDS: Final = 6.0
PERSON: Final = """
from django.contrib.auth.models import Group
from core.models import User
from core.roles import OPERATOR
User.objects.create(username="olga", is_staff=True).groups.add(Group.objects.get(name=OPERATOR))
"""


_PROGRAMS: Final[dict[str, type[PgBackRest | Barman]]] = {"pgbackrest": PgBackRest, "barman": Barman}
_ROW: Final = "| {name} | {lost} | {named} | {found} | {lacking} |"
_REPORT: Final = """# A restore with {program}

Made by `python -m tests.restore{options}` on {day}, with PostgreSQL {version} and archive_timeout = 5 s, on two busy
cores. One writer completed slips and posted promotions while the backup was made, and until the server was killed
(SIGKILL) and its data deleted. {entries} entries were acknowledged. The repository had {mebibytes} MiB at the end.

| Restore | Acknowledged and lost | Named as lacking by `verify_ledger` | What it found | Lost checkpoints |
| --- | --- | --- | --- | --- |
{restores}

Every entry that was named was lost. What was lost and not named, no checkpoint had sealed. The instant was
{instant} UTC: of {earlier} entries that were acknowledged before it, {earlier_lost} were lost.

Then `checkpoint` was refused, and `checkpoint --after-restore` wrote

    {sealed}

The next `checkpoint` was taken as always, `verify_ledger --full` was clean, and every invariant held.

| Step | Time |
| --- | --- |
{steps}
"""


class Drill:
    """One drill: the server, the environment of the product, and the time that each step took."""

    def __init__(self, folder: Path, backups: type[PgBackRest | Barman]) -> None:
        self.server = Server(folder=folder)
        self.backups: Backups = backups(self.server)
        self.seconds: dict[str, float] = {}
        self.environment = {
            **os.environ,
            **self.server.environment(),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "LOG_LEVEL": "ERROR",
        }

    def run(self) -> str:
        """Do all of it, and give the report."""
        self._begin()
        with self._writer() as acknowledged:
            time.sleep(BEFORE_SECONDS)
            with self._timed(f"{self.backups.program}: full backup under load"):
                self.backups.back_up()
            self._manage("checkpoint")
            time.sleep(BEFORE_SECONDS)
            instant = datetime.now(UTC)
            for _ in range(2):
                time.sleep(AFTER_SECONDS / 2)
                self._manage("checkpoint")
            time.sleep(BEFORE_SECONDS / 2)
            lost_at = time.time()
            self.server.lose()
        lines = acknowledged.read_text().splitlines(keepends=True)
        entries = [json.loads(line) for line in lines if line.endswith("\n")]
        assert entries[-1]["at"] > lost_at - 2, "the writer had ended before the server was lost"
        to_the_end = self._restored(None, entries, name="to the end of the archive")
        self.server.stop()
        to_the_instant = self._restored(instant, entries, name="to an instant")
        sealed = self._seal()
        return self._report(entries, instant, [to_the_end, to_the_instant], sealed)

    def _begin(self) -> None:
        self.server.make(self.backups.settings)
        (self.server.folder / "outside").mkdir()
        self.server.start()
        establish(socket_folder=str(self.server.socket), port=PORT, for_tests=False)
        self._manage("migrate", "--verbosity=0")
        self._manage("shell", "-v0", "-c", PERSON)
        self.backups.begin()

    def _restored(self, instant: datetime | None, entries: list[dict[str, Any]], *, name: str) -> dict[str, Any]:
        """Restore, and compare what was acknowledged with what is there and with what `verify_ledger` says."""
        with self._timed(f"{self.backups.program}: restore {name}"):
            self.backups.restore(instant)
        with self._timed(f"PostgreSQL: replay of the WAL {name}"):
            self.server.start()
        there = {
            tuple(map(int, line.split("|")))
            for line in self.server.query("SELECT account_id, seq FROM loyalty_ledger").splitlines()
        }
        lost = {(entry["account_id"], entry["seq"]) for entry in entries} - there
        said = json.loads(self._manage("verify_ledger", "--full", "--json", fails=True))
        lacking = said["lacking"] or {"accounts": [], "entries": 0, "checkpoints": []}
        named = {
            (one["account_id"], seq) for one in lacking["accounts"] for seq in range(one["first"], one["last"] + 1)
        }
        assert named <= lost, f"named as lacking, and there: {sorted(named - lost)}"
        return {
            "name": name,
            "there": len(there),
            "lost": len(lost),
            "named": len(named),
            "checkpoints": lacking["checkpoints"],
            "found": (said["first_break"] or {}).get("kind", "clean"),
            "earlier": sum(1 for entry in entries if instant and entry["at"] < instant.timestamp()),
            "earlier_lost": sum(
                1
                for entry in entries
                if instant and entry["at"] < instant.timestamp() and (entry["account_id"], entry["seq"]) in lost
            ),
        }

    def _seal(self) -> str:
        """Go on after the restore: refused, sealed with what is lacking, then as always, and clean."""
        self._manage("checkpoint", fails=True)
        said = self._manage("checkpoint", "--after-restore", "--by", "olga", "--reason", REASON)
        self._manage("checkpoint")
        verified = self._manage("verify_ledger", "--full")
        assert verified.startswith("Clean"), verified
        self._manage("check_invariants")
        return said.splitlines()[-1]

    @contextmanager
    def _writer(self) -> Iterator[Path]:
        """A writer at work, and the file of what it had acknowledged."""
        file = self.server.folder / "acknowledged.jsonl"
        command = [sys.executable, "-m", "tests.restore.writer"]
        how: dict[str, Any] = {"cwd": ROOT, "env": self.environment, "stderr": subprocess.DEVNULL}
        with file.open("w") as out, subprocess.Popen(command, stdout=out, **how) as writer:
            try:
                yield file
            finally:
                writer.kill()

    def _manage(self, *arguments: str, fails: bool = False) -> str:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or fails, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - began

    def _report(
        self, entries: list[dict[str, Any]], instant: datetime, restores: list[dict[str, Any]], sealed: str
    ) -> str:
        repository = [path for path in (self.server.folder / "repo").rglob("*") if path.is_file()]
        exact = restores[-1]
        return _REPORT.format(
            program=self.backups.program,
            options="" if isinstance(self.backups, PgBackRest) else " --with barman",
            day=f"{datetime.now(UTC):%Y-%m-%d}",
            version=self.server.query("SHOW server_version").split()[0],
            entries=len(entries),
            mebibytes=sum(path.stat().st_size for path in repository) // 2**20,
            restores="\n".join(_ROW.format(**one, lacking=", ".join(map(str, one["checkpoints"]))) for one in restores),
            instant=f"{instant:%H:%M:%S.%f}",
            earlier=exact["earlier"],
            earlier_lost=exact["earlier_lost"],
            sealed=sealed,
            steps="\n".join(f"| {name} | {seconds:.1f} s |" for name, seconds in self.seconds.items()),
        )


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.restore")
    parser.add_argument("--with", dest="program", choices=_PROGRAMS, default="pgbackrest")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="restore-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        drill = Drill(folder, _PROGRAMS[options.program])
        try:
            sys.stdout.write(drill.run())
        finally:
            drill.backups.end()
            drill.server.stop()


if __name__ == "__main__":
    main()
