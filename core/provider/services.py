"""Let the account of an identity sign in, with the roles that the provider gives it."""

from datetime import datetime

import structlog
from django.conf import settings
from django.contrib.auth.models import Group
from django.db.models import QuerySet

from core.factors.services import must_have_second_factor
from core.managing import lock_permissions
from core.models import User
from core.origins import Client
from core.provider.tokens import Identity, ProviderFailed, ProviderRefused
from core.querysets import LockingQuerySet
from core.sign_in_locks import Name
from core.sign_ins import record_refusal
from core.transactions import operation

log = structlog.get_logger(__name__)


def account_of(identity: Identity) -> User | None:
    """The account that has the subject of the identity; None if none has."""
    person: User | None = User.objects.filter(provider_subject=identity.subject).first()
    return person


def sign_in_by_provider(*, identity: Identity, client: Client, at: datetime) -> User:
    """Give the identity's account exactly the roles that the provider gives it, and return who may sign in.

    The roles are set also if the sign-in is refused, so that one that was taken away at the provider ends.

    :raises ProviderRefused: no account has this subject; it is inactive or a superuser's; the
        provider gives it no role; or its role needs a second factor that the provider has not asked for.
    :raises Busy: somebody else changes permissions just now.
    """
    found = account_of(identity)
    with operation("core.sign_in_by_provider", actor_id=found.pk if found else None):
        people: QuerySet[User] = LockingQuerySet(User).filter(provider_subject=identity.subject).locked()
        person = people.first()
        if person is not None and person.is_active and not person.is_superuser:
            _set_roles(person, identity)
        refusal = _why_not(person, identity)
        if refusal:
            # A space is in no user name, so no account of this console has the name.
            name = Name(staff=person, name_group=None) if person else Name.of(f"subject {identity.subject}")
            record_refusal(name, client=client, at=at)
    if refusal:
        _log(refusal, staff=found)
        raise refusal
    assert person is not None, "else it is refused"
    return person


def record_failure(error: ProviderFailed, *, staff: User | None, client: Client, at: datetime) -> None:
    """Record that somebody came back from the provider and was not let in before it was known who they are.

    :param staff: who is signed in and was to confirm it, if anybody.
    """
    with operation("core.record_provider_failure", actor_id=staff.pk if staff else None):
        name = Name(staff=staff, name_group=None) if staff else Name.of("identity provider")
        record_refusal(name, client=client, at=at)
    _log(error, staff=staff)


def _log(error: ProviderFailed, *, staff: User | None) -> None:
    staff_id = staff.pk if staff else None
    log.warning("core.provider_sign_in_refused", reason=error.reason, cause=error.cause, staff_id=staff_id)


def _set_roles(person: User, identity: Identity) -> None:
    lock_permissions()
    roles = list(Group.objects.filter(name__in=identity.roles))
    if {role.pk for role in roles} != set(person.groups.values_list("pk", flat=True)):
        person.groups.set(roles)
        log.info("core.roles_set_by_provider", staff_id=person.pk, role_ids=sorted(role.pk for role in roles))


def _why_not(person: User | None, identity: Identity) -> ProviderRefused | None:
    """Why the person may not sign in; None if they may."""
    provider = settings.OIDC_PROVIDER_NAME
    if person is None:
        return ProviderRefused(
            "No account of this console has your subject. Ask who manages staff to write it on your page: "
            f"{identity.subject}",
            reason="NO_ACCOUNT",
        )
    if person.is_superuser:
        sentence = f"Superusers do not sign in with {provider}. Sign in with your password."
        return ProviderRefused(sentence, reason="SUPERUSER")
    if not person.is_active or not person.is_staff:
        return ProviderRefused("Your account is not active in this console. Ask your supervisor.", reason="NOT_ACTIVE")
    if not person.groups.exists():
        sentence = f"{provider} gives you no role in this console. Ask who manages your account there."
        return ProviderRefused(sentence, reason="NO_ROLE")
    if settings.OIDC_SECOND_FACTOR and not identity.has_second_factor and must_have_second_factor(person):
        sentence = f"Your role needs a second factor. Sign in to {provider} with one."
        return ProviderRefused(sentence, reason="NO_SECOND_FACTOR")
    return None
