"""Leases: work that one process at a time may do, in one transaction or in many.

A lease is a row with its holder, not a lock of the session: a session's lock is lost with the connection while the work
goes on, and stays behind on the connections of a pooler. Each transaction of the work calls `HeldLease.hold`, which
locks the row until the transaction ends, so a process that has lost its lease can commit nothing more.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Final
from uuid import UUID, uuid4

import structlog
from django.db import DatabaseError, InterfaceError
from django.db.models import Q

from core import correlation
from core.clock import DatabaseClock
from core.errors import DomainError
from core.models import Lease
from core.retries import retried
from core.transactions import drop_lost_connection, operation, transaction_required

log = structlog.get_logger(__name__)

# A holder that was killed keeps others waiting for this long.
LEASE_SECONDS: Final = 60


class LeaseHeld(DomainError):
    """Another process holds the lease. Each kind of work has a subclass, whose `sentence` says what is under way."""

    code = "LEASE_HELD"
    sentence = "The same work is under way already."

    def __init__(self, row: Lease) -> None:
        began = f"{row.taken_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        last_active = f"{row.renewed_at.astimezone(UTC):%H:%M:%S} UTC"
        super().__init__(
            f"{self.sentence} {row.held_by} began it at {began} and was last active at {last_active}. Wait until it "
            f"ends, then run this again. If it was killed, you can do so {LEASE_SECONDS} seconds after that time."
        )


class LeaseLost(DomainError):
    """Another process has taken the lease over, because this one was not active for `LEASE_SECONDS`."""

    code = "LEASE_LOST"


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldLease:
    """A lease that this process has taken."""

    name: str
    holder: UUID

    @transaction_required
    def hold(self) -> None:
        """Keep the lease until the caller's transaction ends, and for `LEASE_SECONDS` from now.

        :raises LeaseLost: another process holds it now.
        """
        if not Lease.objects.filter(pk=self.name, holder=self.holder).update(renewed_at=DatabaseClock()):
            raise LeaseLost(
                f"This run was not active for {LEASE_SECONDS} seconds, and another one has begun the same work "
                "meanwhile. What was done until then is kept; nothing more was changed."
            )

    def renew(self) -> None:
        """Keep the lease for `LEASE_SECONDS` from now, between the transactions of the work.

        :raises LeaseLost: another process holds it now.
        """
        with operation("core.renew_lease", actor_id=None):
            self.hold()


@contextmanager
def lease(name: str, *, refusal: type[LeaseHeld]) -> Iterator[HeldLease]:
    """Hold the lease `name` for the block, in which the caller owns its transactions and holds the lease in each.

    :raises LeaseHeld: another process holds it; of the class `refusal`.
    """
    taken = HeldLease(name=name, holder=uuid4())
    _take(taken, refusal=refusal)
    try:
        yield taken
    finally:
        _release(taken)


@retried
def _take(wanted: HeldLease, *, refusal: type[LeaseHeld]) -> None:
    values = {
        "holder": wanted.holder,
        "held_by": f"Process {os.getpid()} on {socket.gethostname()}",
        "correlation_id": correlation.current(),
        "taken_at": DatabaseClock(),
        "renewed_at": DatabaseClock(),
    }
    with operation("core.take_lease", actor_id=None):
        Lease.objects.bulk_create([Lease(name=wanted.name, **values)], ignore_conflicts=True)
        # A row that is locked is held by a transaction that is under way, however long ago the lease was renewed.
        is_locked = Lease.objects.locked(skip_locked=True).filter(pk=wanted.name).first() is None
        expired = Q(renewed_at__lt=DatabaseClock() - timedelta(seconds=LEASE_SECONDS))
        free = Lease.objects.filter(Q(holder=None) | Q(holder=wanted.holder) | expired, pk=wanted.name)
        if is_locked or not free.update(**values):
            raise refusal(Lease.objects.get(pk=wanted.name))


def _release(taken: HeldLease) -> None:
    """Give the lease back; if that fails, it expires."""
    with suppress(DatabaseError, InterfaceError):
        drop_lost_connection()
        Lease.objects.filter(pk=taken.name, holder=taken.holder).update(holder=None)
