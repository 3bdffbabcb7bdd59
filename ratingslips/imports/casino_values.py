"""House edge and decisions per hour of a casino's file of games."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from core.clock import EARLIEST_EVENT_AT, InvalidTime
from core.effective_dates import BeginsTooEarly
from core.transactions import transaction_required
from ratingslips.imports.casino_files import GAMES_FILE, CannotLoad, GameRow
from ratingslips.imports.casino_rows import Difference, LoadedRows
from ratingslips.models import GameSettings, GameValues
from ratingslips.services import GameValuesTaken, recorded_values

KIND: Final = "values of game"


@transaction_required
def load_values(rows: Sequence[GameRow], games: dict[str, GameSettings], *, at: datetime) -> LoadedRows:
    """Add values that have a beginning, and the first ones of new games; the games are locked.

    Values without a beginning are those of a new game from the beginning on. They do not change those of another one:
    what differs from the values in force at `at` is named.

    :raises CannotLoad: values begin in the past, where others were in force, or at a time that cannot be meant.
    """
    known: dict[str, list[GameValues]] = {code: [] for code in games}
    for values in GameValues.objects.filter(game__in=games.values()).select_related("game").order_by("effective_from"):
        known[values.game.code].append(values)
    new: list[GameValues] = []
    problems: list[str] = []
    differences: list[Difference] = []
    for row in rows:
        code, wanted = row.game.code, row.values
        wanted.game, wanted.effective_from = games[code], row.begins or EARLIEST_EVENT_AT
        if row.begins is None and known[code]:
            in_force = [values for values in known[code] if values.effective_from <= at]
            differences += _differences(in_force[-1] if in_force else None, wanted, code=code)
            continue
        try:
            if recorded_values(wanted, among=known[code], at=at) is None:
                new.append(wanted)
        except (BeginsTooEarly, GameValuesTaken, InvalidTime) as error:
            problems.append(f"{GAMES_FILE}, game {code}: {error.message}")
    if problems:
        raise CannotLoad(problems)
    GameValues.objects.bulk_create(new)
    return LoadedRows(created=len(new), unchanged=len(rows) - len(new), differences=tuple(differences))


def _differences(in_force: GameValues | None, wanted: GameValues, *, code: str) -> Iterator[Difference]:
    for field in ("decisions_per_hour", "house_edge_percent"):
        old, new = getattr(in_force, field, None), getattr(wanted, field)
        if old != new:
            yield Difference(
                kind=KIND,
                row_id=wanted.game_id,
                name=code,
                field=field.replace("_", " "),
                old=str(old),
                new=str(new),
                is_taken=False,
            )
