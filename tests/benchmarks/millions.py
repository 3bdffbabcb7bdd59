"""Write a long history quickly: players, a ledger whose chain PostgreSQL's own trigger computes, slips with segments.

`python -m tests.benchmarks.millions --entries 3000000 --players 50000` fills the checkout's private database and
prints how fast. Each of three casinos gets its share: play on slips, promotions, awards and redemptions. Adjustments,
recovered slips and the awards of one member of staff are in the oldest tenth alone, not at the end of an index. The
invariants hold.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from datetime import timedelta
from itertools import islice
from time import perf_counter
from typing import Any, Final

import django

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()

from django.db import connection, transaction
from django.db.models import Max, Model
from django.utils import timezone

from config.database.owner import as_owner
from core.models import Casino, Player
from loyalty.models import LedgerEntry, PlayerLoyalty
from loyalty.services import open_accounts
from ratingslips.models import PlaySegment, RatingSlip
from tests.factories import (
    WITHOUT_MULTIPLIERS,
    CompTypeFactory,
    PitFactory,
    ProgramFactory,
    StaffFactory,
    TableFactory,
)

SHARES: Final = (0.80, 0.15, 0.05)
FIRST_NAMES: Final = ("José", "Ana", "Lan", "Łukasz", "Zoë", "Mehmet", "Ингрид", "小明", "محمد", "Jürgen")
LAST_NAMES: Final = (
    "Castillo",
    "O'Neil",
    "Müller",
    "Nguyễn",
    "Garcia-Lopez",
    "Sørensen",
    "Yılmaz",
    "Smith",
    "王",
    "Đỗ",
)
BATCH_ROWS: Final = 100_000
# The trigger that looks at new segments takes a time that grows with the square of their number.
SEGMENTS_BATCH_ROWS: Final = 5_000
SEATS: Final = 7
ENTRIES_A_PLAY: Final = 3

# One row for each entry. Every third one is play of an hour. Entries near each other are of different players, and one
# in ten is of a twentieth of the players. A redemption takes no more than the entry before it gave.
_PLAN: Final = """
    CREATE TEMPORARY TABLE planned AS
    WITH entry AS (
        SELECT n, CASE WHEN n %% 10 = 0 THEN n / 10 %% %(heavy)s
                       ELSE %(heavy)s + n * 7919 %% (%(players)s - %(heavy)s) END AS number
        FROM generate_series(0::bigint, %(entries)s - 1) AS n
    ), numbered AS (
        SELECT n, (%(account_ids)s::bigint[])[number + 1] AS account_id, n / 3 AS play, n %% 3 = 1 AS is_play,
               (%(player_ids)s::bigint[])[number + 1] AS player_id,
               row_number() OVER (PARTITION BY number ORDER BY n) AS seq
        FROM entry
    ), kinds AS (
        SELECT *, %(began_at)s + (1 + play / %(seats)s) * interval '1 hour' AS at,
               CASE WHEN is_play THEN 'GAMEPLAY' WHEN n %% 50 = 0 THEN 'MANUAL_BONUS'
                    WHEN n %% 1000 = 17 AND n < %(entries)s / 10 THEN 'ADJUSTMENT'
                    WHEN seq %% 2 = 0 THEN 'REDEMPTION' ELSE 'PROMOTION' END AS kind
        FROM numbered
    ), pointed AS (
        SELECT *, CASE kind WHEN 'GAMEPLAY' THEN 105 * (1 + play %% 20) WHEN 'REDEMPTION' THEN -10 ELSE 10 + n %% 90 END
                  AS points
        FROM kinds
    )
    SELECT *, (sum(points) OVER account)::bigint AS balance, md5(%(casino)s || ':' || n)::uuid AS slip_id,
           coalesce(sum(points) FILTER (WHERE kind NOT IN ('REDEMPTION', 'ADJUSTMENT')) OVER account, 0)::bigint
               AS lifetime,
           CASE WHEN kind IN ('REDEMPTION', 'ADJUSTMENT') THEN 0 ELSE points END AS earned,
           (timezone(%(time_zone)s, at) - %(starts_at)s::interval)::date AS gaming_day
    FROM pointed WINDOW account AS (PARTITION BY account_id ORDER BY seq)
