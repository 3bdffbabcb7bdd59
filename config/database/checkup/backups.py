"""When the last backup was made: from a file that its job writes, or from pgBackRest if it is on this machine."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

PGBACKREST_SECONDS: Final = 30
MAX_FILE_BYTES: Final = 10_000_000


class BackupsUnknown(Exception):
    """Nothing says when a backup was made; the text says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Backups:
    """When the newest backup was complete, if there is one, and what pgBackRest says is wrong."""

    newest_at: datetime | None
    error: str = ""


def read_backups(file: str) -> Backups:
    """Read `file`: the output of `pgbackrest info --output=json`, or an empty file that each backup touches.

    Without a file pgBackRest is asked, which needs the rights of its user.

    :raises BackupsUnknown: there is no such file and no pgBackRest, or the answer cannot be read.
    """
    if not file:
        return _of_pgbackrest(_ask_pgbackrest())
    try:
        touched_at = datetime.fromtimestamp(Path(file).stat().st_mtime, tz=UTC)
        with Path(file).open("rb") as opened:
            contents = opened.read(MAX_FILE_BYTES)
    except OSError as error:
        raise BackupsUnknown(f"{file} cannot be read: {error.strerror}") from error
    return _of_pgbackrest(contents) if contents.strip() else Backups(newest_at=touched_at)


def _ask_pgbackrest() -> bytes:
    program = shutil.which("pgbackrest")
    if program is None:
        raise BackupsUnknown("BACKUP_INFO_FILE is not set, and pgbackrest is not on this machine")
    try:
        asked = subprocess.run(
            [program, "info", "--output=json"], capture_output=True, timeout=PGBACKREST_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise BackupsUnknown(f"“pgbackrest info” does not answer: {type(error).__name__}") from error
    return asked.stdout


def _of_pgbackrest(contents: bytes) -> Backups:
    try:
        stanzas: list[dict[str, Any]] = json.loads(contents)
        stops = [backup["timestamp"]["stop"] for stanza in stanzas for backup in stanza["backup"]]
        wrong = [f"{stanza['name']}: {stanza['status']['message']}" for stanza in stanzas if stanza["status"]["code"]]
        wrong += [
            f"{stanza['name']}: backup {backup['label']} has damaged files"
            for stanza in stanzas
            for backup in stanza["backup"]
            if backup.get("error")
        ]
        newest_at = datetime.fromtimestamp(max(stops), tz=UTC) if stops else None
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise BackupsUnknown("the answer of “pgbackrest info --output=json” cannot be read") from error
    return Backups(newest_at=newest_at, error="; ".join(wrong))
