"""Correct accounts that differ from their ledger entries, with a record of the change."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Final

import structlog

from core import correlation
from core.errors import DomainError
from core.models import Casino, User
from core.permissions import require_permission
from core.reasons.codes import given_reason
from core.reasons.models import Operation
from core.timeouts import WHOLE_LEDGER_SECONDS, allow_statements
from core.transactions import operation
from loyalty.models import BalanceRebuild, LoyaltyProgram, PlayerLoyalty
from loyalty.permissions import REBUILD_BALANCES
from loyalty.services.drift import Difference, different_accounts

log = structlog.get_logger(__name__)

MAX_REBUILT_ACCOUNTS: Final = 500


class NothingToRebuild(DomainError):
    """Every account agrees with its entries."""

    code = "NOTHING_TO_REBUILD"


class LedgerNotWhole(DomainError):
    """The entries of an account contradict one another, so its correct balance is not known."""

    code = "LEDGER_NOT_WHOLE"


def rebuild_balances(
    *, casino: Casino, actor: User, reason: str, at: datetime, reason_code: str | None = None
) -> BalanceRebuild:
    """Set the accounts of a casino to the values of their entries, and record who did it, why, and what changed.

    The accounts that differ are locked in key order and compared again under the locks, because a posting may have
    changed them meanwhile. One call corrects at most `MAX_REBUILT_ACCOUNTS`: call it again for the rest.
    `reason_code` is one of the casino's codes, beside which `reason` may be short or empty.

    :raises NotPermitted: the actor may not rebuild balances in this casino.
    :raises InvalidReason: the reason is too short or too long.
    :raises InvalidReasonCode: the casino has no such code, or it is not for rebuilding.
    :raises NothingToRebuild: every account agrees with its entries.
    :raises LedgerNotWhole: the entries of one of them do not add up; no account was changed.
    """
    with operation("loyalty.rebuild_balances", actor_id=actor.pk):
        program = LoyaltyProgram.objects.filter(casino=casino).first()
        if program is None:
            raise NothingToRebuild(f"{casino} has no loyalty programme, and so no accounts.")
        require_permission(actor, REBUILD_BALANCES, program)
        given = given_reason(casino_id=casino.pk, operation=Operation.REBUILD, code=reason_code, text=reason)
        given.require_allowed()
        allow_statements(seconds=WHOLE_LEDGER_SECONDS)
        suspects = [
            difference.account_id for difference in different_accounts(casino=casino, limit=MAX_REBUILT_ACCOUNTS)
        ]
        locked = PlayerLoyalty.objects.locked().in_bulk(suspects)
        differences = different_accounts(casino=casino, accounts=suspects)
        if not differences:
            raise NothingToRebuild(f"Every account of {casino} matches its entries.")
        for difference in differences:
            _set(locked[difference.account_id], difference, at=at)
        rebuild = BalanceRebuild.objects.create(
            casino=casino,
            staff=actor,
            reason=given.text,
            reason_code=given.code,
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