"""

_ENTRIES: Final = """
    FROM (
        SELECT *, format('{"kind":"%%s","player":%%s,"points":%%s}', kind, player_id, points) AS request
        FROM planned WHERE n BETWEEN %(first)s AND %(last)s ORDER BY n
    ) AS entry
"""
# What is written in each column of an entry; `{tier}` is the tier of so many lifetime points.
_ENTRY: Final = {
    "id": "%(base)s + n",
    "casino_id": "%(casino)s",
    "account_id": "account_id",
    "seq": "seq",
    "kind": "kind",
    "points": "points",
    "reason": "'Written by a benchmark'",
    "reason_code": "CASE kind WHEN 'MANUAL_BONUS' THEN 'OTHER' WHEN 'ADJUSTMENT' THEN 'WRONG_POINTS' END",
    "idempotency_key": "CASE WHEN is_play THEN slip_id::text ELSE 'many:' || %(casino)s || ':' || n END",
    "fingerprint": "encode(sha256(convert_to(request, 'UTF8')), 'hex')",
    "staff_id": "CASE WHEN kind = 'MANUAL_BONUS' THEN (%(staff)s::bigint[])[1 + (n < %(entries)s / 10)::int] END",
    "comp_type_id": "CASE WHEN kind = 'REDEMPTION' THEN %(comp_type)s::bigint END",
    "balance_before": "balance - points",
    "balance_after": "balance",
    "lifetime_points_before": "lifetime - earned",
    "lifetime_points_after": "lifetime",
    "tier_before_id": "(%(tiers)s::bigint[])[width_bucket(lifetime - earned, %(thresholds)s::bigint[])]",
    "tier_after_id": "(%(tiers)s::bigint[])[width_bucket(lifetime, %(thresholds)s::bigint[])]",
    "gaming_day": "gaming_day",
    "correlation_id": "md5('c' || slip_id)::uuid",
    "inputs": """jsonb_build_object(
        'request', request::jsonb, 'tier_progress_percent', 0, 'calculation', CASE WHEN is_play THEN jsonb_build_object(
            'theoretical_win', (points / 10.0)::numeric(18, 2)::text, 'points_per_unit', '10', 'multiplier', '1',
            'tier', 'Bronze', 'exact_points', points::text, 'play', '{}'::jsonb) ELSE '{}'::jsonb END)""",
    "created_at": "at",
}
_SLIP: Final = {
    "id": "slip_id",
    "casino_id": "%(casino)s",
    "slip_number": "'M' || %(casino)s || '-' || play",
    "player_id": "player_id",
    "table_id": "(%(tables)s::bigint[])[1 + play %% %(seats)s / 7]",
    "pit_id": "(%(pits)s::bigint[])[1 + play %% %(seats)s / 7]",
    "seat": "1 + play %% 7",
    "status": "CASE WHEN ends THEN 'CLOSED' ELSE 'OPEN' END",
    "opened_at": "at - interval '1 hour'",
    "opened_by_id": "(%(staff)s::bigint[])[1]",
    "closed_at": "CASE WHEN ends THEN at END",
    "closed_by_id": "CASE WHEN ends THEN (%(staff)s::bigint[])[1] END",
    "gaming_day": "(timezone(%(time_zone)s, at - interval '1 hour') - %(starts_at)s::interval)::date",
    "theoretical_win": "CASE WHEN ends THEN points / 10.0 END",
    "correlation_id": "md5('c' || slip_id)::uuid",
    "ledger_entry_id": "CASE WHEN pays THEN %(base)s + n END",
    "settled_at": "CASE WHEN pays THEN at END",
    "owed_because": "CASE WHEN is_recovered OR ends AND NOT pays THEN 'PROGRAM_PAUSED' ELSE '' END",
    "recovered_by_id": "CASE WHEN is_recovered THEN (%(staff)s::bigint[])[2] END",
    "recovery_correlation_id": "CASE WHEN is_recovered THEN md5('r' || slip_id)::uuid END",
}
# An average bet that is worth the theo of the plan: an hour, 0.75 % and 70 decisions.
_SEGMENT: Final = {
    "slip_id": "slip_id",
    "seq": "part",
    "table_id": _SLIP["table_id"],
    "pit_id": _SLIP["pit_id"],
    "seat": _SLIP["seat"],
    "average_bet": "points / 5.25 + CASE WHEN part = 1 THEN -5 ELSE 5 END",
    "house_edge_percent": "0.75",
    "decisions_per_hour": "70",
    "started_at": "at - interval '30 minutes' * (3 - part)",
    "started_as": "CASE part WHEN 1 THEN 'OPENED' ELSE 'BET_CHANGED' END",
    "started_by_id": "(%(staff)s::bigint[])[1]",
    "start_correlation_id": "CASE WHEN ends THEN md5('o' || part || slip_id)::uuid ELSE md5('c' || slip_id)::uuid END",
    "ended_at": "CASE WHEN ends OR part = 1 THEN at - interval '30 minutes' * (2 - part) END",
    "held_until": "CASE WHEN ends OR part = 1 THEN at - interval '30 minutes' * (2 - part) END",
    "ended_as": "CASE WHEN part = 1 THEN 'BET_CHANGED' WHEN ends THEN 'CLOSED' ELSE '' END",
    "ended_by_id": "CASE WHEN ends OR part = 1 THEN (%(staff)s::bigint[])[1] END",
    "end_correlation_id": "CASE WHEN ends OR part = 1 THEN md5(substr('bc', part, 1) || slip_id)::uuid END",
}
# The last hour's play is owed at every fourth seat, and goes on at the others.
_SLIPS: Final = """
    FROM (
        SELECT *, n < %(entries)s AS pays, n < %(entries)s OR play %% 4 = 0 AS ends,
               n < %(entries)s / 10 AND play %% 100 = 5 AS is_recovered
        FROM planned WHERE is_play AND n BETWEEN %(first)s AND %(last)s ORDER BY n
    ) AS play
