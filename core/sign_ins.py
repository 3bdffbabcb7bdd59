"""Check passwords and codes, with a limit on wrong ones (`core.lockouts`), and write the log of sign-ins."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Final

import structlog
from django.db import connection
from django.db.models import QuerySet
from django.utils.crypto import salted_hmac

from core import correlation
from core.errors import DomainError
from core.hashing import password_turn
from core.lockouts import (
    ADDRESS_KNOWN,
    FAILURES_EVERYWHERE_MAX,
    LOOK_BACK,
    NAMES_MAX,
    PAUSE_BETWEEN_NAMES,
    WINDOW,
    Mark,
    locked_until,
)
from core.locks import lock_name, try_lock_name
from core.models import User
from core.origins import Client
from core.permissions import LIFT_LOCK, NotPermitted, require_permission
from core.sessions import Session
from core.sign_in_log import NAME_GROUPS, SignInEvent
from core.transactions import operation, transaction_required
from core.words import counted

log = structlog.get_logger(__name__)

Kind = SignInEvent.Kind

REFUSALS_RECORDED_EVERY: Final = timedelta(minutes=1)

_SUCCESSES: Final = frozenset({Kind.SIGNED_IN, Kind.CONFIRMED})
_COUNTED: Final = frozenset({*_SUCCESSES, Kind.WRONG, Kind.LIFTED})

_NAMES_TRIED: Final = """
SELECT count(*) FROM (
    SELECT DISTINCT staff_id, name_group FROM core_signinevent AS failed
    WHERE client_address = %(address)s AND kind = 'WRONG' AND at > %(since)s
      AND NOT EXISTS (
        SELECT FROM core_signinevent AS later
        WHERE later.staff_id = failed.staff_id AND later.client_address = failed.client_address
          AND later.kind = 'SIGNED_IN' AND later.id > failed.id
      )
) AS names
"""


class WrongPassword(DomainError):
    """The password, or the code, is wrong."""

    code = "WRONG_PASSWORD"

    def __init__(self) -> None:
        super().__init__("The password is wrong. Check capital letters, and type it again.")


class SignInLocked(DomainError):
    """Too many passwords were wrong; this one was not looked at."""

    code = "SIGN_IN_LOCKED"

    def __init__(self, *, seconds: int) -> None:
        is_short = seconds <= PAUSE_BETWEEN_NAMES.seconds
        wait = counted(seconds, "second") if is_short else counted(ceil(seconds / 60), "minute")
        super().__init__(f"The password was wrong too often. Wait {wait}, then try again.")
        self.seconds = seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class _Name:
    """A user name that was given: whose it is, or a group of the names that nobody has."""

    staff: User | None
    name_group: int | None

    @classmethod
    def of(cls, username: str) -> "_Name":
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


def check_sign_in(*, username: str, password: str, client: Client, at: datetime) -> User | None:
    """Return the member of staff with this name and password who may sign in; None if there is none.

    :raises SignInLocked: too many passwords were wrong before this one, or with it.
    :raises Busy: somebody else tries the same name just now, or too many passwords are being checked.
    """
    name = _Name.of(username)

    def is_right() -> bool:
        if name.staff is None:
            User().set_password(password)  # An unknown name takes as long as a known one.
            return False
        return name.staff.check_password(password) and name.staff.is_active and name.staff.is_staff

    return name.staff if _try(name, is_right, client=client, at=at) else None


def require_own_password(*, actor: User, password: str, client: Client, at: datetime) -> None:
    """Check the password of `actor`, who is signed in; a wrong one counts as a try to sign in.

    It owns its transaction, so that a wrong password stays counted: call it outside any other.

    :raises WrongPassword: it is another one.
    :raises SignInLocked: too many passwords were wrong before this one, or with it.
    :raises Busy: somebody else tries the same name just now, or too many passwords are being checked.
    """
    require_own_secret(actor=actor, is_right=lambda: actor.check_password(password), client=client, at=at)


def require_own_secret(*, actor: User, is_right: Callable[[], bool], client: Client, at: datetime) -> None:
    """The same for any secret of `actor`; `is_right` checks it, and is not called while the name is locked.

    :raises WrongPassword: `is_right` says no.
    :raises SignInLocked: too many passwords were wrong before this one, or with it.
    :raises Busy: somebody else tries the same name just now, or too many passwords are being checked.
    """
    name = _Name(staff=actor, name_group=None)
    if not _try(name, is_right, client=client, at=at, if_right=Kind.CONFIRMED):
        raise WrongPassword


def record_signed_in(*, staff: User, client: Client, at: datetime) -> None:
    """Record that `staff` signed in, which ends the count of wrong passwords from this address."""
    with operation("core.record_signed_in", actor_id=staff.pk):
        _record(_Name(staff=staff, name_group=None), Kind.SIGNED_IN, client=client, at=at)


def record_signed_out(*, staff: User, client: Client, at: datetime) -> None:
    """Record that `staff` signed out."""
    with operation("core.record_signed_out", actor_id=staff.pk):
        _record(_Name(staff=staff, name_group=None), Kind.SIGNED_OUT, client=client, at=at)


def end_sessions(*, staff: User, sessions: "QuerySet[Session]", client: Client, at: datetime) -> int:
    """End these of the own sessions of `staff`; returns how many there were. Each is recorded as a sign-out."""
    with operation("core.end_sessions", actor_id=staff.pk):
        keys = list(sessions.filter(staff=staff).order_by("pk").values_list("pk", flat=True))
        ended: int = Session.objects.filter(pk__in=keys).delete()[0]
        for _ in range(ended):
            _record(_Name(staff=staff, name_group=None), Kind.SIGNED_OUT, client=client, at=at)
    log.info("core.sessions_ended", staff_id=staff.pk, sessions=ended)
    return ended


def lift_lock(*, staff: User, actor: User, client: Client, at: datetime) -> None:
    """Let `staff` try passwords again, from every address.

    :raises NotPermitted: `actor` may not lift locks of this casino, `staff` is the actor or a superuser.
    """
    with operation("core.lift_lock", actor_id=actor.pk):
        require_permission(actor, LIFT_LOCK, staff)
        if staff.pk == actor.pk:
            raise NotPermitted("Nobody lifts their own lock. Ask another supervisor.")
        if staff.is_superuser and not actor.is_superuser:
            raise NotPermitted("Only a superuser lifts the lock of a superuser.")
        _record(_Name(staff=staff, name_group=None), Kind.LIFTED, client=client, at=at, done_by=actor)
    log.info("core.sign_in_lock_lifted", staff_id=staff.pk, actor_id=actor.pk)


def locked_staff(*, among: "QuerySet[User]", at: datetime) -> list[tuple[User, datetime]]:
    """The staff of `among` whose name is locked for any address, with the end of the last lock, in order of names."""
    events_of: dict[User, list[SignInEvent]] = defaultdict(list)
    recent = SignInEvent.objects.filter(staff__in=among, kind__in=_COUNTED, at__gt=at - LOOK_BACK)
    for event in recent.select_related("staff").order_by("pk"):
        assert event.staff is not None, "the events are of staff"
        events_of[event.staff].append(event)
    locked: list[tuple[User, datetime]] = []
    for staff, events in events_of.items():
        ends = [_until_here(events, address=event.client_address, at=at) for event in events]
        until = max(filter(None, [*ends, _until_everywhere(events, at=at)]), default=None)
        if until:
            locked.append((staff, until))
    return sorted(locked, key=lambda lock: lock[0].username)


def _try(
    name: _Name, is_right: Callable[[], bool], *, client: Client, at: datetime, if_right: Kind | None = None
) -> bool:
    """Check one secret of `name`, unless it is locked. Tries that are sent at once wait for each other.

    A thread that waits for its turn holds no lock, and a try that gets none is not counted.

    A right password at the sign-in is recorded by `record_signed_in`: a second factor may still be missing.
    """
    with password_turn(), operation("core.sign_in", actor_id=name.staff_id):
        lock_name("sign-in", name.key)
        until = _locked_until(name, client=client, at=at)
        if until is None and if_right is None:
            until = _slowed_until(client, at=at)
        right = until is None and is_right()
        if until:
            _record_refusal(name, client=client, at=at)
        elif not right:
            _record(name, Kind.WRONG, client=client, at=at)
            until = _locked_until(name, client=client, at=at)
        elif if_right:
            _record(name, if_right, client=client, at=at)
    if until:
        log.warning("core.sign_in_locked", staff_id=name.staff_id, client_address=client.address)
        raise SignInLocked(seconds=ceil((until - at).total_seconds()))
    return right


def _locked_until(name: _Name, *, client: Client, at: datetime) -> datetime | None:
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


def _until_here(events: Iterable[SignInEvent], *, address: str | None, at: datetime) -> datetime | None:
    return locked_until(
        (_mark(event) for event in events if event.client_address == address or event.kind == Kind.LIFTED), at=at
    )


def _until_everywhere(events: Iterable[SignInEvent], *, at: datetime) -> datetime | None:
    """Signing in does not end this count: somebody who guesses from elsewhere would be given new tries by it."""
    marks = (_mark(event) for event in events if event.kind not in _SUCCESSES)
    return locked_until(marks, at=at, failures_max=FAILURES_EVERYWHERE_MAX)


def _mark(event: SignInEvent) -> Mark:
    return Mark(at=event.at, is_failure=event.kind == Kind.WRONG)


def _is_known(name: _Name, *, address: str | None, at: datetime) -> bool:
    """Whether this person has signed in from `address` lately."""
    signed_in = SignInEvent.objects.filter(staff=name.staff, kind=Kind.SIGNED_IN, at__gt=at - ADDRESS_KNOWN)
    return name.staff is not None and signed_in.filter(client_address=address).exists()


def _slowed_until(client: Client, *, at: datetime) -> datetime | None:
    """Until when the address is not listened to, because it gave wrong passwords for many names; None if it is."""
    if client.address is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute(_NAMES_TRIED, {"address": client.address, "since": at - WINDOW})
        names = cursor.fetchone()[0]
    if names < NAMES_MAX:
        return None
    if not try_lock_name("sign-in-address", client.address):
        return at + PAUSE_BETWEEN_NAMES
    last = SignInEvent.objects.filter(client_address=client.address, kind=Kind.WRONG).latest("pk")
    return last.at + PAUSE_BETWEEN_NAMES if at < last.at + PAUSE_BETWEEN_NAMES else None


@transaction_required
def _record(name: _Name, kind: Kind, *, client: Client, at: datetime, done_by: User | None = None) -> None:
    SignInEvent.objects.create(
        kind=kind,
        at=at,
        staff=name.staff,
        name_group=name.name_group,
        client_address=client.address,
        device=client.device,
        done_by=done_by,
        correlation_id=correlation.current(),
    )


def _record_refusal(name: _Name, *, client: Client, at: datetime) -> None:
    """Record it at most once a minute, so that a script cannot fill the table."""
    same = SignInEvent.objects.filter(kind=Kind.REFUSED, staff=name.staff, client_address=client.address)
    if not same.filter(at__gt=at - REFUSALS_RECORDED_EVERY).exists():
        _record(name, Kind.REFUSED, client=client, at=at)
