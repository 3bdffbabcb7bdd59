"""Verify the ledger against its hash chains, its accounts and its checkpoints, and record the result."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final

import structlog

from core import correlation
from core.snapshots import Stream, streamed
from core.transactions import operation
from core.words import counted
from loyalty.chain import TEXTS, genesis_hash
from loyalty.models import LedgerVerification
from loyalty.proof.breaks import Break, BreakKind, Chain, Row, first_break
from loyalty.proof.changes import broken_change
from loyalty.proof.sealed import SEALED, broken_checkpoint, unsealed_account

log = structlog.get_logger(__name__)

CHUNK_ROWS: Final = 1_000

_COLUMNS: Final = ", ".join(TEXTS.values())
_ACCOUNT: Final = list(TEXTS).index("account_id")

_FIGURES: Final = "'%%s points, %%s lifetime points, tier %%s'"
# With the figures of each account as its last entry has them, and as the account stores them.
_CHAINS: Final = f"""
    SELECT account.id, account.entry_count, account.head_hash, sealed.entry_count, sealed.head_hash,
           sealed_entry.chain_version,
           format({_FIGURES}, last.balance_after, last.lifetime_points_after, last.tier),
           format({_FIGURES}, account.balance, account.lifetime_points, account.tier_id)
    FROM loyalty_playerloyalty AS account LEFT JOIN ({SEALED}) AS sealed ON sealed.account_id = account.id
    LEFT JOIN loyalty_ledger AS sealed_entry
           ON sealed_entry.account_id = account.id AND sealed_entry.seq = sealed.entry_count
    LEFT JOIN loyalty_ledger AS last_entry
           ON last_entry.account_id = account.id AND last_entry.seq = account.entry_count
    LEFT JOIN loyalty_tier AS first_tier
           ON first_tier.program_id = account.program_id AND first_tier.threshold_points = 0
    CROSS JOIN LATERAL (
        SELECT coalesce(last_entry.balance_after, 0) AS balance_after,
               coalesce(last_entry.lifetime_points_after, 0) AS lifetime_points_after,
               coalesce(last_entry.tier_after_id, first_tier.id) AS tier
    ) AS last
    WHERE %(account)s::bigint IS NULL OR account.id = %(account)s::bigint
    ORDER BY account.id
"""  # noqa: S608  (constants)
# `entry.seq` is the number: the selected column of this name is its text, in which 10 comes before 9.
_ENTRIES: Final = f"""
    SELECT {_COLUMNS}, entry.chain_version, entry.previous_hash, entry.entry_hash FROM loyalty_ledger AS entry
    LEFT JOIN ({SEALED}) AS sealed ON sealed.account_id = entry.account_id
    WHERE entry.seq > coalesce(sealed.entry_count, 0)
      AND (%(account)s::bigint IS NULL OR entry.account_id = %(account)s::bigint)
    ORDER BY entry.account_id, entry.seq
