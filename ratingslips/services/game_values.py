"""Decisions per hour and house edge of a game: add new ones, and find those in force when a segment starts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import structlog
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, TextField
from django.db.models.functions import Cast, JSONObject

from core.effective_dates import require_may_begin
from core.errors import DomainError
from core.local_time import exact_time_in
from core.models import User
from core.permissions import require_permission
from core.retries import retried
from core.text import isolated
from core.transactions import operation
from ratingslips.models import GameSettings, GameValues, GamingTable
from ratingslips.permissions import CHANGE_GAME

log = structlog.get_logger(__name__)


class NoGameValues(DomainError):
    """The game of the table had no house edge and decisions per hour at that time."""

    code = "NO_GAME_VALUES"


class GameValuesTaken(DomainError):
    """Other values of the game begin at the same instant."""

    code = "GAME_VALUES_TAKEN"


@retried
def add_game_values(
    *,
    game: GameSettings,
    decisions_per_hour: Decimal,
    house_edge_percent: Decimal,
    effective_from: datetime,
    actor: User,
    at: datetime,
) -> GameValues:
    """Add values that hold for segments that start at `effective_from` or later, until the next ones begin.

    They begin in the future, as seen at `at`, or before the first ones. The same again give the first ones back.

    :raises NotPermitted: the actor may not change the game.
    :raises BeginsTooEarly, InvalidTime: see `require_may_begin`.
    :raises GameValuesTaken: other values begin at `effective_from`.
    :raises Busy: the game was locked for too long.
    """
    with operation("ratingslips.add_game_values", actor_id=actor.pk):
        locked = GameSettings.objects.locked().get(pk=game.pk)
        require_permission(actor, CHANGE_GAME, locked)
        wanted = GameValues(
            game=locked,
            decisions_per_hour=decisions_per_hour,
            house_edge_percent=house_edge_percent,
            effective_from=effective_from,
        )
        values = recorded_values(wanted, among=GameValues.objects.filter(game=locked), at=at)
        if values is None:
            wanted.save(force_insert=True)
    log.info("ratingslips.game_values_added", game_id=game.pk, actor_id=actor.pk)
    return values or wanted


def recorded_values(wanted: GameValues, *, among: Iterable[GameValues], at: datetime) -> GameValues | None:
    """The existing row that begins like `wanted`, if any; `among` are those of the game, which must be locked.

    :raises BeginsTooEarly, InvalidTime: see `require_may_begin`.
    :raises GameValuesTaken: other values begin at the same instant.
    """
    rows = list(among)
    found = next((values for values in rows if values.effective_from == wanted.effective_from), None)
    if found is None:
        require_may_begin(wanted.effective_from, among=rows, at=at)
    elif _figures(found) != _figures(wanted):
        raise GameValuesTaken(f"“{found}” were added already. Choose another beginning, such as a minute later.")
    return found


def _figures(values: GameValues) -> tuple[Decimal, Decimal]:
    return values.decisions_per_hour, values.house_edge_percent


def all_values(game: str) -> ArraySubquery:
    """All values of the game to which `game` leads from a row, in order of time, read together with the row."""
    rows = GameValues.objects.filter(game=OuterRef(game)).order_by("effective_from")
    figures = {name: Cast(name, TextField()) for name in ("decisions_per_hour", "house_edge_percent")}
    return ArraySubquery(rows.values(known=JSONObject(effective_from="effective_from", **figures)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """What a segment freezes."""

    decisions_per_hour: Decimal
    house_edge_percent: Decimal


def figures_in_force(table: GamingTable, *, at: datetime) -> Figures:
    """The figures for a segment that starts at `at`; `table` was read with `all_values` as `values_of_game`.

    :raises NoGameValues: none were in force.
    """
    values: list[dict[str, str]] = table.values_of_game  # type: ignore[attr-defined]
    begun = [known for known in values if datetime.fromisoformat(known["effective_from"]) <= at]
    if not begun:
        raise NoGameValues(
            f"The game of {isolated(table.name)} had no house edge at {exact_time_in(at, table.casino)}: "
            "add one on its page."
        )
    last = begun[-1]
    return Figures(
        decisions_per_hour=Decimal(last["decisions_per_hour"]), house_edge_percent=Decimal(last["house_edge_percent"])
    )
