"""Find drift: accounts that differ from their ledger entries."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db import connection

from core.models import Casino
from core.timeouts import allow_statements

# The accounts of one casino that differ from their last entry, or whose entries do not add up to it. Each has its own
# values, those of its last entry, and whether its entries add up. The report, the home page, `rebuild_balances` and
# `check_invariants` all ask this query. `{casino}` and `{accounts}` limit it.
DRIFT: Final = """
    SELECT account.id, account.balance, account.lifetime_points, account.tier_id, account.entry_count,
           account.head_hash, entry.*
    FROM loyalty_playerloyalty AS account
    JOIN loyalty_loyaltyprogram AS program ON program.id = account.program_id
    LEFT JOIN loyalty_tier AS first_tier ON first_tier.program_id = program.id AND first_tier.threshold_points = 0
    LEFT JOIN (
        SELECT account_id, sum(points) AS points, count(*) AS entries, max(seq) AS last_seq,
               sum(lifetime_points_after - lifetime_points_before) AS lifetime_points
        FROM loyalty_ledger WHERE casino_id = {casino} GROUP BY account_id
    ) AS total ON total.account_id = account.id
    LEFT JOIN loyalty_ledger AS last ON last.account_id = account.id AND last.seq = total.last_seq
    CROSS JOIN LATERAL (
        SELECT coalesce(last.balance_after, 0) AS balance, coalesce(last.lifetime_points_after, 0) AS lifetime_points,
               coalesce(last.tier_after_id, first_tier.id) AS tier_id, coalesce(last.seq, 0) AS entry_count,
               last.entry_hash,
               (last.balance_after, last.lifetime_points_after, last.seq) IS NOT DISTINCT FROM
               (total.points, total.lifetime_points, total.entries) AS is_whole
    ) AS entry
    WHERE program.casino_id = {casino} AND {accounts}
      AND (NOT entry.is_whole
           OR (account.balance, account.lifetime_points, account.tier_id, account.entry_count, account.head_hash)
              IS DISTINCT FROM
              (entry.balance, entry.lifetime_points, entry.tier_id, entry.entry_count, entry.entry_hash))
    ORDER BY account.id
"""
DRIFT_OF_CASINO: Final = DRIFT.format(
    casino="%(casino)s", accounts="(%(accounts)s::bigint[] IS NULL OR account.id = ANY(%(accounts)s::bigint[]))"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountValues:
    """The values of an account, as it has them or by its entries; the hash in hex, empty without entries."""

    balance: int
    lifetime_points: int
    tier: int
    entry_count: int
    head_hash: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """An account that differs from its entries; `is_whole` says that its entries agree with one another."""

    account_id: int
    before: AccountValues
    after: AccountValues
    is_whole: bool


def different_accounts(
    *, casino: Casino, accounts: Sequence[int] | None = None, limit: int | None = None
) -> list[Difference]:
    """The accounts of a casino, or those of `accounts`, that differ from their entries; at most `limit`.

    Reads in the caller's transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"{DRIFT_OF_CASINO} LIMIT %(limit)s",
            {"casino": casino.pk, "accounts": list(accounts) if accounts is not None else None, "limit": limit},
        )
        rows = cursor.fetchall()
    return [
        Difference(
            account_id=account_id,
            before=_account_values(*values[:5]),
            after=_account_values(*values[5:10]),
            is_whole=values[10],
        )
        for account_id, *values in rows
    ]


def drifting_accounts(*, casino: Casino, within_seconds: int) -> tuple[int, ...]:
    """The ids of the accounts that differ from their entries; reads the casino's whole ledger.

    Works in the caller's transaction, and sets its statement timeout to `within_seconds`.
    """
    allow_statements(seconds=within_seconds)
    return tuple(difference.account_id for difference in different_accounts(casino=casino))


def _account_values(
    balance: int, lifetime_points: int, tier: int, entry_count: int, head_hash: bytes | None
) -> AccountValues:
    return AccountValues(
        balance=balance,
        lifetime_points=lifetime_points,
        tier=tier,
        entry_count=entry_count,
        head_hash=bytes(head_hash).hex() if head_hash is not None else "",
    )
