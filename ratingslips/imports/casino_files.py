"""The three files that describe a casino, all read and checked before anything is written."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from django.core.exceptions import ValidationError
from django.db import models

from core.amounts import NotANumber, read_in_file
from core.clock import InvalidTime
from core.errors import DomainError
from core.models import NAME_MAX_LENGTH, Player
from core.text import is_plain, visible_length
from core.words import counted
from ratingslips.imports.csv_files import BadRecord, Record, read_records
from ratingslips.imports.events import read_instant
from ratingslips.imports.file_kinds import UnreadableFile
from ratingslips.models import GameSettings, GameValues, GamingTable

GAMES_FILE: Final = "games.csv"
TABLES_FILE: Final = "tables.csv"
PLAYERS_FILE: Final = "players.csv"
GAME_COLUMNS: Final = ("code", "name", "decisions_per_hour", "house_edge_percent", "seats")
BEGINNING_COLUMN: Final = "effective_from"  # optional in the file of games
TABLE_COLUMNS: Final = ("pit", "table", "game", "seats")
BET_COLUMNS: Final = ("minimum_bet", "maximum_bet")  # optional in the file of tables
PLAYER_COLUMNS: Final = ("card_number", "first_name", "last_name", "status")
MAX_ROWS: Final = 200_000
MAX_PROBLEMS: Final = 100

M = TypeVar("M", bound=models.Model)


class CannotLoad(DomainError):
    """The files have problems; `problems` are sentences that name the place. Nothing was loaded."""

    code = "CANNOT_LOAD"

    def __init__(self, problems: Sequence[str]) -> None:
        told = "\n".join(problems[:MAX_PROBLEMS])
        more = f"\n… and {len(problems) - MAX_PROBLEMS:,} more." if len(problems) > MAX_PROBLEMS else ""
        super().__init__(f"Nothing was loaded. {counted(len(problems), 'problem')}:\n{told}{more}")
        self.problems = tuple(problems)


@dataclass(frozen=True, kw_only=True, slots=True)
class GameRow:
    """A game and its values, and their beginning if the file gives one."""

    game: GameSettings
    values: GameValues
    begins: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TableRow:
    """A table as its file gives it, with pit and game by name: they are looked up when the casino is written."""

    table: GamingTable
    pit: str
    game: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CasinoFiles:
    """The rows of the files, in order, as unsaved instances without a casino.

    `bet_columns` are those of `BET_COLUMNS` that the file of tables has; an empty field means no limit.
    """

    games: list[GameRow]
    tables: list[TableRow]
    bet_columns: tuple[str, ...]
    players: list[Player]

    @classmethod
    def read(cls, folder: Path) -> "CasinoFiles":
        """Read the three files of `folder`.

        :raises CannotLoad: listing what is wrong, by file and line.
        """
        problems: list[str] = []
        games = _games(_Sheet(folder / GAMES_FILE, problems))
        sheet = _Sheet(folder / TABLES_FILE, problems)
        records = sheet.records(columns=TABLE_COLUMNS, key="table")
        tables = _tables(sheet, records, known_games={row.game.code for row in games})
        bet_columns = tuple(name for name in BET_COLUMNS if records and name in records[0].fields)
        players = _players(_Sheet(folder / PLAYERS_FILE, problems))
        if problems:
            raise CannotLoad(problems)
        return cls(games=games, tables=tables, bet_columns=bet_columns, players=players)


def _games(sheet: "_Sheet") -> list[GameRow]:
    rows = []
    # A game with a wrong figure is still a game that a table may name.
    for record in sheet.records(columns=GAME_COLUMNS, key="code"):
        names = {name: record.fields[name] for name in ("code", "name")}
        values = sheet.row_of(GameValues, record, numbers=("decisions_per_hour", "house_edge_percent"))
        game = sheet.row_of(GameSettings, record, numbers=("seats",), **names)
        rows.append(GameRow(game=game, values=values, begins=sheet.instant(BEGINNING_COLUMN, record)))
    return rows


def _tables(sheet: "_Sheet", records: Sequence[Record], *, known_games: Collection[str]) -> list[TableRow]:
    tables = []
    for record in records:
        pit, game = record.fields["pit"], record.fields["game"]
        numbers = ("seats", *(column for column in BET_COLUMNS if record.fields.get(column)))
        table = sheet.row_of(GamingTable, record, numbers=numbers, name=record.fields["table"])
        if None not in (table.minimum_bet, table.maximum_bet) and table.minimum_bet > table.maximum_bet:  # type: ignore[operator]
            sheet.complain("the minimum bet is above the maximum bet.", record)
        sheet.check_text("pit", pit, record)
        if not 1 <= len(pit) <= NAME_MAX_LENGTH:
            sheet.complain(f"the pit must have a name of up to {NAME_MAX_LENGTH} characters.", record)
        if game not in known_games:
            sheet.complain(f"there is no game “{game}” in {GAMES_FILE}.", record)
        tables.append(TableRow(table=table, pit=pit, game=game))
    return tables


def _players(sheet: "_Sheet") -> list[Player]:
    return [
        sheet.row_of(
            Player,
            record,
            **{column: record.fields[column] for column in PLAYER_COLUMNS}
            | {"status": record.fields["status"].upper()},
        )
        for record in sheet.records(columns=PLAYER_COLUMNS, key="card_number", known_by=str.upper)
    ]


class _Sheet:
    """One file, and the list that collects its problems."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        self.path = path
        self.problems = problems

    def records(self, *, columns: Sequence[str], key: str, known_by: Callable[[str], str] = str) -> list[Record]:
        """The readable lines, each with a `key` of its own, compared as `known_by` makes it."""
        lines: dict[str, Record] = {}
        try:
            for record in read_records(self.path, columns=columns):
                if isinstance(record, BadRecord):
                    self.complain(record.error.message, record)
                elif first := lines.get(known_by(record.fields[key])):
                    self.complain(f"{key} “{record.fields[key]}” is already on line {first.line}.", record)
                else:
                    lines[known_by(record.fields[key])] = record
                if len(lines) > MAX_ROWS:
                    self.problems.append(f"{self.path.name}: more than {MAX_ROWS:,} lines.")
                    break
        except UnreadableFile as error:
            self.problems.append(error.message)
        return list(lines.values())

    def row_of(self, model: type[M], record: Record, *, numbers: Sequence[str] = (), **texts: str) -> M:
        """An unsaved row of `texts` and of the columns that hold `numbers`, with a problem for each refused field."""
        read: dict[str, Any] = {}
        for name in numbers:
            field = model._meta.get_field(name)
            try:
                read[name] = read_in_file(
                    record.fields[name], places=getattr(field, "decimal_places", 0), decimal_comma=record.decimal_comma
                )
            except NotANumber as error:
                self.complain(f"{name} {error}", record)
        for name, text in texts.items():
            self.check_text(name, text, record)
        row = model(**texts, **read)
        try:
            row.clean_fields(exclude={field.name for field in model._meta.fields} - texts.keys() - read.keys())
        except ValidationError as error:
            for name, messages in error.message_dict.items():
                self.complain(f"{name} “{getattr(row, name)}”: {' '.join(messages)}", record)
        return row

    def instant(self, name: str, record: Record) -> datetime | None:
        """The instant in an optional column; None where it is empty, missing, or refused with a problem."""
        text = record.fields.get(name)
        try:
            return read_instant(text) if text else None
        except InvalidTime as error:
            self.complain(f"{name}: {error.message}", record)
            return None

    def check_text(self, name: str, text: str, record: Record) -> None:
        """Add a problem for a text of characters that nobody sees, or with some of them."""
        if text and not (visible_length(text) and is_plain(text)):
            self.complain(f"{name} “{text}” holds characters that cannot be shown.", record)

    def complain(self, what: str, record: Record | BadRecord) -> None:
        """Add a problem of a line."""
        self.problems.append(f"{self.path.name} line {record.line}: {what}")
