"""Reading the ledger to see that nothing in it was changed, taken out or put in; and keeping what was found."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import groupby, islice
from typing import Any, Final

import structlog
from django.db import connection

from core import correlation
from core.snapshots import Stream, streamed
from core.transactions import operation
from loyalty.chain import HASHED_COLUMNS, genesis_hash
from loyalty.models import LedgerVerification
from loyalty.proof.breaks import Break, BreakKind, Chain, StoredEntry, diagnose, holds
from loyalty.proof.sealed import SEALED, broken_checkpoint, unsealed_account

log = structlog.get_logger(__name__)

CHUNK_ROWS: Final = 1_000
# Of an account that is broken, at most so many entries are held in memory to tell what was done.
MAX_DIAGNOSED_ENTRIES: Final = 100_000

_COLUMNS: Final = ", ".join(HASHED_COLUMNS.values())
_ACCOUNT: Final = list(HASHED_COLUMNS).index("account_id")
_ENTRY: Final = f"{_COLUMNS}, entry.chain_version, entry.previous_hash, entry.entry_hash"

# Ordered by the columns, never by the texts of the same names.
_CHAINS: Final = f"""
    SELECT account.id, account.entry_count, account.head_hash, sealed.entry_count, sealed.head_hash
    FROM loyalty_playerloyalty AS account LEFT JOIN ({SEALED}) AS sealed ON sealed.account_id = account.id
    WHERE %(account)s::bigint IS NULL OR account.id = %(account)s::bigint
    ORDER BY account.id
"""  # noqa: S608  (constants of ours)
_ENTRIES: Final = f"""
    SELECT {_ENTRY} FROM loyalty_ledger AS entry
    LEFT JOIN ({SEALED}) AS sealed ON sealed.account_id = entry.account_id
    WHERE entry.seq > coalesce(sealed.entry_count, 0)
      AND (%(account)s::bigint IS NULL OR entry.account_id = %(account)s::bigint)
    ORDER BY entry.account_id, entry.seq
"""  # noqa: S608
_FOLLOWS: Final = f"SELECT {_ENTRY} FROM loyalty_ledger AS entry WHERE entry.previous_hash = %s LIMIT 1"  # noqa: S608


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """What is to be looked at: everything, what came after checkpoint number `since`, or one account.

    Of the checkpoints, the root over all accounts is recomputed for the newest, unless `every_root` is asked for.
    """

    since: int = 0
    account_id: int | None = None
    every_root: bool = False

    @property
    def parameters(self) -> dict[str, int | None]:
        """What the statements above are told."""
        return {"since": self.since, "account": self.account_id}

    @property
    def kind(self) -> LedgerVerification.Scope:
        """What it is called in the records."""
        if self.account_id is not None:
            return LedgerVerification.Scope.ACCOUNT
        return LedgerVerification.Scope.SINCE if self.since else LedgerVerification.Scope.FULL


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """How much was looked at, and the first thing that is wrong, if any."""

    accounts: int
    entries: int
    checkpoints: int
    first_break: Break | None


class _Reader:
    """The ledger, read in the order of its chains; counts what it gives."""

    def __init__(self, *, scope: Scope, progress: Callable[[int], None]) -> None:
        self.entries = self.accounts = 0
        self._scope = scope
        self._progress = progress

    def first_break(self) -> Break | None:
        """The first account, in the order of their keys, whose chain does not hold."""
        with stream_entries(scope=self._scope) as entries, _stream(_CHAINS, self._scope) as chains:
            groups = groupby(self._counted(entries), key=lambda row: int(row[_ACCOUNT]))
            account_id, rows = next(groups, (None, ()))
            for chain in map(_chain, chains):
                if account_id is not None and account_id < chain.account_id:
                    return _without_account(account_id)
                self.accounts += 1
                mine = rows if account_id == chain.account_id else ()
                if not holds(chain, mine):
                    return self._diagnosis(chain)
                if account_id == chain.account_id:
                    account_id, rows = next(groups, (None, ()))
        return None if account_id is None else _without_account(account_id)

    def _counted(self, entries: Iterable[Sequence[Any]]) -> Iterator[Sequence[Any]]:
        for row in entries:
            self.entries += 1
            if self.entries % CHUNK_ROWS == 0:
                self._progress(self.entries)
            yield row

    def _diagnosis(self, chain: Chain) -> Break:
        with stream_entries(scope=Scope(since=self._scope.since, account_id=chain.account_id)) as rows:
            entries = [StoredEntry.of(row) for row in islice(rows, MAX_DIAGNOSED_ENTRIES)]
        return diagnose(chain, entries, follows=_entry_behind)


def verify_ledger(*, scope: Scope, progress: Callable[[int], None] = lambda _: None) -> Verified:
    """Recompute the chains of `scope`, and hold them and all checkpoints against one another.

    Reads in the caller's transaction, which is one snapshot (`core.snapshots`); an account's entries are held in
    memory only where its chain is broken. `progress` is told how many entries were read.
    """
    reader = _Reader(scope=scope, progress=progress)
    found = reader.first_break()
    checkpoints = 0
    if scope.account_id is None:
        checkpoints, wrong = broken_checkpoint(every_root=scope.every_root)
        found = found or wrong
    found = found or unsealed_account(account_id=scope.account_id)
    return Verified(accounts=reader.accounts, entries=reader.entries, checkpoints=checkpoints, first_break=found)


def record_verification(*, scope: Scope, verified: Verified, started_at: datetime, ended_at: datetime) -> None:
    """Keep what a verification found, for the home page and the auditors."""
    found = verified.first_break
    with operation("loyalty.record_verification", actor_id=None):
        kept = LedgerVerification.objects.create(
            scope=scope.kind,
            about=scope.account_id if scope.account_id is not None else scope.since or None,
            started_at=started_at,
            ended_at=ended_at,
            accounts=verified.accounts,
            entries=verified.entries,
            checkpoints=verified.checkpoints,
            is_clean=found is None,
            first_break=asdict(found) if found else None,
            correlation_id=correlation.current(),
        )
    seen = {"verification_id": kept.pk, "scope": scope.kind.value, "entries": verified.entries}
    if found is None:
        log.info("loyalty.ledger_verified", **seen)
    else:
        log.error("loyalty.ledger_broken", **seen, kind=found.kind.value, entry_id=found.entry_id)


def stream_entries(*, scope: Scope) -> Stream:
    """The entries of `scope`, account by account and in order, as `StoredEntry.of` takes them; a chunk in memory."""
    return _stream(_ENTRIES, scope)


def _chain(row: Sequence[Any]) -> Chain:
    account_id, entry_count, head_hash, sealed_count, sealed_head = row
    return Chain(
        account_id=account_id,
        entry_count=entry_count,
        head_hash=head_hash,
        from_count=sealed_count or 0,
        from_hash=genesis_hash(account_id) if sealed_head is None else sealed_head,
    )


def _without_account(account_id: int) -> Break:
    return Break(kind=BreakKind.ACCOUNT_MISSING, what="its entries are there, and it is not", account_id=account_id)


def _entry_behind(previous_hash: bytes) -> StoredEntry | None:
    """The entry, of whatever account, that says it stands behind this hash; reads the whole ledger."""
    with connection.cursor() as cursor:
        cursor.execute(_FOLLOWS, [previous_hash])
        row = cursor.fetchone()
    return StoredEntry.of(row) if row else None


def _stream(query: str, scope: Scope) -> Stream:
    return streamed(query, scope.parameters, chunk_rows=CHUNK_ROWS)
