"""Several postings in one transaction: their accounts are locked together, and what they read is read once."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from django.db import connection

from core.errors import NotFound
from core.kept_queries import fetch_prepared
from core.transactions import transaction_required
from loyalty.models import EarningRate, LedgerEntry, PlayerLoyalty
from loyalty.services.accounts import ProgramRules, lock_accounts, rules_in_force

# Each account as its newest entry leaves it, by the keys of these entries.
_BALANCES: Final = """
UPDATE loyalty_playerloyalty AS account
SET balance = entry.balance_after, lifetime_points = entry.lifetime_points_after, tier_id = entry.tier_after_id,
    entry_count = entry.seq, head_hash = entry.entry_hash, updated_at = entry.created_at
FROM loyalty_ledger AS entry
WHERE entry.id = ANY(%s::bigint[]) AND account.id = entry.account_id
RETURNING account.id
"""

_NEXT_IDS: Final = "SELECT nextval('loyalty_ledger_id_seq') FROM generate_series(1, %s)"


@dataclass(kw_only=True, slots=True)
class PostingBatch:
    """Postings to accounts that are locked, by player; `save` writes the entries and the new balances.

    `first_entries` are those that were posted with the keys of the batch before it, and `ids` the keys of new entries.
    A forecast is never saved, and counts each posting as if it were the only one.
    """

    accounts: dict[int, PlayerLoyalty]
    first_entries: dict[str, LedgerEntry]
    ids: Iterator[int]
    rules: dict[int, ProgramRules] = field(default_factory=dict)
    rates: dict[int, Sequence[EarningRate]] = field(default_factory=lambda: defaultdict(list))
    entries: list[LedgerEntry] = field(default_factory=list)
    is_forecast: bool = False

    def account_of(self, player_id: int) -> PlayerLoyalty:
        """:raises NotFound: there is no such player in the batch."""
        if player_id not in self.accounts:
            raise NotFound(f"There is no player {player_id}.")
        account = self.accounts[player_id]
        return copy(account) if self.is_forecast else account

    def rules_in_force(self, *, program_id: int, earned_at: datetime) -> ProgramRules:
        """The same as the function of this name, read once for each programme.

        :raises NoLoyaltyProgram: no tier begins at 0 points.
        """
        if program_id not in self.rules:
            self.rates[program_id] = list(EarningRate.objects.filter(program=program_id).order_by("-effective_from"))
            self.rules[program_id] = rules_in_force(program_id=program_id, earned_at=earned_at)
        begun = (rate for rate in self.rates[program_id] if rate.effective_from <= earned_at)
        rate = next(begun, None)
        return replace(self.rules[program_id], points_per_unit=rate.points_per_unit if rate else None)

    def add(self, entry: LedgerEntry) -> None:
        """Give an entry its key; its account has the new values already."""
        entry.pk = next(self.ids)
        self.entries.append(entry)
        self.first_entries[entry.idempotency_key] = entry

    @transaction_required
    def save(self) -> None:
        """Write the entries in their order, and the new balances, in one statement each."""
        LedgerEntry.objects.bulk_create(self.entries)
        newest = {entry.account_id: entry.pk for entry in self.entries}
        write_balances(list(newest.values()))


def write_balances(newest: Sequence[int]) -> None:
    """Write to each account what its newest entry, named by its key, leaves there."""
    written = fetch_prepared(_BALANCES, [list(newest)])
    assert len(written) == len(newest), "each entry is its account's newest"


@transaction_required
def begin_batch(
    *, player_ids: Collection[int], idempotency_keys: Collection[str], at: datetime, is_forecast: bool = False
) -> PostingBatch:
    """Lock the accounts of players in key order, and read the entries that were posted with the keys.

    The batch may post once with each key. For `is_forecast`, see `PostingBatch`.

    :raises NotFound, NoLoyaltyProgram: see `lock_account`.
    """
    accounts = lock_accounts(player_ids=player_ids, at=at)
    entries = LedgerEntry.objects.select_related("account", "tier_before", "tier_after").order_by()
    first = {entry.idempotency_key: entry for entry in entries.filter(idempotency_key__in=list(idempotency_keys))}
    with connection.cursor() as cursor:
        cursor.execute(_NEXT_IDS, [len(idempotency_keys)])
        ids = [key for (key,) in cursor.fetchall()]
    return PostingBatch(accounts=accounts, first_entries=first, ids=iter(ids), is_forecast=is_forecast)
