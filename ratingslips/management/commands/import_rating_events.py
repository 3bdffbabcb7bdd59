"""Import a file of rating events."""

import json
from argparse import ArgumentParser
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandError

from core.commands import FAILED, WRONG_USE, ProjectCommand, casino_with_code
from core.roles import system_account
from ratingslips.imports.apply import ImportProgress, Outcome, import_rating_events
from ratingslips.imports.events import COLUMNS, read_rating_events
from ratingslips.imports.file_kinds import UnreadableFile
from ratingslips.imports.rejects_file import UnwritableFile, require_writable, write_rejects
from ratingslips.imports.totals import SlipTotals, totals_of

PROGRESS_LINES: Final = 500
MAX_REJECTS_SHOWN: Final = 100


class Command(ProjectCommand):
    help = (
        f"Apply a CSV file of rating events ({', '.join(COLUMNS)}), each line by itself. A bad line is refused and "
        "listed by number (the header is line 1); the exit code is still 0. A file may be imported again: lines that "
        "were imported before change nothing."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.progress = ImportProgress()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="the CSV file, in order of time")
        parser.add_argument("--casino", required=True, metavar="CODE", help="code of the casino")
        parser.add_argument(
            "--rejects",
            metavar="FILE",
            type=Path,
            help="write the refused lines to this CSV file, replacing it: mended, it can be imported",
        )
        parser.add_argument(
            "--allow-long-play",
            action="store_true",
            help="also close slips that were played for longer than the casino's limit, else refused with LONG_PLAY",
        )
        parser.add_argument("--json", action="store_true", dest="as_json", help="print the result as one JSON object")

    def describe_work_done(self) -> str:
        if not self.progress.lines:
            return "Nothing was changed."
        return f"{_summary(self.progress)} The applied lines are saved; import the file again to continue."

    def run(
        self, *, file: Path, casino: str, rejects: Path | None, allow_long_play: bool, as_json: bool, **_: Any
    ) -> None:
        _require_rejects_file(rejects, file=file)
        try:
            self._import(file, casino_code=casino, allow_long_play=allow_long_play)
        except BaseException:
            if failure := self._write_rejects(rejects, source=file):
                self.write_progress(failure)
            raise
        failure = self._write_rejects(rejects, source=file)
        totals = totals_of(self.progress.slip_ids)
        self.say(_json(totals, self.progress) if as_json else "\n".join(_text(totals, self.progress)))
        if failure:
            raise CommandError(f"{failure} {self.describe_work_done()}", returncode=FAILED)

    def _import(self, file: Path, *, casino_code: str, allow_long_play: bool) -> None:
        lines = read_rating_events(file)
        casino = casino_with_code(casino_code)
        steps = import_rating_events(
            casino=casino,
            actor=system_account(),
            lines=lines,
            progress=self.progress,
            allow_long_play=allow_long_play,
        )
        for done in steps:
            if done.lines % PROGRESS_LINES == 0:
                self.write_progress(f"{done.lines:,} lines, {len(done.rejects):,} refused …")

    def _write_rejects(self, path: Path | None, *, source: Path) -> str | None:
        """Write the refused lines if the option asks for them; return a sentence if they cannot be written."""
        if path is None or not self.progress.lines:
            return None
        try:
            write_rejects(path, self.progress.rejects, source=source)
        except OSError as error:
            return f"The refused lines could not be written to {path}: {error.strerror}."
        except UnreadableFile as error:
            return f"The refused lines could not be written to {path}: {error}"
        return None


def _require_rejects_file(path: Path | None, *, file: Path) -> None:
    """:raises CommandError: the refused lines cannot be written there, or would replace what is imported."""
    if path is None:
        return
    try:
        require_writable(path)
    except UnwritableFile as error:
        raise CommandError(str(error), returncode=WRONG_USE) from error
    with suppress(OSError):  # one of the files does not exist yet
        if path.samefile(file):
            raise CommandError(f"{path} is the file to be imported: name another for --rejects.", returncode=WRONG_USE)
    if file.exists() and not file.is_file():
        raise CommandError(f"{file} is not a file that can be read twice: save it first.", returncode=WRONG_USE)


def _summary(progress: ImportProgress) -> str:
    counts = progress.counts
    owed = f" ({counts[Outcome.OWED]:,} closed with points owed)" if counts[Outcome.OWED] else ""
    return (
        f"{progress.lines:,} lines: {progress.applied:,} applied{owed}, "
        f"{counts[Outcome.ALREADY_IMPORTED]:,} already imported, {counts[Outcome.REJECTED]:,} refused."
    )


def _text(totals: SlipTotals, progress: ImportProgress) -> list[str]:
    shown = list(progress.rejects.items())[:MAX_REJECTS_SHOWN]
    lines = [f"line {line}: {error.code}: {error.message}" for line, error in shown]
    if len(progress.rejects) > len(shown):
        lines.append(f"… and {len(progress.rejects) - len(shown):,} more refused lines: --rejects FILE lists them all.")
    lines.append(_summary(progress))
    if progress.lines and not progress.applied:
        lines.append("Nothing changed: all lines that are valid were imported before.")
    lines.append(
        f"The file's slips: {totals.slips:,}, theo {totals.theo:,}, {totals.entries:,} ledger entries, "
        f"{totals.points:,} points."
    )
    if totals.tiers:
        lines.append("Their players' tiers: " + ", ".join(f"{name} {count:,}" for name, count in totals.tiers.items()))
    return lines


def _json(totals: SlipTotals, progress: ImportProgress) -> str:
    return json.dumps(
        {
            "slips": totals.slips,
            "entries": totals.entries,
            "points": totals.points,
            "theo": str(totals.theo),
            "tiers": totals.tiers,
            "rejected_lines": progress.counts[Outcome.REJECTED],
            "rejects": {str(line): f"{error.code}: {error.message}" for line, error in progress.rejects.items()},
            "lines": progress.lines,
            "applied": progress.applied,
            "owed": progress.counts[Outcome.OWED],
            "already_imported": progress.counts[Outcome.ALREADY_IMPORTED],
        },
        indent=1,
    )
