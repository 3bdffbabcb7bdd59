"""Check passwords and codes, with a limit on wrong ones (`core.lockouts`), and write the log of sign-ins."""

from collections.abc import Callable
from datetime import datetime, timedelta
from math import ceil
from typing import Final

import structlog
from django.conf import settings
from django.db.models import QuerySet

from core import correlation
from core.errors import DomainError
from core.hashing import password_turn
from core.locks import lock_name, try_lock_name
from core.models import User
from core.origins import Client
from core.permissions import LIFT_LOCK, NotPermitted, require_permission
from core.sessions import Session
from core.sign_in_locks import Name, address_slowed_until, gave_many_names, locked_staff, name_locked_until
from core.sign_in_log import SignInEvent
from core.transactions import operation, transaction_required
from core.words import counted

log = structlog.get_logger(__name__)

Kind = SignInEvent.Kind

REFUSALS_RECORDED_EVERY: Final = timedelta(minutes=1)


class WrongPassword(DomainError):
    """The password, or the code, is wrong."""

    code = "WRONG_PASSWORD"

    def __init__(self) -> None:
        super().__init__("The password is wrong. Check capital letters, and type it again.")


class SignInLocked(DomainError):
    """Too many passwords were wrong; this one was not looked at."""

    code = "SIGN_IN_LOCKED"

    def __init__(self, *, seconds: int) -> None:
        super().__init__(self.sentence(seconds))
        self.seconds = seconds

    def sentence(self, seconds: int) -> str:
        """What to do, after `seconds` at the latest."""
        return (
            f"The password or the code was wrong too often. Wait {counted(ceil(seconds / 60), 'minute')}, then try "
            "again. Trying earlier does not prolong the wait, and a supervisor can let you in at once."
        )


class AddressSlowed(SignInLocked):
    """Passwords for many names were wrong from this address; this one was not looked at."""

    code = "ADDRESS_SLOWED"

    def sentence(self, seconds: int) -> str:
        """What to do, after `seconds`."""
        wait = counted(seconds, "second")
        return f"Many names were tried with wrong passwords from your network. Wait {wait}, then sign in again."


def check_sign_in(*, username: str, password: str, client: Client, at: datetime) -> User | None:
    """Return the member of staff with this name and password who may sign in; None if there is none.

    :raises SignInLocked: too many passwords were wrong before this one, or with it.
    :raises Busy: somebody else tries the same name just now, or too many passwords are being checked.
    """
    name = Name.of(username)

    def is_right() -> bool:
        if name.staff is None:
            User().set_password(password)  # An unknown name takes as long as a known one.
            return False
        name.staff.refresh_from_db(fields=["password", "is_active", "is_staff"])
        is_password = name.staff.check_password(password)
        return is_password and name.staff.is_active and name.staff.is_staff and _may_use_password(name.staff)

    return name.staff if _try(name, is_right, client=client, at=at) else None


def _may_use_password(staff: User) -> bool:
    """Whether `staff` may sign in by a password: with an identity provider, only those whom the settings name."""
    return not settings.OIDC_ISSUER or not settings.BREAK_GLASS_USERNAMES or is_break_glass(staff)


def is_break_glass(staff: User) -> bool:
    """Whether `staff` is one of the few who may sign in by a password though there is an identity provider."""
    return bool(settings.OIDC_ISSUER) and staff.username in settings.BREAK_GLASS_USERNAMES


def require_own_password(*, actor: User, password: str, client: Client, at: datetime) -> None:
    """Check the password of `actor`, who is signed in; a wrong one counts as a try to sign in.

    It owns its transaction, so that a wrong password stays counted: call it outside any other.

    :raises WrongPassword: it is another one.
    :raises SignInLocked: too many passwords were wrong before this one, or with it.
    :raises Busy: somebody else tries the same name just now, or too many passwords are being checked.
    """

    def is_right() -> bool:
        actor.refresh_from_db(fields=["password"])
        return actor.check_password(password)

    require_own_secret(actor=actor, is_right=is_right, client=client, at=at)


def require_own_secret(*, actor: User, is_right: Callable[[], bool], client: Client, at: datetime) -> None:
    """The same for any secret of `actor`; `is_right` checks it, and is not called while the name is locked.

    :raises WrongPassword: `is_right` says no.
    :raises SignInLocked: too many passwords were wrong before this one, or with it.
    :raises Busy: somebody else tries the same name just now, or too many passwords are being checked.
    """
    name = Name(staff=actor, name_group=None)
    if not _try(name, is_right, client=client, at=at, if_right=Kind.CONFIRMED):
        raise WrongPassword


def record_signed_in(*, staff: User, client: Client, at: datetime) -> None:
    """Record that `staff` signed in, which ends the count of wrong passwords from this address."""
    with operation("core.record_signed_in", actor_id=staff.pk):
        _record(Name(staff=staff, name_group=None), Kind.SIGNED_IN, client=client, at=at)


def record_confirmed(*, staff: User, client: Client, at: datetime) -> None:
    """Record that `staff`, who is signed in, proved once more who they are."""
    with operation("core.record_confirmed", actor_id=staff.pk):
        _record(Name(staff=staff, name_group=None), Kind.CONFIRMED, client=client, at=at)