"""
_ACCOUNTS: Final = """
    UPDATE loyalty_playerloyalty AS account
    SET balance = last.balance_after, lifetime_points = last.lifetime_points_after, tier_id = last.tier_after_id,
        entry_count = last.seq, head_hash = last.entry_hash, updated_at = last.created_at
    FROM (SELECT DISTINCT ON (account_id) * FROM loyalty_ledger WHERE casino_id = %(casino)s
          ORDER BY account_id, seq DESC) AS last
    WHERE last.account_id = account.id
"""
_NEXT_ID: Final = "SELECT setval(pg_get_serial_sequence('loyalty_ledger', 'id'), max(id)) FROM loyalty_ledger"


def write_history(*, entries: int, players: int) -> list[Casino]:
    """Write `entries` ledger entries and `players` players in three casinos, as the owner; return the casinos."""
    casinos = [_casino(tables=tables) for tables in (40, 8, 4)]
    for casino, share in zip(casinos, SHARES, strict=True):
        _enrol(casino, number=int(players * share))
        with connection.cursor() as cursor:
            _write(cursor, casino, entries=int(entries * share))
    with connection.cursor() as cursor:
        cursor.execute(_NEXT_ID)
        cursor.execute("ANALYZE " + ", ".join(connection.introspection.table_names(cursor)))
    return casinos


def _casino(*, tables: int) -> Casino:
    program = ProgramFactory.create(rules__tiers=WITHOUT_MULTIPLIERS)
    for number in range(tables // 4):
        pit = PitFactory.create(casino=program.casino)
        first = TableFactory.create(casino=program.casino, pit=pit)
        TableFactory.create_batch(3, casino=program.casino, pit=pit, game=first.game)
        StaffFactory.create(casino=program.casino, username=f"{program.casino.code}-{number}")
    return program.casino


def _enrol(casino: Casino, *, number: int) -> None:
    statuses = ("BARRED", "INACTIVE", *["ACTIVE"] * 18)
    planned = (
        Player(
            casino=casino,
            card_number=f"{casino.pk}{each:06}",
            first_name=FIRST_NAMES[each % len(FIRST_NAMES)],
            last_name=f"{LAST_NAMES[each % len(LAST_NAMES)]} {chr(97 + each % 26)}{each % 997}",
            status=statuses[each % len(statuses)],
        )
        for each in range(number)
    )
    while made := Player.objects.bulk_create(islice(planned, 5_000)):
        with transaction.atomic():
            open_accounts(players=made, at=timezone.now())


def _write(cursor: Any, casino: Casino, *, entries: int) -> None:
    began, values = perf_counter(), _values(casino, entries=entries)
    seats = values["seats"]
    # An hour more than there are entries, of play that is owed or goes on.
    cursor.execute(_PLAN, values | {"entries": entries + ENTRIES_A_PLAY * seats})
    parts = _SLIPS.replace("AS play", "AS play CROSS JOIN generate_series(1, 2) AS part")
    last_play = entries + ENTRIES_A_PLAY * seats - 1
    for model, columns, source, last, rows in (
        (LedgerEntry, _ENTRY, _ENTRIES, entries - 1, BATCH_ROWS),
        (RatingSlip, _SLIP, _SLIPS, last_play, BATCH_ROWS),
        (PlaySegment, _SEGMENT, parts, last_play, SEGMENTS_BATCH_ROWS),
    ):
        for first in range(0, last + 1, rows):
            span = {"first": first, "last": min(last, first + rows - 1)}
            cursor.execute(_insert(model, columns, source), values | span)
        cursor.execute(f"ANALYZE {model._meta.db_table}")
        _say(f"{casino.code}: {last + 1:,} of {model._meta.db_table} by {perf_counter() - began:.0f} s")
    cursor.execute(_ACCOUNTS, values)
    cursor.execute("DROP TABLE planned")


def _values(casino: Casino, *, entries: int) -> dict[str, Any]:
    accounts = PlayerLoyalty.objects.filter(program__casino=casino).order_by("pk")
    tiers = list(casino.loyalty_program.tiers.order_by("threshold_points").values_list("pk", "threshold_points"))
    tables = list(casino.gaming_tables.order_by("pk").values_list("pk", flat=True))
    seats = len(tables) * SEATS
    plays = entries // ENTRIES_A_PLAY
    hours = plays // seats + 2
    return {
        "casino": casino.pk,
        "time_zone": casino.time_zone,
        "starts_at": str(casino.gaming_day_starts_at),
        "began_at": timezone.now() - timedelta(hours=hours, minutes=30),
        "entries": entries,
        "players": accounts.count(),
        "heavy": accounts.count() // 20,
        "account_ids": list(accounts.values_list("pk", flat=True)),
        "player_ids": list(accounts.values_list("player", flat=True)),
        "tables": tables,
        "pits": list(casino.gaming_tables.order_by("pk").values_list("pit", flat=True)),
        "seats": seats,
        "staff": list(casino.staff.order_by("pk").values_list("pk", flat=True)[:2]) * 2,
        "comp_type": CompTypeFactory.create(program=casino.loyalty_program).pk,
        "tiers": [key for key, _ in tiers],
        "thresholds": [threshold for _, threshold in tiers],
        "base": (LedgerEntry.objects.aggregate(last=Max("pk"))["last"] or 0) + 1,
    }


def _insert(model: type[Model], columns: Mapping[str, str], source: str) -> str:
    """The INSERT of `columns` from `source`; any other column that must have a value gets its default."""
    defaults: dict[str, str] = {
        field.column: repr(field.get_default())
        for field in model._meta.local_concrete_fields
        if field.column
        and field.column not in columns
        and field.has_default()
        and not field.null
        and not field.has_db_default()
    }
    every: dict[str, str] = {**defaults, **columns}
    return f"INSERT INTO {model._meta.db_table} ({', '.join(every)}) SELECT {', '.join(every.values())} {source}"


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.millions", description=__doc__)
    parser.add_argument("--entries", type=int, default=3_000_000)
    parser.add_argument("--players", type=int, default=50_000)
    options = parser.parse_args(arguments)
    began = perf_counter()
    with as_owner(may_take_long=True):
        write_history(entries=options.entries, players=options.players)
    seconds = perf_counter() - began
    _say(f"{options.entries:,} entries in {seconds:,.0f} s: {options.entries / seconds:,.0f} a second")


if __name__ == "__main__":
    main(sys.argv[1:])
