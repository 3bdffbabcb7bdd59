"""The games, pits and tables of a casino's files."""

from collections.abc import Sequence

from django.db.models import Value

from core.errors import DomainError
from core.models import Casino, User
from core.text import folded, quoted
from ratingslips.imports.casino_files import GAMES_FILE, TABLES_FILE, CannotLoad, CasinoFiles
from ratingslips.imports.casino_rows import Kind, LoadedRows, bring_up_to_date
from ratingslips.models import GameSettings, GamingTable, Pit
from ratingslips.services import require_table_may_change


def require_recorded_spellings(casino: Casino, files: CasinoFiles) -> None:
    """Refuse a name of a pit or a table, or a code of a game, that is recorded in another spelling alone.

    :raises CannotLoad: naming both.
    """
    given = {
        "pit": (TABLES_FILE, {row.pit for row in files.tables}),
        "table": (TABLES_FILE, {row.table.name for row in files.tables}),
        "game": (GAMES_FILE, {row.game.code for row in files.games}),
    }
    names = Pit.objects.filter(casino=casino).order_by().values_list(Value("pit"), "name")
    tables = GamingTable.objects.filter(casino=casino).order_by().values_list(Value("table"), "name")
    games = GameSettings.objects.filter(casino=casino).order_by().values_list(Value("game"), "code")
    recorded = set(names.union(tables, games, all=True))
    known = {(kind, folded(name)): name for kind, name in recorded}
    problems = [
        f"{file}: {kind} {quoted(name)} is recorded as {quoted(known[kind, folded(name)])}: write it so."
        for kind, (file, names_given) in given.items()
        for name in sorted(names_given)
        if (kind, name) not in recorded and (kind, folded(name)) in known
    ]
    if problems:
        raise CannotLoad(problems)


def load_games(casino: Casino, files: CasinoFiles, *, overwrite: bool) -> LoadedRows:
    """Add new games, and see to those that differ."""
    for row in files.games:
        row.game.casino = casino
    return bring_up_to_date(
        [row.game for row in files.games],
        existing=GameSettings.objects.filter(casino=casino),
        kind=Kind(name="game", key="code", fields=("name", "seats")),
        overwrite=overwrite,
    )


def games_by_code(casino: Casino) -> dict[str, GameSettings]:
    """The games of a casino by their code."""
    return {game.code: game for game in GameSettings.objects.filter(casino=casino)}


def load_pits(casino: Casino, files: CasinoFiles, *, overwrite: bool) -> LoadedRows:
    """Add the pits that the file of tables names."""
    names = dict.fromkeys(row.pit for row in files.tables)
    return bring_up_to_date(
        [Pit(casino=casino, name=name) for name in names],
        existing=Pit.objects.filter(casino=casino),
        kind=Kind(name="pit", key="name", fields=()),
        overwrite=overwrite,
    )


def load_tables(casino: Casino, files: CasinoFiles, *, overwrite: bool, actor: User) -> LoadedRows:
    """Add new tables, and see to those that differ; games and pits are loaded.

    :raises CannotLoad: a table that would change its pit or its game may not.
    """
    pits = {pit.name: pit for pit in Pit.objects.filter(casino=casino)}
    games = games_by_code(casino)
    for row in files.tables:
        row.table.casino, row.table.pit, row.table.game = casino, pits[row.pit], games[row.game]
    if overwrite:
        _require_may_change([row.table for row in files.tables], casino=casino, actor=actor)
    shown = {
        "pit_id": {pit.pk: pit.name for pit in pits.values()},
        "game_id": {game.pk: game.code for game in games.values()},
    }
    return bring_up_to_date(
        [row.table for row in files.tables],
        existing=GamingTable.objects.filter(casino=casino),
        kind=Kind(name="table", key="name", fields=("pit_id", "game_id", "seats", *files.bet_columns), shown=shown),
        overwrite=overwrite,
    )


def _require_may_change(wanted: Sequence[GamingTable], *, casino: Casino, actor: User) -> None:
    """:raises CannotLoad: naming the tables that may not get the pit or the game that their file has."""
    problems = []
    rows = {table.name: table for table in wanted}
    tables = GamingTable.objects.locked().filter(casino=casino, name__in=rows)
    for table in tables.prefetch_related("pit", "game"):
        row = rows[table.name]
        try:
            require_table_may_change(table, pit=row.pit, game=row.game, name=row.name, actor=actor)
        except DomainError as error:
            problems.append(error.message)
    if problems:
        raise CannotLoad(problems)
