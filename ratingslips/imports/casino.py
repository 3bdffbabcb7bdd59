"""Setting up a casino from its files: players, games and tables, with a programme of the default rules."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

import structlog
from django.db import connection, models

from core.clock import EARLIEST_EVENT_AT
from core.models import NAME_MAX_LENGTH, Casino, Player, User
from core.querysets import LockingQuerySet
from core.recorded_days import has_recorded_days
from core.transactions import operation
from loyalty.models import EarningRate, LoyaltyProgram, Tier
from loyalty.services import open_accounts
from ratingslips.imports.casino_files import CannotLoad, CasinoFiles
from ratingslips.models import GameSettings, GamingTable, Pit

log = structlog.get_logger(__name__)

DEFAULT_TIME_ZONE: Final = "America/Los_Angeles"
DEFAULT_TIERS: Final = (
    ("Bronze", 0, Decimal(1)),
    ("Silver", 1_000, Decimal("1.25")),
    ("Gold", 5_000, Decimal("1.5")),
    ("Platinum", 20_000, Decimal(2)),
)
DEFAULT_POINTS_PER_UNIT: Final = Decimal(10)
BATCH_ROWS: Final = 1_000
LOAD_LOCK: Final = 0x4C6F_6164

M = TypeVar("M", bound=models.Model)


@dataclass(frozen=True, kw_only=True, slots=True)
class RowCounts:
    """The numbers of rows of a kind that were new, changed, or unchanged."""

    created: int
    changed: int
    unchanged: int


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedCasino:
    """A casino that was set up from its files, with the numbers of rows by kind."""

    casino: Casino
    rows: dict[str, RowCounts]
    accounts_opened: int

    @property
    def is_unchanged(self) -> bool:
        """Whether every row was there already."""
        return not self.accounts_opened and not any(counts.created or counts.changed for counts in self.rows.values())


def load_casino(
    *, folder: Path, code: str, actor: User, at: datetime, name: str | None = None, time_zone: str | None = None
) -> LoadedCasino:
    """Set up the casino `code` from the files of `folder`, all or nothing; rows that are there already stay.

    Rows are known by their code, name or card: new ones are added and changed ones updated, and none is ever removed.
    A new casino gets a programme of the default tiers and rate; the rules of one that stands are left alone.

    :raises CannotLoad: listing what is wrong, by file and line.
    :raises Busy: another load was under way for too long; nothing was changed.
    """
    files = CasinoFiles.read(folder)
    with operation("ratingslips.load_casino", actor_id=actor.pk):
        _wait_for_other_loads()
        casino, casino_counts = _casino(code=code, name=name, time_zone=time_zone)
        program_counts = _program(casino)
        rows = {
            "casino": casino_counts,
            "programme": program_counts,
            "players": _players(casino, files),
            "games": _games(casino, files),
            "pits": _pits(casino, files),
            "tables": _tables(casino, files),
        }
        accounts_opened = _open_missing_accounts(casino, at=at)
    loaded = LoadedCasino(casino=casino, rows=rows, accounts_opened=accounts_opened)
    log.info(
        "ratingslips.casino_loaded",
        casino_id=casino.pk,
        actor_id=actor.pk,
        created=sum(counts.created for counts in rows.values()),
        changed=sum(counts.changed for counts in rows.values()),
        accounts_opened=accounts_opened,
    )
    return loaded


def _wait_for_other_loads() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOAD_LOCK])


def _casino(*, code: str, name: str | None, time_zone: str | None) -> tuple[Casino, RowCounts]:
    """:raises CannotLoad: the time zone would change, by which days were recorded."""
    casino = Casino.objects.filter(code=code).first()
    if casino is None:
        usual_name = code.replace("-", " ").title()
        casino = Casino(code=code, name=name or usual_name, time_zone=time_zone or DEFAULT_TIME_ZONE)
        casino.save(force_insert=True)
        return casino, RowCounts(created=1, changed=0, unchanged=0)
    wanted = {"name": name or casino.name, "time_zone": time_zone or casino.time_zone}
    if wanted == {"name": casino.name, "time_zone": casino.time_zone}:
        return casino, RowCounts(created=0, changed=0, unchanged=1)
    if wanted["time_zone"] != casino.time_zone and has_recorded_days(casino):
        raise CannotLoad([f"Days of the casino {code} were recorded: its time zone stays {casino.time_zone}."])
    casino.name, casino.time_zone = wanted["name"], wanted["time_zone"]
    casino.save(update_fields=["name", "time_zone"])
    return casino, RowCounts(created=0, changed=1, unchanged=0)


def _program(casino: Casino) -> RowCounts:
    if LoyaltyProgram.objects.filter(casino=casino).exists():
        return RowCounts(created=0, changed=0, unchanged=1)
    program = LoyaltyProgram.objects.create(casino=casino, name=f"{casino.name} Rewards"[:NAME_MAX_LENGTH])
    Tier.objects.bulk_create(
        Tier(program=program, name=name, threshold_points=threshold, multiplier=multiplier)
        for name, threshold, multiplier in DEFAULT_TIERS
    )
    EarningRate.objects.create(
        program=program, points_per_unit=DEFAULT_POINTS_PER_UNIT, effective_from=EARLIEST_EVENT_AT
    )
    return RowCounts(created=1, changed=0, unchanged=0)


def _players(casino: Casino, files: CasinoFiles) -> RowCounts:
    for player in files.players:
        player.casino = casino
    return _bring_up_to_date(
        files.players,
        existing=Player.objects.filter(casino=casino),
        key="card_number",
        fields=("first_name", "last_name", "status"),
    )


def _games(casino: Casino, files: CasinoFiles) -> RowCounts:
    for game in files.games:
        game.casino = casino
    return _bring_up_to_date(
        files.games,
        existing=GameSettings.objects.filter(casino=casino),
        key="code",
        fields=("name", "decisions_per_hour", "house_edge_percent", "seats"),
    )


def _pits(casino: Casino, files: CasinoFiles) -> RowCounts:
    names = dict.fromkeys(row.pit for row in files.tables)
    return _bring_up_to_date(
        [Pit(casino=casino, name=name) for name in names],
        existing=Pit.objects.filter(casino=casino),
        key="name",
        fields=(),
    )


def _tables(casino: Casino, files: CasinoFiles) -> RowCounts:
    pits = {pit.name: pit for pit in Pit.objects.filter(casino=casino)}
    games = {game.code: game for game in GameSettings.objects.filter(casino=casino)}
    for row in files.tables:
        row.table.casino, row.table.pit, row.table.game = casino, pits[row.pit], games[row.game]
    return _bring_up_to_date(
        [row.table for row in files.tables],
        existing=GamingTable.objects.filter(casino=casino),
        key="name",
        fields=("pit_id", "game_id", "seats"),
    )


def _bring_up_to_date(
    wanted: Sequence[M], *, existing: LockingQuerySet[M], key: str, fields: Sequence[str]
) -> RowCounts:
    """Add those of `wanted` that are not among `existing` by their `key`, and give the others the wanted `fields`."""
    model = existing.model
    known: dict[Any, M] = {}
    for batch in _batches(wanted):
        among = existing.locked().filter(**{f"{key}__in": [getattr(row, key) for row in batch]})
        known.update((getattr(row, key), row) for row in among)
    new = [row for row in wanted if getattr(row, key) not in known]
    changed = []
    for row in wanted:
        stands = known.get(getattr(row, key))
        differing = [name for name in fields if stands and getattr(stands, name) != getattr(row, name)]
        if stands and differing:
            for name in differing:
                setattr(stands, name, getattr(row, name))
            changed.append(stands)
    model._default_manager.bulk_create(new, batch_size=BATCH_ROWS)
    if changed:
        model._default_manager.bulk_update(
            changed, [name.removesuffix("_id") for name in fields], batch_size=BATCH_ROWS
        )
    return RowCounts(created=len(new), changed=len(changed), unchanged=len(wanted) - len(new) - len(changed))


def _open_missing_accounts(casino: Casino, *, at: datetime) -> int:
    players = list(Player.objects.filter(casino=casino, loyalty=None).select_related("casino").order_by("pk"))
    for batch in _batches(players):
        open_accounts(players=batch, at=at)
    return len(players)


def _batches(rows: Iterable[M]) -> Iterator[list[M]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH_ROWS)):
        yield batch
