"""Setting up a casino from its files: players, games and tables, with a programme of the default rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

import structlog
from django.db import connection, transaction
from django.db.models.functions import Upper

from core.clock import EARLIEST_EVENT_AT
from core.models import NAME_MAX_LENGTH, Casino, Player, User
from core.querysets import LockingQuerySet
from core.recorded_days import has_recorded_days
from core.transactions import operation
from loyalty.models import CompType, EarningRate, LoyaltyProgram, Tier
from loyalty.services import open_accounts
from ratingslips.imports.casino_files import CannotLoad, CasinoFiles
from ratingslips.imports.casino_floor import (
    games_by_code,
    load_games,
    load_pits,
    load_tables,
    require_recorded_spellings,
)
from ratingslips.imports.casino_rows import BATCH_ROWS, Difference, Kind, LoadedRows, bring_up_to_date
from ratingslips.imports.casino_values import load_values

log = structlog.get_logger(__name__)

DEFAULT_TIME_ZONE: Final = "America/Los_Angeles"
DEFAULT_TIERS: Final = (
    ("Bronze", 0, Decimal(1)),
    ("Silver", 1_000, Decimal("1.25")),
    ("Gold", 5_000, Decimal("1.5")),
    ("Platinum", 20_000, Decimal(2)),
)
DEFAULT_POINTS_PER_UNIT: Final = Decimal(10)
DEFAULT_COMP_TYPES: Final = (
    ("food", "Food and beverage"),
    ("room", "Room"),
    ("show", "Show"),
    ("retail", "Retail"),
    ("discretionary", "Discretionary"),
)
DEFAULT_POINT_VALUE: Final = Decimal("0.01")
LOAD_LOCK: Final = 0x4C6F_6164


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedCasino:
    """A casino that was set up from its files, with the numbers of rows by kind."""

    casino: Casino
    rows: dict[str, LoadedRows]
    accounts_opened: int

    @property
    def is_unchanged(self) -> bool:
        """Whether every row was there already, as its file has it."""
        return not self.accounts_opened and not any(
            rows.created or rows.changed or rows.differences for rows in self.rows.values()
        )

    @property
    def differences(self) -> Sequence[Difference]:
        """What differed between the casino and its files."""
        return [difference for rows in self.rows.values() for difference in rows.differences]


def load_casino(
    *,
    folder: Path,
    code: str,
    actor: User,
    at: datetime,
    name: str | None = None,
    time_zone: str | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
) -> LoadedCasino:
    """Set up the casino `code` from the files of `folder`, all or nothing; no row is ever removed.

    Rows are known by their code, name or card. New ones are added. A row that differs from its file is left as it is,
    or takes the file's values with `overwrite`. A player's stricter status is always taken, and a weaker one never. A
    given `name` or `time_zone` is taken. A new casino gets the default reason codes, and a programme of the default
    tiers, rate and comp types; the rules of an existing one are left alone. For the values of games see `load_values`.
    With `dry_run` nothing is kept.

    :raises CannotLoad: listing what is wrong, by file and line.
    :raises Busy: another load was under way for too long; nothing was changed.
    """
    files = CasinoFiles.read(folder)
    with operation("ratingslips.load_casino", actor_id=actor.pk):
        _wait_for_other_loads()
        casino, casino_rows = _casino(code=code, name=name, time_zone=time_zone)
        if not casino_rows.created:
            require_recorded_spellings(casino, files)
        program_rows = _program(casino)
        rows = {
            "casino": casino_rows,
            "programme": program_rows,
            "players": _players(casino, files, overwrite=overwrite),
            "games": load_games(casino, files, overwrite=overwrite),
            "values of games": load_values(files.games, games_by_code(casino), at=at),
            "pits": load_pits(casino, files, overwrite=overwrite),
            "tables": load_tables(casino, files, overwrite=overwrite, actor=actor),
        }
        accounts_opened = _open_missing_accounts(casino, at=at)
        transaction.set_rollback(dry_run)
    loaded = LoadedCasino(casino=casino, rows=rows, accounts_opened=accounts_opened)
    if not dry_run:
        _log(loaded, actor=actor)
    return loaded


def _log(loaded: LoadedCasino, *, actor: User) -> None:
    for difference in loaded.differences:
        if difference.is_taken:
            # Names of players are personal: the log has a value only of their status.
            values = {"old": difference.old, "new": difference.new} if "name" not in difference.field else {}
            log.info(
                "ratingslips.casino_row_changed",
                origin="load_casino",
                kind=difference.kind,
                row_id=difference.row_id,
                field=difference.field,
                **values,
            )
    log.info(
        "ratingslips.casino_loaded",
        casino_id=loaded.casino.pk,
        actor_id=actor.pk,
        created=sum(rows.created for rows in loaded.rows.values()),
        changed=sum(rows.changed for rows in loaded.rows.values()),
        accounts_opened=loaded.accounts_opened,
    )


def _wait_for_other_loads() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOAD_LOCK])


def _casino(*, code: str, name: str | None, time_zone: str | None) -> tuple[Casino, LoadedRows]:
    """The locked casino; a new one is added.

    :raises CannotLoad: another code differs only in case, or the time zone would change, by which days were recorded.
    """
    casinos: LockingQuerySet[Casino] = LockingQuerySet(Casino)
    alike = {one.code: one for one in casinos.locked().filter(code__iexact=code)}
    casino = alike.get(code)
    if casino is None:
        if alike:
            other = min(alike)
            raise CannotLoad([f"There is a casino {other} already: give its code as --code {other}."])
        usual_name = code.replace("-", " ").title()
        casino = Casino(code=code, name=name or usual_name, time_zone=time_zone or DEFAULT_TIME_ZONE)
        casino.save(force_insert=True)
        return casino, LoadedRows(created=1)
    given = {"name": name or casino.name, "time_zone": time_zone or casino.time_zone}
    differences = tuple(
        Difference(
            kind="casino",
            row_id=casino.pk,
            name=code,
            field=field.replace("_", " "),
            old=getattr(casino, field),
            new=value,
            is_taken=True,
        )
        for field, value in given.items()
        if value != getattr(casino, field)
    )
    if not differences:
        return casino, LoadedRows(unchanged=1)
    if given["time_zone"] != casino.time_zone and has_recorded_days(casino):
        raise CannotLoad([f"Days of the casino {code} were recorded: its time zone stays {casino.time_zone}."])
    casino.name, casino.time_zone = given["name"], given["time_zone"]
    casino.save(update_fields=list(given))
    return casino, LoadedRows(changed=1, differences=differences)


def _program(casino: Casino) -> LoadedRows:
    if LoyaltyProgram.objects.filter(casino=casino).exists():
        return LoadedRows(unchanged=1)
    program = LoyaltyProgram.objects.create(casino=casino, name=f"{casino.name} Rewards"[:NAME_MAX_LENGTH])
    Tier.objects.bulk_create(
        Tier(program=program, name=name, threshold_points=threshold, multiplier=multiplier)
        for name, threshold, multiplier in DEFAULT_TIERS
    )
    CompType.objects.bulk_create(
        CompType(program=program, code=code, label=label, point_value=DEFAULT_POINT_VALUE)
        for code, label in DEFAULT_COMP_TYPES
    )
    EarningRate.objects.create(
        program=program, points_per_unit=DEFAULT_POINTS_PER_UNIT, effective_from=EARLIEST_EVENT_AT
    )
    return LoadedRows(created=1)


def _players(casino: Casino, files: CasinoFiles, *, overwrite: bool) -> LoadedRows:
    return bring_up_to_date(
        (_of(casino, player) for player in files.players()),
        existing=Player.objects.filter(casino=casino),
        kind=Kind(
            name="player",
            key="card_number",
            known_by=str.upper,
            known_as=Upper,
            fields=("first_name", "last_name", "status"),
        ),
        overwrite=overwrite,
    )


def _of(casino: Casino, player: Player) -> Player:
    player.casino = casino
    return player


def _open_missing_accounts(casino: Casino, *, at: datetime) -> int:
    opened, last = 0, 0
    missing = Player.objects.filter(casino=casino, loyalty=None).select_related("casino").order_by("pk")
    while True:
        players = list(missing.filter(pk__gt=last)[:BATCH_ROWS])
        open_accounts(players=players, at=at)
        opened += len(players)
        if len(players) < BATCH_ROWS:
            return opened
        last = players[-1].pk
