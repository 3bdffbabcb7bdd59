"""Read from the log of sign-ins which names are locked, and which addresses slowed down, by `core.lockouts`."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.crypto import salted_hmac

from core.lockouts import (
    ADDRESS_KNOWN,
    FAILURES_EVERYWHERE_MAX,
    LOOK_BACK,
    NAMES_MAX,
    PAUSE_BETWEEN_NAMES,
    WINDOW,
    Mark,
    locked_until,
    network_of,
)
from core.locks import try_lock_name
from core.models import User
from core.origins import Client
from core.sign_in_log import NAME_GROUPS, SignInEvent
from core.transactions import transaction_required

Kind = SignInEvent.Kind

_SUCCESSES: Final = frozenset({Kind.SIGNED_IN, Kind.CONFIRMED})
_COUNTED: Final = frozenset({*_SUCCESSES, Kind.WRONG, Kind.LIFTED})


@dataclass(frozen=True, kw_only=True, slots=True)
class Name:
    """A user name that was given: whose it is, or a group of the names that nobody has."""

    staff: User | None
    name_group: int | None

    @classmethod
    def of(cls, username: str) -> "Name":
        staff = User.objects.filter(username=username).first()
        return cls(staff=staff, name_group=None if staff else _group_of(username))

    @property
    def staff_id(self) -> int | None:
        return self.staff.pk if self.staff else None

    @property
    def key(self) -> str:
        return f"staff {self.staff.pk}" if self.staff else f"group {self.name_group}"


def _group_of(username: str) -> int:
    """12 bits of the name's keyed hash: a password that was typed in place of the name cannot be found from them."""
    digest: bytes = salted_hmac("core.sign_ins", username.casefold(), algorithm="sha256").digest()
    return int.from_bytes(digest[:2]) % NAME_GROUPS


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """A member of staff whose name is locked, until when, and the addresses of the wrong passwords."""

    staff: User
    until: datetime
    addresses: tuple[str, ...]


def name_locked_until(name: Name, *, client: Client, at: datetime) -> datetime | None:
    """Until when `name` is locked for the client: by failures from its address, or by many from everywhere."""
    events = list(
        SignInEvent.objects.filter(
            staff=name.staff, name_group=name.name_group, kind__in=_COUNTED, at__gt=at - LOOK_BACK
        ).order_by("pk")
    )
    until = _until_here(events, address=client.address, at=at)
    if until is None and (everywhere := _until_everywhere(events, at=at)):
        until = None if _is_known(name, address=client.address, at=at) else everywhere
    return until


def locked_staff(*, among: "QuerySet[User]", at: datetime) -> list[Lock]:
    """The staff of `among` whose name is locked for any address, in order of names."""
    events_of: dict[User, list[SignInEvent]] = defaultdict(list)
    recent = SignInEvent.objects.filter(staff__in=among, kind__in=_COUNTED, at__gt=at - LOOK_BACK)
    for event in recent.select_related("staff").order_by("pk"):
        assert event.staff is not None, "the events are of staff"
        events_of[event.staff].append(event)
    locked: list[Lock] = []
    for staff, events in events_of.items():
        addresses = {event.client_address for event in events if event.kind == Kind.WRONG}
        ends = [_until_here(events, address=address, at=at) for address in addresses]
        until = max(filter(None, [*ends, _until_everywhere(events, at=at)]), default=None)
        if until:
            locked.append(Lock(staff=staff, until=until, addresses=tuple(sorted(filter(None, addresses)))))
    return sorted(locked, key=lambda lock: lock.staff.username)


def _until_here(events: Iterable[SignInEvent], *, address: str | None, at: datetime) -> datetime | None:
    network = network_of(address)
    return locked_until(
        (_mark(event) for event in events if network_of(event.client_address) == network or event.kind == Kind.LIFTED),
        at=at,
    )


def _until_everywhere(events: Iterable[SignInEvent], *, at: datetime) -> datetime | None:
    """Signing in does not end this count: somebody who guesses from elsewhere would be given new tries by it."""
    marks = (_mark(event) for event in events if event.kind not in _SUCCESSES)
    return locked_until(marks, at=at, failures_max=FAILURES_EVERYWHERE_MAX)


def _mark(event: SignInEvent) -> Mark:
    return Mark(at=event.at, is_failure=event.kind == Kind.WRONG)


def _is_known(name: Name, *, address: str | None, at: datetime) -> bool:
    """Whether this person has signed in from `address` recently."""
    signed_in = SignInEvent.objects.filter(staff=name.staff, kind=Kind.SIGNED_IN, at__gt=at - ADDRESS_KNOWN)
    return name.staff is not None and signed_in.sent_from(address).exists()


def gave_many_names(client: Client, *, at: datetime) -> bool:
    """Whether wrong passwords for so many names came from the address that it is slowed down."""
    if client.address is None:
        return False
    recent = _recent_of(client.address, at=at)
    got_in = recent.filter(staff=OuterRef("staff"), kind=Kind.SIGNED_IN, pk__gt=OuterRef("pk"))
    wrong = recent.filter(kind=Kind.WRONG).exclude(Exists(got_in))
    return wrong.values("staff", "name_group").distinct().count() >= NAMES_MAX


@transaction_required
def address_slowed_until(client: Client, *, at: datetime) -> datetime | None:
    """Until when the address is refused, because it gave wrong passwords for many names; None if it is not."""
    if client.address is None or not gave_many_names(client, at=at):
        return None
    if not try_lock_name("sign-in-address", str(network_of(client.address))):
        return at + PAUSE_BETWEEN_NAMES
    last = _recent_of(client.address, at=at).filter(kind=Kind.WRONG).latest("at", "pk")
    return last.at + PAUSE_BETWEEN_NAMES if at < last.at + PAUSE_BETWEEN_NAMES else None


def _recent_of(address: str, *, at: datetime) -> "QuerySet[SignInEvent]":
    return SignInEvent.objects.sent_from(address).filter(at__gt=at - WINDOW)
