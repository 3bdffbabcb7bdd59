"""Verify the ledger against its hash chains, its accounts and its checkpoints, and record the result."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final, NamedTuple

import structlog
from django.db import connection

from core import correlation
from core.processes import in_processes
from core.snapshots import Stream, streamed
from core.timeouts import WHOLE_LEDGER_SECONDS
from core.transactions import operation
from core.words import counted
from loyalty.chain import TEXTS, genesis_hash
from loyalty.models import Checkpoint, LedgerVerification
from loyalty.proof.breaks import Break, BreakKind, Chain, Row, first_break
from loyalty.proof.changes import broken_change
from loyalty.proof.queries import CHAINS, EVERY_ENTRY, NEW_ENTRIES, SPANS
from loyalty.proof.sealed import broken_checkpoint, unsealed_account

log = structlog.get_logger(__name__)

CHUNK_ROWS: Final = 1_000
# More than one, so that all processes end at about the same time, and each result moves the bar.
_SPANS_A_PROCESS: Final = 16

_ACCOUNT: Final = list(TEXTS).index("account_id")


class _Span(NamedTuple):
    """Accounts by their ids, with the first and the last."""

    first: int
    last: int


_EVERY: Final = _Span(-(2**63), 2**63 - 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """What to verify: the whole ledger, the entries after checkpoint number `since`, or one account.

    `every_root` recomputes the root over all accounts for every checkpoint, not only for the newest.
    """

    since: int = 0
    account_id: int | None = None
    every_root: bool = False

    @property
    def span(self) -> _Span:
        """The accounts that it may contain; an entry may have an account that does not exist."""
        return _EVERY if self.account_id is None else _Span(self.account_id, self.account_id)

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
    """How much was read, and the first break, if any. `checkpoints` counts those before the first that was read too."""

    accounts: int
    entries: int
    checkpoints: int
    first_break: Break | None


@dataclass(kw_only=True, slots=True)
class _Read:
    """The number of accounts and entries that were read, and the first break in them, if any."""

    accounts: int = 0
    entries: int = 0
    first_break: Break | None = None


class _Reader:
    """Reads the chains of a span of a scope, and counts the accounts and entries it has read."""

    def __init__(self, *, scope: Scope, span: _Span, progress: Callable[[int], None]) -> None:
        self.read = _Read()
        self._scope = scope
        self._span = span
        self._progress = progress

    def first_break(self) -> Break | None:
        """The first break of the first account, by id, whose chain is broken."""
        parameters = {"since": self._scope.since, **self._span._asdict()}
        with (
            stream_entries(scope=self._scope, span=self._span) as entries,
            streamed(CHAINS, parameters, chunk_rows=CHUNK_ROWS) as chains,
        ):
            groups = groupby(self._counted(entries), key=lambda row: int(row[_ACCOUNT]))
            account_id, rows = next(groups, (None, ()))
            for row in chains:
                chain = _chain(row)
                if account_id is not None and account_id < chain.account_id:
                    break
                self.read.accounts += 1
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
            self.read.entries += 1
            if self.read.entries % CHUNK_ROWS == 0:
                self._progress(self.read.entries)
            yield row


def verify_ledger(*, scope: Scope, processes: int = 1, progress: Callable[[int], None] = lambda _: None) -> Verified:
    """Recompute the chains of `scope`, and compare them, the change log and all checkpoints with one another.

    Reads in the caller's transaction, which must be one snapshot (`core.snapshots`), in so many `processes`, and keeps
    no more than a chunk of entries of each in memory. The first break is the same with any number of them. `progress`
    is called with the number of entries read so far.
    """
    read = _read_chains(scope, processes=processes, progress=progress)
    found = read.first_break
    checkpoints = 0
    if scope.account_id is None:
        checkpoints, wrong = broken_checkpoint(since=scope.since, every_root=scope.every_root)
        found = found or wrong
    found = found or _lost_checkpoint(Checkpoint.objects.count())
    found = found or unsealed_account(account_id=scope.account_id, since=scope.since)
    if scope.account_id is None:
        found = found or broken_change(since=scope.since)
    return Verified(accounts=read.accounts, entries=read.entries, checkpoints=checkpoints, first_break=found)


def _read_chains(scope: Scope, *, processes: int, progress: Callable[[int], None]) -> _Read:
    """Read the chains of a scope, span after span, up to the first break."""

    def read(span: _Span) -> _Read:
        reader = _Reader(scope=scope, span=span, progress=progress if processes == 1 else lambda _: None)
        reader.read.first_break = reader.first_break()
        return reader.read

    total = _Read()
    spans = _spans(scope, number=1 if processes == 1 else processes * _SPANS_A_PROCESS)
    results = in_processes(read, spans, processes=processes, statement_seconds=WHOLE_LEDGER_SECONDS)
    with closing(results):
        for one in results:
            total.accounts += one.accounts
            total.entries += one.entries
            total.first_break = one.first_break
            if processes > 1:
                progress(total.entries)
            if total.first_break is not None:
                break
    return total


def _spans(scope: Scope, *, number: int) -> list[_Span]:
    """All accounts of a scope, in at most so many spans with about as many entries each."""
    if number == 1 or scope.account_id is not None:
        return [scope.span]
    with connection.cursor() as cursor:
        cursor.execute(SPANS, {"spans": number})
        starts = [first for (first,) in cursor.fetchall()][1:]
    return [
        _Span(first, after - 1)
        for first, after in zip([_EVERY.first, *starts], [*starts, _EVERY.last + 1], strict=True)
    ]


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


def stream_entries(*, scope: Scope, span: _Span | None = None) -> Stream:
    """The entries of `scope`, or of a span of it, by account and `seq`, as `breaks.Row`; a chunk of them in memory."""
    query = NEW_ENTRIES if scope.since else EVERY_ENTRY
    parameters = {"since": scope.since, **(span or scope.span)._asdict()}
    return streamed(query, parameters, chunk_rows=CHUNK_ROWS)


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
