"""Rows of the ledger written past the services, to see what PostgreSQL alone refuses."""

from itertools import count
from typing import Any
from uuid import uuid4

from django.db.models import Model

from core.models import Player
from loyalty.models import (
    BalanceRebuild,
    Checkpoint,
    CompSlipPrint,
    LedgerEntry,
    LedgerExport,
    LedgerVerification,
    PlayerLoyalty,
    SealedAccount,
    SealedChange,
)
from tests.floor import Floor

_numbers = count(1)


def account_of(player: Player) -> PlayerLoyalty:
    """The account of a player, read now."""
    return PlayerLoyalty.objects.select_related("tier", "program").get(player=player)


def entry(floor: Floor, **changes: Any) -> LedgerEntry:
    """A whole first entry (+10, an adjustment) of a new player's account, not saved, but for `changes`."""
    account = changes.pop("account", None) or account_of(floor.player())
    fields: dict[str, Any] = {
        "casino": account.program.casino,
        "account": account,
        "seq": 1,
        "kind": "ADJUSTMENT",
        "points": 10,
        "reason": "A correction by the books",
        "idempotency_key": f"test:{next(_numbers)}",
        "fingerprint": "0f" * 32,
        "balance_before": 0,
        "balance_after": 10,
        "lifetime_points_before": 0,
        "lifetime_points_after": 0,
        "tier_before": account.tier,
        "tier_after": account.tier,
        "gaming_day": floor.casino.gaming_day_at(floor.now),
        "correlation_id": uuid4(),
        "inputs": {},
        "created_at": floor.now,
    }
    return LedgerEntry(**(fields | changes))


def of_play(slip: Model) -> dict[str, Any]:
    """What an entry has that is the one for the play of `slip`."""
    return {"kind": "GAMEPLAY", "idempotency_key": str(slip.pk), "lifetime_points_after": 10}


def export_row(floor: Floor, **changes: Any) -> LedgerExport:
    """The trace of an export that has just begun, not saved, but for `changes`."""
    fields: dict[str, Any] = {
        "casino": floor.casino,
        "staff": floor.supervisor,
        "filters": {},
        "correlation_id": uuid4(),
        "started_at": floor.now,
    }
    return LedgerExport(**(fields | changes))


def checkpoint_row(floor: Floor, **changes: Any) -> Checkpoint:
    """A checkpoint that nobody signed, not saved, but for `changes`."""
    hashes = ("accounts_root", "changes_root", "previous_hash", "checkpoint_hash")
    fields: dict[str, Any] = {
        "number": next(_numbers),
        "taken_at": floor.now,
        **dict.fromkeys(("accounts", "entries", "points_total", "balance_total", "changes"), 0),
        **dict.fromkeys(hashes, b"\1" * 32),
        "key_id": "0f" * 8,
        "signature": b"\2" * 64,
    }
    return Checkpoint(**(fields | changes))


def sealed_change_row(floor: Floor, **changes: Any) -> SealedChange:
    """A change that a checkpoint sealed, not saved, but for `changes`."""
    number = next(_numbers)
    checkpoint = checkpoint_row(floor)
    checkpoint.save(force_insert=True)
    return SealedChange(**({"checkpoint": checkpoint, "change_id": number, "change_hash": b"\1" * 32} | changes))


def sealed_row(floor: Floor, **changes: Any) -> SealedAccount:
    """An account as a new checkpoint sealed it, not saved, but for `changes`."""
    if "checkpoint" not in changes:
        changes["checkpoint"] = checkpoint_row(floor)
        changes["checkpoint"].save(force_insert=True)
    fields: dict[str, Any] = {"account": account_of(floor.player()), "entry_count": 1, "head_hash": b"\3" * 32}
    return SealedAccount(**(fields | changes))


def verification_row(floor: Floor, **changes: Any) -> LedgerVerification:
    """A clean verification of the whole ledger just now, not saved, but for `changes`."""
    fields: dict[str, Any] = {
        "scope": "FULL",
        "started_at": floor.now,
        "ended_at": floor.now,
        "accounts": 3,
        "entries": 1_234,
        "checkpoints": 1,
        "is_clean": True,
        "correlation_id": uuid4(),
    }
    return LedgerVerification(**(fields | changes))


def rebuild_row(floor: Floor, **changes: Any) -> BalanceRebuild:
    """The record of one account that was put right, not saved, but for `changes`."""
    fields: dict[str, Any] = {
        "casino": floor.casino,
        "staff": floor.supervisor,
        "reason": "Written past the application",
        "rebuilt_at": floor.now,
        "accounts": 1,
        "changes": [{"account": 1, "before": {"balance": 5}, "after": {"balance": 10}}],
        "correlation_id": uuid4(),
    }
    return BalanceRebuild(**(fields | changes))


def print_row(floor: Floor, **changes: Any) -> CompSlipPrint:
    """The first print of an entry, not saved, but for `changes`."""
    if "entry" not in changes:
        changes["entry"] = entry(floor)
        changes["entry"].save(force_insert=True)
    fields: dict[str, Any] = {
        "id": uuid4(),
        "number": 1,
        "staff": floor.supervisor,
        "printed_at": floor.now,
        "correlation_id": uuid4(),
    }
    return CompSlipPrint(**(fields | changes))


def write_history(floor: Floor, account: PlayerLoyalty, *, entries: int) -> None:
    """As many promotions of 20 points in an account as are asked for, all at once, and the account as they leave it."""
    written = LedgerEntry.objects.bulk_create(
        entry(
            floor,
            account=account,
            seq=number + 1,
            kind="PROMOTION",
            points=20,
            balance_before=20 * number,
            balance_after=20 * (number + 1),
            lifetime_points_before=20 * number,
            lifetime_points_after=20 * (number + 1),
        )
        for number in range(entries)
    )
    account.balance = account.lifetime_points = 20 * entries
    account.entry_count = entries
    account.head_hash = written[-1].entry_hash if written else None
    account.save(update_fields=["balance", "lifetime_points", "entry_count", "head_hash"])
