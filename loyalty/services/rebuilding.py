"""Find accounts that differ from their ledger entries, and correct them with a record of the change."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

import structlog
from django.db import connection

from core import correlation
from core.errors import DomainError
from core.models import Casino, User
from core.permissions import require_permission
from core.timeouts import WHOLE_LEDGER_SECONDS, allow_statements
from core.transactions import operation
from loyalty.models import BalanceRebuild, LoyaltyProgram, PlayerLoyalty
from loyalty.permissions import REBUILD_BALANCES
from loyalty.services.reasons import checked_reason

log = structlog.get_logger(__name__)

MAX_REBUILT_ACCOUNTS: Final = 500

# The values of each account of a casino that differ from its last entry, and the sum of its entries.
_DIFFERENT: Final = """
    SELECT account.id, account.balance, account.lifetime_points, account.tier_id, account.entry_count,
           account.head_hash, coalesce(last.balance_after, 0), coalesce(last.lifetime_points_after, 0),
           coalesce(last.tier_after_id, first_tier.id), coalesce(last.seq, 0), last.entry_hash,
           coalesce(total.points, 0), coalesce(total.entries, 0)
    FROM loyalty_playerloyalty AS account
    JOIN loyalty_loyaltyprogram AS program ON program.id = account.program_id
    LEFT JOIN loyalty_tier AS first_tier ON first_tier.program_id = program.id AND first_tier.threshold_points = 0
    LEFT JOIN (
        SELECT account_id, sum(points) AS points, count(*) AS entries, max(seq) AS last_seq
        FROM loyalty_ledger GROUP BY account_id
    ) AS total ON total.account_id = account.id
    LEFT JOIN loyalty_ledger AS last ON last.account_id = account.id AND last.seq = total.last_seq
    WHERE program.casino_id = %(casino)s
      AND (%(accounts)s::bigint[] IS NULL OR account.id = ANY(%(accounts)s::bigint[]))
      AND (account.balance, account.lifetime_points, account.tier_id, account.entry_count, account.head_hash)
          IS DISTINCT FROM
          (coalesce(last.balance_after, 0), coalesce(last.lifetime_points_after, 0),
           coalesce(last.tier_after_id, first_tier.id), coalesce(last.seq, 0), last.entry_hash)
    ORDER BY account.id LIMIT %(limit)s
"""


class NothingToRebuild(DomainError):
    """Every account agrees with its entries."""

    code = "NOTHING_TO_REBUILD"


class LedgerNotWhole(DomainError):
    """The entries of an account contradict one another, so its correct balance is not known."""

    code = "LEDGER_NOT_WHOLE"


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


def different_accounts(*, casino: Casino, accounts: Sequence[int] | None = None) -> list[Difference]:
    """The accounts of a casino, or those of `accounts`, that differ from their entries; at most `MAX_REBUILT_ACCOUNTS`.

    Reads in the caller's transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _DIFFERENT,
            {
                "casino": casino.pk,
                "accounts": list(accounts) if accounts is not None else None,
                "limit": MAX_REBUILT_ACCOUNTS,
            },
        )
        rows = cursor.fetchall()
    return [
        Difference(
            account_id=account_id,
            before=_account_values(*before),
            after=_account_values(*after),
            is_whole=(points, entries) == (after[0], after[3]),
        )
        for account_id, before, after, (points, entries) in ((row[0], row[1:6], row[6:11], row[11:]) for row in rows)
    ]


def rebuild_balances(*, casino: Casino, actor: User, reason: str, at: datetime) -> BalanceRebuild:
    """Set the accounts of a casino to the values of their entries, and record who did it, why, and what changed.

    The accounts that differ are locked in key order and compared again under the locks, because a posting may have
    changed them meanwhile. One call corrects at most `MAX_REBUILT_ACCOUNTS`: call it again for the rest.

    :raises NotPermitted: the actor may not rebuild balances in this casino.
    :raises InvalidReason: the reason is too short or too long.
    :raises NothingToRebuild: every account agrees with its entries.
    :raises LedgerNotWhole: the entries of one of them do not add up; no account was changed.
    """
    reason = checked_reason(reason)
    with operation("loyalty.rebuild_balances", actor_id=actor.pk):
        program = LoyaltyProgram.objects.get(casino=casino)
        require_permission(actor, REBUILD_BALANCES, program)
        allow_statements(seconds=WHOLE_LEDGER_SECONDS)
        suspects = [difference.account_id for difference in different_accounts(casino=casino)]
        locked = PlayerLoyalty.objects.locked().in_bulk(suspects)
        differences = different_accounts(casino=casino, accounts=suspects)
        if not differences:
            raise NothingToRebuild(f"Every account of {casino} matches its entries.")
        for difference in differences:
            _set(locked[difference.account_id], difference, at=at)
        rebuild = BalanceRebuild.objects.create(
            casino=casino,
            staff=actor,
            reason=reason,
            rebuilt_at=at,
            accounts=len(differences),
            changes=[_change(difference) for difference in differences],
            correlation_id=correlation.current(),
        )
    log.warning("loyalty.balances_rebuilt", rebuild_id=rebuild.pk, accounts=rebuild.accounts, actor_id=actor.pk)
    return rebuild


def _set(account: PlayerLoyalty, difference: Difference, *, at: datetime) -> None:
    """:raises LedgerNotWhole: its entries do not add up."""
    if not difference.is_whole:
        raise LedgerNotWhole(
            f"The entries of account {account.pk} do not add up, so its correct values are not known. Nothing was "
            "set. Run verify_ledger, and see the runbook."
        )
    after = difference.after
    account.balance = after.balance
    account.lifetime_points = after.lifetime_points
    account.tier_id = after.tier
    account.entry_count = after.entry_count
    account.head_hash = bytes.fromhex(after.head_hash) or None
    account.updated_at = at
    account.save(update_fields=["balance", "lifetime_points", "tier", "entry_count", "head_hash", "updated_at"])


def _change(difference: Difference) -> Mapping[str, object]:
    return {
        "account": difference.account_id,
        "before": asdict(difference.before),
        "after": asdict(difference.after),
    }


def _account_values(
    balance: int, lifetime_points: int, tier: int, entry_count: int, head_hash: bytes | None
) -> AccountValues:
    return AccountValues(
        balance=balance,
        lifetime_points=lifetime_points,
        tier=tier,
        entry_count=entry_count,
        head_hash=head_hash.hex() if head_hash is not None else "",
    )
