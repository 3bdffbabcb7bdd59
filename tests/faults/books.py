"""The state of the two houses after a run, read as plain values: what the checker compares the history with."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A ledger entry."""

    id: int
    player: int
    seq: int
    kind: str
    points: int
    reason: str
    key: str
    balance_before: int
    balance_after: int
    lifetime_before: int
    lifetime_after: int
    tier_before: str
    tier_after: str
    reversed_key: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Slip:
    """A rating slip."""

    id: str
    number: str
    player: int
    status: str
    theo: Decimal | None
    is_settled: bool
    entry: int | None
    closed_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """A stretch of play."""

    slip: str
    seq: int
    average_bet: Decimal
    house_edge_percent: Decimal
    decisions_per_hour: Decimal
    started_at: datetime
    started_as: str
    ended_at: datetime | None
    ended_as: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """A loyalty account."""

    player: int
    balance: int
    lifetime_points: int
    tier: str
    entry_count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Books:
    """Everything, as of one snapshot."""

    entries: list[Entry]
    slips: list[Slip]
    segments: list[Segment]
    accounts: list[Account]


_ENTRIES = """
    SELECT entry.id, player.card_number::int AS player, entry.seq, entry.kind, entry.points, entry.reason,
           entry.idempotency_key AS key, entry.balance_before, entry.balance_after,
           entry.lifetime_points_before AS lifetime_before, entry.lifetime_points_after AS lifetime_after,
           before.name AS tier_before, after.name AS tier_after, reversed.idempotency_key AS reversed_key
    FROM loyalty_ledger entry
    JOIN loyalty_playerloyalty account ON account.id = entry.account_id
    JOIN core_player player ON player.id = account.player_id
    JOIN loyalty_tier before ON before.id = entry.tier_before_id
    JOIN loyalty_tier after ON after.id = entry.tier_after_id
    LEFT JOIN loyalty_ledger reversed ON reversed.id = entry.reverses_id
    ORDER BY player.card_number::int, entry.seq
"""
_SLIPS = """
    SELECT slip.id::text, slip.slip_number AS number, player.card_number::int AS player, slip.status,
           slip.theoretical_win AS theo, slip.settled_at IS NOT NULL AS is_settled, slip.ledger_entry_id AS entry,
           slip.closed_at
    FROM ratingslips_ratingslip slip JOIN core_player player ON player.id = slip.player_id ORDER BY slip.slip_number
"""
_SEGMENTS = """
    SELECT slip.slip_number AS slip, segment.seq, segment.average_bet, segment.house_edge_percent,
           segment.decisions_per_hour, segment.started_at, segment.started_as, segment.ended_at, segment.ended_as
    FROM ratingslips_playsegment segment JOIN ratingslips_ratingslip slip ON slip.id = segment.slip_id
    ORDER BY slip.slip_number, segment.seq
"""
_ACCOUNTS = """
    SELECT player.card_number::int AS player, account.balance, account.lifetime_points, tier.name AS tier,
           account.entry_count
    FROM loyalty_playerloyalty account
    JOIN core_player player ON player.id = account.player_id JOIN loyalty_tier tier ON tier.id = account.tier_id
"""


def read_books(connection: psycopg.Connection) -> Books:
    """Read everything, in the caller's transaction; nobody writes any more."""

    def rows(row: type[Any], query: str) -> list[Any]:
        return connection.cursor(row_factory=class_row(row)).execute(query).fetchall()

    return Books(
        entries=rows(Entry, _ENTRIES),
        slips=rows(Slip, _SLIPS),
        segments=rows(Segment, _SEGMENTS),
        accounts=rows(Account, _ACCOUNTS),
    )
