"""When wrong passwords lock a name, and when an address is slowed down; without the database.

Five wrong passwords for one name from one address within a quarter of an hour lock that name for that address, for a
quarter of an hour from the fifth. What is tried during a lock is not counted, so nothing prolongs it. Twenty wrong
passwords for one name from all addresses lock it for addresses from which that person has not signed in recently. An
address with wrong passwords for ten names is slowed down. Of IPv6, all addresses of a network of 64 bits count as one:
a provider gives each customer at least so many. docs/decisions/2026-11-30-sign-ins.md has the reasons.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

FAILURES_MAX: Final = 5
FAILURES_EVERYWHERE_MAX: Final = 20
WINDOW: Final = timedelta(minutes=15)
LOCK: Final = timedelta(minutes=15)
# A lock that is in force began with a failure at most this long ago.
LOOK_BACK: Final = WINDOW + LOCK

NAMES_MAX: Final = 10
PAUSE_BETWEEN_NAMES: Final = timedelta(seconds=10)
# An address from which a person has signed in stays known for this long.
ADDRESS_KNOWN: Final = timedelta(days=30)
IPV6_NETWORK_BITS: Final = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """What an event means for a lock: a failure counts, anything else ends the count."""

    at: datetime
    is_failure: bool


def network_of(address: str | None) -> IPv4Network | IPv6Network | None:
    """The addresses that count as one with `address`; None if there is none (a socket)."""
    if address is None:
        return None
    single = ip_network(address)
    return single.supernet(new_prefix=IPV6_NETWORK_BITS) if isinstance(single, IPv6Network) else single


def locked_until(marks: Iterable[Mark], *, at: datetime, failures_max: int = FAILURES_MAX) -> datetime | None:
    """Until when the name is locked at the instant `at`, after `marks` in the order of time; None if it is not."""
    counted: list[datetime] = []
    until: datetime | None = None
    for mark in marks:
        if not mark.is_failure:
            counted, until = [], None
        elif until is None or mark.at >= until:
            counted = [*(earlier for earlier in counted if mark.at - earlier < WINDOW), mark.at]
            if len(counted) >= failures_max:
                counted, until = [], mark.at + LOCK
    return until if until and at < until else None