"""  # noqa: S608


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """What to verify: the whole ledger, the entries after checkpoint number `since`, or one account.

    `every_root` recomputes the root over all accounts for every checkpoint, not only for the newest.
    """

    since: int = 0
    account_id: int | None = None
    every_root: bool = False

    @property
    def parameters(self) -> dict[str, int | None]:
        """The parameters of the queries."""
        return {"since": self.since, "account": self.account_id}

    @property
    def kind(self) -> LedgerVerification.Scope:
        """The scope as it is recorded."""
        if self.account_id is not None:
            return LedgerVerification.Scope.ACCOUNT
        return LedgerVerification.Scope.SINCE if self.since else LedgerVerification.Scope.FULL

    @property
    def about(self) -> int | None:
        """The account or the checkpoint that it is limited to."""
        return self.account_id if self.account_id is not None else self.since or None


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """How much was read, and the first break, if any."""

    accounts: int
    entries: int
    checkpoints: int
    first_break: Break | None


class _Reader:
    """Reads the chains of a scope, and counts the accounts and entries it has read."""

    def __init__(self, *, scope: Scope, progress: Callable[[int], None]) -> None:
        self.entries = self.accounts = 0
        self._scope = scope
        self._progress = progress

    def first_break(self) -> Break | None:
        """The first break of the first account, by id, whose chain is broken."""
        with stream_entries(scope=self._scope) as entries, _stream(_CHAINS, self._scope) as chains:
            groups = groupby(self._counted(entries), key=lambda row: int(row[_ACCOUNT]))
            account_id, rows = next(groups, (None, ()))
            for row in chains:
                chain = _chain(row)
                if account_id is not None and account_id < chain.account_id:
                    break
                self.accounts += 1
                is_next = account_id == chain.account_id
                if found := first_break(chain, rows if is_next else ()) or _changed_balance(row):
                    return found
                if is_next:
                    account_id, rows = next(groups, (None, ()))
        if account_id is None:
            return None
        return Break(kind=BreakKind.ACCOUNT_MISSING, what="it has entries and does not exist", account_id=account_id)

    def _counted(self, entries: Iterable[Row]) -> Iterator[Row]:
        for row in entries:
            self.entries += 1
            if self.entries % CHUNK_ROWS == 0:
                self._progress(self.entries)
            yield row


def verify_ledger(*, scope: Scope, progress: Callable[[int], None] = lambda _: None) -> Verified:
    """Recompute the chains of `scope`, and compare them, the change log and all checkpoints with one another.

    Reads in the caller's transaction, which must be one snapshot (`core.snapshots`), and keeps no more than a chunk of
    entries in memory. `progress` is called with the number of entries read so far.
    """
    reader = _Reader(scope=scope, progress=progress)
    found = reader.first_break()
    checkpoints = 0
    if scope.account_id is None:
        checkpoints, wrong = broken_checkpoint(every_root=scope.every_root)
        found = found or wrong or _lost_checkpoint(checkpoints)
    found = found or unsealed_account(account_id=scope.account_id)
    if scope.account_id is None:
        found = found or broken_change()
    return Verified(accounts=reader.accounts, entries=reader.entries, checkpoints=checkpoints, first_break=found)


def _lost_checkpoint(checkpoints: int) -> Break | None:
    """The first checkpoint that an earlier verification read and that is gone, with all that came after it."""
    most = LedgerVerification.objects.order_by("-checkpoints", "pk").first()
    if most is None or most.checkpoints <= checkpoints:
        return None
    read = counted(most.checkpoints, "checkpoint")
    what = f"the verification of {most.ended_at:%Y-%m-%d %H:%M} UTC read {read}, and {checkpoints:,} are there"
    return Break(kind=BreakKind.CHECKPOINT_MISSING, what=what, checkpoint=checkpoints + 1)


def record_verification(*, scope: Scope, verified: Verified, started_at: datetime, ended_at: datetime) -> None:
    """Record the result of a verification, for the home page and the auditors."""
    found = verified.first_break
    with operation("loyalty.record_verification", actor_id=None):
        kept = LedgerVerification.objects.create(
            scope=scope.kind,
            about=scope.about,
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
    """The entries of `scope`, by account and `seq`, as `breaks.Row`; a chunk of them in memory."""
    return _stream(_ENTRIES, scope)


def _chain(row: Sequence[Any]) -> Chain:
    account_id, entry_count, head_hash, sealed_count, sealed_head, sealed_version, *_ = row
    return Chain(
        account_id=account_id,
        entry_count=entry_count,
        head_hash=head_hash,
        from_count=sealed_count or 0,
        from_hash=genesis_hash(account_id) if sealed_head is None else sealed_head,
        from_version=sealed_version or 1,
    )


def _changed_balance(row: Sequence[Any]) -> Break | None:
    """The break of an account that differs from its last entry, or from nothing where it has no entries."""
    account_id, entry_count, *_, expected, found = row
    if expected == found:
        return None
    return Break(
        kind=BreakKind.BALANCE_CHANGED,
        what="the account stores other figures than its last entry",
        account_id=account_id,
        seq=entry_count or None,
        expected=expected,
        found=found,
    )


def _stream(query: str, scope: Scope) -> Stream:
    return streamed(query, scope.parameters, chunk_rows=CHUNK_ROWS)