def record_signed_out(*, staff: User, client: Client, at: datetime) -> None:
    """Record that `staff` signed out."""
    with operation("core.record_signed_out", actor_id=staff.pk):
        _record(Name(staff=staff, name_group=None), Kind.SIGNED_OUT, client=client, at=at)


def end_sessions(*, staff: User, sessions: "QuerySet[Session]", client: Client, at: datetime) -> int:
    """End these of the own sessions of `staff`; returns how many there were. Each is recorded as a sign-out."""
    with operation("core.end_sessions", actor_id=staff.pk):
        keys = list(sessions.filter(staff=staff).order_by("pk").values_list("pk", flat=True))
        ended: int = Session.objects.filter(pk__in=keys).delete()[0]
        for _ in range(ended):
            _record(Name(staff=staff, name_group=None), Kind.SIGNED_OUT, client=client, at=at)
    log.info("core.sessions_ended", staff_id=staff.pk, sessions=ended)
    return ended


class NotLocked(DomainError):
    """The lock has ended, or somebody else has lifted it."""

    code = "NOT_LOCKED"


def lift_lock(*, staff: User, actor: User, client: Client, at: datetime) -> None:
    """Let `staff` try passwords again, from every address.

    :raises NotPermitted: `actor` may not lift locks of this casino, `staff` is the actor or a superuser.
    :raises NotLocked: `staff` is not locked.
    :raises Busy: somebody tries a password of `staff` just now.
    """
    with operation("core.lift_lock", actor_id=actor.pk):
        name = Name(staff=staff, name_group=None)
        lock_name("sign-in", name.key)
        people = User.objects.in_bulk([staff.pk, actor.pk])  # both may have changed while this waited
        staff, actor = people[staff.pk], people[actor.pk]
        require_permission(actor, LIFT_LOCK, staff)
        if staff.pk == actor.pk:
            raise NotPermitted("Nobody lifts their own lock. Ask another supervisor.")
        if staff.is_superuser and not actor.is_superuser:
            raise NotPermitted("Only a superuser lifts the lock of a superuser.")
        if not locked_staff(among=User.objects.filter(pk=staff.pk), at=at):
            raise NotLocked(f"{staff.display_name} is not locked any more.")
        _record(name, Kind.LIFTED, client=client, at=at, done_by=actor)
    log.info("core.sign_in_lock_lifted", staff_id=staff.pk, actor_id=actor.pk)


def _try(
    name: Name, is_right: Callable[[], bool], *, client: Client, at: datetime, if_right: Kind | None = None
) -> bool:
    """Check one secret of `name`, unless it is locked. Tries that are sent at once wait for each other.

    A thread that waits for its turn holds no lock, and a try that gets none is not counted.

    A right password at the sign-in is recorded by `record_signed_in`: a second factor may still be missing.
    """
    is_sign_in = if_right is None
    right, refusal = False, _refusal_at_once(name, client=client, at=at, is_sign_in=is_sign_in)
    if refusal is None:
        with password_turn(), operation("core.sign_in", actor_id=name.staff_id):
            lock_name("sign-in", name.key)
            refusal = _refusal_of(name, client=client, at=at, is_sign_in=is_sign_in)
            right = refusal is None and is_right()
            if refusal:
                record_refusal(name, client=client, at=at)
            elif not right:
                _record(name, Kind.WRONG, client=client, at=at)
                refusal = _lock_of(name, client=client, at=at)
            elif if_right:
                _record(name, if_right, client=client, at=at)
    if refusal:
        log.warning("core.sign_in_locked", code=refusal.code, staff_id=name.staff_id, client_address=client.address)
        raise refusal
    return right


def _refusal_at_once(name: Name, *, client: Client, at: datetime, is_sign_in: bool) -> SignInLocked | None:
    """The refusal of a locked name, without a turn: further tries for it keep nobody else from signing in."""
    is_slowed = is_sign_in and gave_many_names(client, at=at)
    if not is_slowed and _lock_of(name, client=client, at=at) is None:
        return None
    with operation("core.refuse_sign_in", actor_id=name.staff_id):
        refusal = _refusal_of(name, client=client, at=at, is_sign_in=is_sign_in)
        if refusal and try_lock_name("sign-in", name.key):
            record_refusal(name, client=client, at=at)
    return refusal


def _refusal_of(name: Name, *, client: Client, at: datetime, is_sign_in: bool) -> SignInLocked | None:
    refusal = _lock_of(name, client=client, at=at)
    if refusal is None and is_sign_in and (until := address_slowed_until(client, at=at)):
        return AddressSlowed(seconds=_seconds(until - at))
    return refusal


def _lock_of(name: Name, *, client: Client, at: datetime) -> SignInLocked | None:
    until = name_locked_until(name, client=client, at=at)
    return SignInLocked(seconds=_seconds(until - at)) if until else None


def _seconds(length: timedelta) -> int:
    return ceil(length.total_seconds())


def record_refusal(name: Name, *, client: Client, at: datetime) -> None:
    """Record it at most once a minute, so that a script cannot fill the table."""
    same = SignInEvent.objects.sent_from(client.address).filter(kind=Kind.REFUSED, staff=name.staff)
    if not same.filter(at__gt=at - REFUSALS_RECORDED_EVERY).exists():
        _record(name, Kind.REFUSED, client=client, at=at)


@transaction_required
def _record(name: Name, kind: Kind, *, client: Client, at: datetime, done_by: User | None = None) -> None:
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
