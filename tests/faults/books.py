"""The state of the two houses after a run, read as plain values: what the checker compares the history with."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A ledger entry. The key of a reversal says which key it reverses; `adjusts` is the key of an adjusted entry."""

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
    adjusts: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Slip:
    """A rating slip, by the number that a plan gives it: see `Step`."""

    id: str
    number: str
    player: int
    status: str
    theo: Decimal | None
    is_settled: bool
    entry: int | None
    closed_at: datetime | None
    was_closed: bool = True
    uncollected: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """A stretch of play; `superseded_by` is the number of the correction that superseded it, 0 if none did."""

    slip: str
    seq: int
    average_bet: Decimal
    house_edge_percent: Decimal
    decisions_per_hour: Decimal
    started_at: datetime
    started_as: str
    ended_at: datetime | None
    ended_as: str
    superseded_by: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class PutRight:
    """What a request put right: a row of money and its amount, or a correction and the bet with which it begins."""

    request: UUID
    slip: str
    kind: str
    amount: Decimal


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
    put_right: list[PutRight]


_ENTRIES = """
    SELECT entry.id, player.card_number::int AS player, entry.seq, entry.kind, entry.points, entry.reason,
           coalesce('reversal of ' || reversed.idempotency_key, entry.idempotency_key) AS key,
           entry.balance_before, entry.balance_after,
           entry.lifetime_points_before AS lifetime_before, entry.lifetime_points_after AS lifetime_after,
           before.name AS tier_before, after.name AS tier_after, reversed.idempotency_key AS reversed_key,
           adjusted.idempotency_key AS adjusts
    FROM loyalty_ledger entry
    JOIN loyalty_playerloyalty account ON account.id = entry.account_id
    JOIN core_player player ON player.id = account.player_id
    JOIN loyalty_tier before ON before.id = entry.tier_before_id
    JOIN loyalty_tier after ON after.id = entry.tier_after_id
    LEFT JOIN loyalty_ledger reversed ON reversed.id = entry.reverses_id
    LEFT JOIN loyalty_ledger adjusted ON adjusted.id = entry.adjusts_id
    ORDER BY player.card_number::int, entry.seq
"""
_NAMED_SLIPS = """
    (SELECT slip.*, coalesce(continued.slip_number || '+', reassigned.slip_number || '~', slip.slip_number) AS number
     FROM ratingslips_ratingslip slip
     LEFT JOIN ratingslips_ratingslip continued ON continued.id = slip.continues_id
     LEFT JOIN ratingslips_ratingslip reassigned ON reassigned.id = slip.reassigned_from_id) AS slip
"""
_SLIPS = f"""
    SELECT slip.id::text, slip.number, player.card_number::int AS player, slip.status,
           slip.theoretical_win AS theo, slip.settled_at IS NOT NULL AS is_settled, slip.ledger_entry_id AS entry,
           slip.closed_at, slip.uncollected_points AS uncollected, slip.status = 'CLOSED' OR EXISTS (
               SELECT FROM ratingslips_slipcorrection WHERE slip_id = slip.id AND status_before = 'CLOSED'
           ) AS was_closed
    FROM {_NAMED_SLIPS} JOIN core_player player ON player.id = slip.player_id ORDER BY slip.number
"""
_SEGMENTS = f"""
    SELECT slip.number AS slip, segment.seq, segment.average_bet, segment.house_edge_percent,
           segment.decisions_per_hour, segment.started_at, segment.started_as, segment.ended_at, segment.ended_as,
           coalesce(correction.number, 0) AS superseded_by
    FROM ratingslips_playsegment segment JOIN {_NAMED_SLIPS} ON slip.id = segment.slip_id
    LEFT JOIN ratingslips_slipcorrection correction ON correction.id = segment.superseded_by_id
    ORDER BY slip.number, segment.seq
"""
_PUT_RIGHT = f"""
    SELECT done.request_id AS request, slip.number AS slip, done.kind, done.amount
    FROM (
        SELECT request_id, slip_id, kind, amount FROM ratingslips_moneyrow
        UNION ALL
        SELECT request_id, slip_id, kind, coalesce((
            SELECT average_bet FROM ratingslips_playsegment AS segment
            WHERE segment.slip_id = correction.slip_id AND segment.seq = correction.last_seq_before + 1
        ), 0) FROM ratingslips_slipcorrection AS correction
    ) AS done JOIN {_NAMED_SLIPS} ON slip.id = done.slip_id
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
        put_right=rows(PutRight, _PUT_RIGHT),
    )
