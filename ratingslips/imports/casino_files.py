"""The three files that describe a casino, all read and checked before anything is written."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
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
from core.text import folded, is_plain, quoted, visible_length
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

    `bet_columns` are those of `BET_COLUMNS` that the file of tables has; an empty field means no limit. Players are
    read from their file each time, because they may be many.
    """

    games: list[GameRow]
    tables: list[TableRow]
    bet_columns: tuple[str, ...]
    folder: Path

    @classmethod
    def read(cls, folder: Path) -> "CasinoFiles":
        """Read and check the three files of `folder`.

        :raises CannotLoad: listing what is wrong, by file and line.
        """
        problems: list[str] = []
        games = _games(_Sheet(folder / GAMES_FILE, problems))
        sheet = _Sheet(folder / TABLES_FILE, problems)
        records = list(sheet.records(columns=TABLE_COLUMNS, key="table"))
        tables = _tables(sheet, records, games={folded(row.game.code): row.game.code for row in games})
        bet_columns = tuple(name for name in BET_COLUMNS if records and name in records[0].fields)
        deque(_players(_Sheet(folder / PLAYERS_FILE, problems)), maxlen=0)
        if problems:
            raise CannotLoad(problems)
        return cls(games=games, tables=tables, bet_columns=bet_columns, folder=folder)

    def players(self) -> Iterator[Player]:
        """Read the players again.

        :raises CannotLoad: their file was changed since it was checked, and has a problem now.
        """
        problems: list[str] = []
        for player in _players(_Sheet(self.folder / PLAYERS_FILE, problems)):
            if problems:
                break
            yield player
        if problems:
            raise CannotLoad(problems)


def _games(sheet: "_Sheet") -> list[GameRow]:
    rows = []
    # A game with a wrong figure is still a game that a table may name.
    for record in sheet.records(columns=GAME_COLUMNS, key="code"):
        names = {name: record.fields[name] for name in ("code", "name")}
        values = sheet.row_of(GameValues, record, numbers=("decisions_per_hour", "house_edge_percent"))
        game = sheet.row_of(GameSettings, record, numbers=("seats",), **names)
        rows.append(GameRow(game=game, values=values, begins=sheet.instant(BEGINNING_COLUMN, record)))
    return rows


def _tables(sheet: "_Sheet", records: Sequence[Record], *, games: Mapping[str, str]) -> list[TableRow]:
    """The tables; `games` are the codes of the file of games, by their folded form."""
    tables = []
    pits: dict[str, tuple[str, int]] = {}
    for record in records:
        pit, game = record.fields["pit"], record.fields["game"]
        numbers = ("seats", *(column for column in BET_COLUMNS if record.fields.get(column)))
        table = sheet.row_of(GamingTable, record, numbers=numbers, name=record.fields["table"])
        if None not in (table.minimum_bet, table.maximum_bet) and table.minimum_bet > table.maximum_bet:  # type: ignore[operator]
            sheet.complain("the minimum bet is above the maximum bet.", record)
        sheet.check_text("pit", pit, record)
        if not 1 <= len(pit) <= NAME_MAX_LENGTH:
            sheet.complain(f"the pit must have a name of up to {NAME_MAX_LENGTH} characters.", record)
        first, line = pits.setdefault(folded(pit), (pit, record.line))
        if pit != first:
            sheet.complain(f"pit {quoted(pit)} is {quoted(first)} on line {line}: write it alike.", record)
        if folded(game) not in games:
            sheet.complain(f"there is no game {quoted(game)} in {GAMES_FILE}.", record)
        elif game != (known := games[folded(game)]):
            sheet.complain(f"game {quoted(game)} is {quoted(known)} in {GAMES_FILE}: write it alike.", record)
        tables.append(TableRow(table=table, pit=pit, game=game))
    return tables


def _players(sheet: "_Sheet") -> Iterator[Player]:
    for record in sheet.records(columns=PLAYER_COLUMNS, key="card_number"):
        texts = {column: record.fields[column] for column in PLAYER_COLUMNS}
        yield sheet.row_of(Player, record, **texts | {"status": texts["status"].upper()})


class _Sheet:
    """One file, and the list that collects its problems."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        self.path = path
        self.problems = problems

    def records(self, *, columns: Sequence[str], key: str) -> Iterator[Record]:
        """The readable lines, each with a `key` of its own, in whatever spelling."""
        lines: dict[str, int] = {}
        try:
            if self.path.exists() and not self.path.is_file():
                raise UnreadableFile(f"{self.path.name} is not a file that can be read twice: save it first.")
            for record in read_records(self.path, columns=columns):
                if isinstance(record, BadRecord):
                    self.complain(record.error.message, record)
                    continue
                value = record.fields[key]
                first = lines.setdefault(folded(value), record.line)
                if first != record.line:
                    self.complain(f"{key} {quoted(value)} is already on line {first}.", record)
                elif len(lines) > MAX_ROWS:
                    self.problems.append(f"{self.path.name}: more than {MAX_ROWS:,} lines.")
                    break
                else:
                    yield record
        except UnreadableFile as error:
            self.problems.append(error.message)

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
                choices = getattr(model._meta.get_field(name), "choices", None)
                told = f"use {', '.join(value for value, _ in choices)}." if choices else " ".join(messages)
                self.complain(f"{name} {quoted(str(getattr(row, name)))}: {told}", record)
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
        if not text or (text.isascii() and text.isprintable()):
            return
        if not (visible_length(text) and is_plain(text)):
            self.complain(f"{name} {quoted(text)} holds characters that cannot be shown.", record)

    def complain(self, what: str, record: Record | BadRecord) -> None:
        """Add a problem of a line."""
        self.problems.append(f"{self.path.name} line {record.line}: {what}")
