"""Import a file of rating events."""

import json
from argparse import ArgumentParser
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandError

from core.commands import FAILED, WRONG_USE, ProjectCommand, casino_with_code
from core.roles import system_account
from core.words import counted
from ratingslips.imports.apply import MAX_LINES, import_rating_events
from ratingslips.imports.events import COLUMNS, OPTIONAL_COLUMNS, read_rating_events
from ratingslips.imports.file_kinds import UnreadableFile
from ratingslips.imports.progress import ImportProgress, Outcome
from ratingslips.imports.rejects_file import UnwritableFile, require_writable, write_rejects
from ratingslips.imports.totals import SlipTotals, totals_of

PROGRESS_LINES: Final = 500
MAX_REJECTS_SHOWN: Final = 100


class Command(ProjectCommand):
    help = (
        f"Apply a CSV file of rating events ({', '.join(COLUMNS)}; optional: {', '.join(OPTIONAL_COLUMNS)}). Its lines "
        "may be in any order, and its play may be earlier than play that is recorded: only real overlap is refused. "
        "All lines of a slip are applied together, in order of time. A bad line is refused and listed by number (the "
        "header is line 1); the other lines of its slip are applied, unless it is the OPEN. A file may be imported "
        "again: lines that were imported before change nothing, and a line that contradicts what is recorded is "
        "refused. The exit code is 1 if lines were refused and none was applied."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.progress = ImportProgress()
        self.is_dry_run = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help=f"the CSV file, of at most {MAX_LINES:,} lines")
        parser.add_argument("--casino", required=True, metavar="CODE", help="code of the casino")
        parser.add_argument(
            "--rejects",
            metavar="FILE",
            type=Path,
            help="write the refused lines to this CSV file, replacing it; correct the lines and import it",
        )
        parser.add_argument(
            "--allow-long-play",
            action="store_true",
            help="also close slips that were played for longer than the casino's limit, else refused with LONG_PLAY",
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="say what the import would do, and change nothing; points are at the tiers that players have now",
        )
        parser.add_argument("--json", action="store_true", dest="as_json", help="print the result as one JSON object")

    def describe_work_done(self) -> str:
        if not self.progress.lines or self.is_dry_run:
            return "Nothing was changed."
        return f"{_summary(self.progress)} The applied lines are saved; import the file again to continue."

    def run(
        self,
        *,
        file: Path,
        casino: str,
        rejects: Path | None,
        allow_long_play: bool,
        dry_run: bool,
        as_json: bool,
        **_: Any,
    ) -> None:
        self.is_dry_run = dry_run
        _require_rejects_file(rejects, file=file)
        try:
            self._import(file, casino_code=casino, allow_long_play=allow_long_play)
        except BaseException:
            if failure := self._write_rejects(rejects, source=file):
                self.write_progress(failure)
            raise
        failure = self._write_rejects(rejects, source=file)
        totals = _with_planned(totals_of(self.progress.slip_ids), self.progress)
        told = _json if as_json else _text
        self.say(told(totals, self.progress, is_dry_run=dry_run))
        if failure:
            raise CommandError(f"{failure} {self.describe_work_done()}", returncode=FAILED)
        if self.progress.rejects and not self.progress.applied:
            raise CommandError("No line was applied, and some were refused: see above.", returncode=FAILED)

    def _import(self, file: Path, *, casino_code: str, allow_long_play: bool) -> None:
        lines = read_rating_events(file)
        casino = casino_with_code(casino_code)
        steps = import_rating_events(
            casino=casino,
            actor=system_account(),
            lines=lines,
            progress=self.progress,
            allow_long_play=allow_long_play,
            dry_run=self.is_dry_run,
        )
        for done in steps:
            if done.lines % PROGRESS_LINES == 0:
                self.write_progress(f"{counted(done.lines, 'line')}, {len(done.rejects):,} refused …")

    def _write_rejects(self, path: Path | None, *, source: Path) -> str | None:
        """Write the refused lines if the option asks for them; return a sentence if they cannot be written."""
        if path is None or not self.progress.lines:
            return None
        try:
            write_rejects(path, self.progress.refused_lines, source=source)
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
        f"{counted(progress.lines, 'line')}: {progress.applied:,} applied{owed}, "
        f"{counts[Outcome.ALREADY_IMPORTED]:,} already imported, {counts[Outcome.REJECTED]:,} refused."
    )


def _with_planned(totals: SlipTotals, progress: ImportProgress) -> SlipTotals:
    """The totals with what a dry run would have credited."""
    planned = progress.planned
    return replace(
        totals,
        slips=len(progress.slip_ids),
        entries=totals.entries + sum(closing.points > 0 for closing in planned),
        points=totals.points + sum(closing.points for closing in planned),
        theo=totals.theo + sum(closing.theoretical_win for closing in planned),
    )


def _text(totals: SlipTotals, progress: ImportProgress, *, is_dry_run: bool) -> str:
    shown = list(progress.refused_lines.items())[:MAX_REJECTS_SHOWN]
    lines = [f"line {line}: {error.code}: {error.message}" for line, error in shown]
    if len(progress.rejects) > len(shown):
        lines.append(
            f"… and {counted(len(progress.rejects) - len(shown), 'more refused line')}: --rejects FILE lists them all."
        )
    lines.append(_summary(progress))
    if is_dry_run:
        lines.append("This was a dry run: nothing was changed.")
    elif progress.lines and not progress.applied:
        everything = "" if progress.rejects else ": everything was imported before"
        lines.append(f"Nothing changed{everything}.")
    lines.append(
        f"The file's slips: {totals.slips:,}, theo {totals.theo:,}, "
        f"{counted(totals.entries, 'ledger entry', 'ledger entries')}, {counted(totals.points, 'point')}."
    )
    if totals.tiers:
        lines.append("Their players' tiers: " + ", ".join(f"{name} {count:,}" for name, count in totals.tiers.items()))
    return "\n".join(lines)


def _json(totals: SlipTotals, progress: ImportProgress, *, is_dry_run: bool) -> str:
    return json.dumps(
        {
            "slips": totals.slips,
            "entries": totals.entries,
            "points": totals.points,
            "theo": str(totals.theo),
            "tiers": totals.tiers,
            "rejected_lines": progress.counts[Outcome.REJECTED],
            "rejects": {str(line): f"{error.code}: {error.message}" for line, error in progress.refused_lines.items()},
            "lines": progress.lines,
            "applied": progress.applied,
            "owed": progress.counts[Outcome.OWED],
            "already_imported": progress.counts[Outcome.ALREADY_IMPORTED],
            "dry_run": is_dry_run,
        },
        indent=1,
    )
