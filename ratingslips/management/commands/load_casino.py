"""Set up a casino from its three CSV files."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.utils import timezone

from core.commands import WRONG_USE, ProjectCommand
from core.models import NAME_MAX_LENGTH, Casino, require_time_zone
from core.roles import system_account
from ratingslips.imports.casino import DEFAULT_TIME_ZONE, LoadedCasino, load_casino
from ratingslips.imports.casino_files import BEGINNING_COLUMN, GAMES_FILE
from ratingslips.imports.casino_rows import Difference
from ratingslips.imports.casino_values import KIND

_ABOUT_VALUES: Final = (
    "  House edge and decisions per hour change from a time on: "
    f"give it in the column {BEGINNING_COLUMN} of {GAMES_FILE}."
)


class Command(ProjectCommand):
    help = (
        "Set up a casino from players.csv, games.csv and tables.csv, with a programme of the default tiers and 10 "
        "points per unit of theo; all or nothing. New rows are added and none is removed. A row that differs is named "
        "and left as it is, unless --overwrite is given; a stricter status is always taken, and a weaker one never. "
        "House edge and decisions per hour of a game change from a time on, given in the column effective_from of "
        "games.csv. "
        "Exit code 0: loaded, also where rows were left as they are; 1: the files have problems, and nothing was "
        "loaded; 2: wrong use."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", metavar="DIR", type=Path, help="the folder of the three files")
        parser.add_argument("--code", required=True, help="short name of the casino: letters, digits, hyphens")
        parser.add_argument("--name", help="displayed name; in production, a new casino needs it")
        parser.add_argument(
            "--time-zone",
            metavar="ZONE",
            help="IANA time zone, such as Europe/Paris; in production, a new casino needs it. Elsewhere it is "
            f"{DEFAULT_TIME_ZONE} by default",
        )
        parser.add_argument(
            "--overwrite", action="store_true", help="take the files' values where rows differ, but no weaker status"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and write nothing")

    def describe_work_done(self) -> str:
        """Loading is one transaction."""
        return "Nothing was changed."

    def run(
        self,
        *,
        folder: Path,
        code: str,
        name: str | None,
        time_zone: str | None,
        overwrite: bool,
        dry_run: bool,
        **_: Any,
    ) -> None:
        _require_valid_options(folder=folder, code=code, name=name, time_zone=time_zone)
        loaded = load_casino(
            folder=folder,
            code=code,
            name=name,
            time_zone=time_zone,
            overwrite=overwrite,
            dry_run=dry_run,
            actor=system_account(),
            at=timezone.now(),
        )
        if dry_run:
            self.say("A dry run: nothing is written.")
        for line in _lines(loaded, defaults=_defaults_taken(loaded, name=name, time_zone=time_zone)):
            self.say(line)


def _require_valid_options(*, folder: Path, code: str, name: str | None, time_zone: str | None) -> None:
    if not folder.is_dir():
        raise CommandError(f"{folder} is not a folder.", returncode=WRONG_USE)
    if name is not None and not 1 <= len(name.strip()) <= NAME_MAX_LENGTH:
        raise CommandError(f"The name must have 1 to {NAME_MAX_LENGTH} characters.", returncode=WRONG_USE)
    try:
        Casino(code=code).clean_fields(exclude={"name", "time_zone"})
        if time_zone is not None:
            require_time_zone(time_zone)
    except ValidationError as error:
        raise CommandError(" ".join(error.messages), returncode=WRONG_USE) from error
    if settings.IS_PRODUCTION and None in (name, time_zone) and not Casino.objects.filter(code=code).exists():
        raise CommandError(f"The new casino {code} needs --name and --time-zone.", returncode=WRONG_USE)


def _defaults_taken(loaded: LoadedCasino, *, name: str | None, time_zone: str | None) -> list[str]:
    """The options whose defaults a new casino has."""
    given = {"--name": name, "--time-zone": time_zone}
    return [option for option, value in given.items() if value is None and loaded.rows["casino"].created]


def _lines(loaded: LoadedCasino, *, defaults: list[str]) -> list[str]:
    casino = loaded.casino
    title = f"{casino.name} ({casino.code}, {casino.time_zone})"
    if loaded.is_unchanged:
        return [f"{title}: nothing to change, all rows exist already."]
    return [
        f"{title}:",
        *([f"  taken by default: {' and '.join(defaults)}"] if defaults else []),
        *(
            f"  {kind}: {counts.created:,} new, {counts.changed:,} changed, {counts.unchanged:,} unchanged"
            for kind, counts in loaded.rows.items()
        ),
        f"  loyalty accounts opened: {loaded.accounts_opened:,}",
        *map(_difference_line, loaded.differences),
        *([_ABOUT_VALUES] if any(difference.kind == KIND for difference in loaded.differences) else []),
    ]


def _difference_line(difference: Difference) -> str:
    done = "changed" if difference.is_taken else "left as it is"
    return f"  {done}: {difference.kind} {difference.name}: {difference.field} {difference.old} → {difference.new}"
