"""What adds, renames, removes and resets the second factors of staff."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import structlog

from core.errors import DomainError, NotFound
from core.factors.codes import matching_step, new_seed, normalised, recovery_codes_of
from core.factors.models import RecoveryCode, SecondFactor
from core.factors.proof import WrongSecondFactor, app_key_of, locked_factors
from core.factors.sealing import digests_of, seal
from core.factors.security_keys import NewKey
from core.managing import lock_permissions, may_manage
from core.models import Casino, User
from core.permissions import NotPermitted
from core.roles import SYSTEM_USERNAME
from core.transactions import operation

log = structlog.get_logger(__name__)

FACTORS_MAX: Final = 10


class SecondFactorRequired(DomainError):
    """The last second factor of somebody whose role requires one."""

    code = "SECOND_FACTOR_REQUIRED"


class TooManySecondFactors(DomainError):
    """The person has as many second factors as anybody may have."""

    code = "TOO_MANY_SECOND_FACTORS"


class FactorNameTaken(DomainError):
    """Another second factor of the person has this name."""

    code = "FACTOR_NAME_TAKEN"


class FactorKnown(DomainError):
    """The security key was added before."""

    code = "FACTOR_KNOWN"


def must_have_second_factor(person: User) -> bool:
    """Whether the person's casino requires a second factor of one of their roles.

    For staff without a casino this is any casino; a superuser counts as a member of every role.
    """
    required = Casino.second_factor_roles.through.objects.all()
    if person.casino_id is not None:
        required = required.filter(casino=person.casino_id)
    if not person.is_superuser:
        required = required.filter(group__user=person)
    return required.exists()


def add_app(*, person: User, name: str, key: bytes, code: str, seed: bytes, at: datetime) -> list[str]:
    """Add an authenticator app that shows `code` for `key`; return the recovery codes if it is the first factor.

    The codes are made of `seed`. The same app added again is a repeated request: nothing is added, and the codes are
    returned once more if none of them has been used or replaced.

    :raises WrongSecondFactor: the app would show another code.
    :raises FactorNameTaken: another second factor has this name.
    :raises TooManySecondFactors: the person has `FACTORS_MAX`.
    :raises Busy: the person's row was locked for too long.
    """
    step = matching_step(key, normalised(code), at=at)
    if step is None:
        raise WrongSecondFactor("This code is not right. Type the one that your app shows now for this console.")
    with operation("core.add_app", actor_id=person.pk):
        factors = locked_factors(person)
        if any(one.kind == SecondFactor.Kind.APP and app_key_of(one) == key for one in factors):
            codes = recovery_codes_of(seed)
            return codes if are_unused(person, codes) else []
        app = SecondFactor(user=person, kind=SecondFactor.Kind.APP, name=name, secret=seal(key), counter=step)
        codes = _add(app, factors, seed=seed, at=at)
    log.info("core.second_factor_added", actor_id=person.pk, factor_id=app.pk, kind=app.kind)
    return codes


def add_key(*, person: User, name: str, key: NewKey, at: datetime) -> list[str]:
    """Add a security key; return the recovery codes if it is the first factor.

    :raises FactorKnown: this key was added before, by this person or another.
    :raises FactorNameTaken: another second factor has this name.
    :raises TooManySecondFactors: the person has `FACTORS_MAX`.
    :raises Busy: the person's row was locked for too long.
    """
    with operation("core.add_key", actor_id=person.pk):
        factors = locked_factors(person)
        if SecondFactor.objects.filter(credential_id=key.credential_id).exists():
            raise FactorKnown("This security key was added before. Nothing was added.")
        factor = SecondFactor(
            user=person,
            kind=SecondFactor.Kind.KEY,
            name=name,
            secret=key.public_key,
            credential_id=key.credential_id,
            counter=key.counter,
        )
        codes = _add(factor, factors, seed=new_seed(), at=at)
    log.info("core.second_factor_added", actor_id=person.pk, factor_id=factor.pk, kind=factor.kind)
    return codes


def _add(factor: SecondFactor, factors: Sequence[SecondFactor], *, seed: bytes, at: datetime) -> list[str]:
    if len(factors) >= FACTORS_MAX:
        raise TooManySecondFactors(f"You have {FACTORS_MAX} second factors, which is the limit. Remove one first.")
    _require_new_name(factor, factors)
    factor.added_at = at
    factor.save(force_insert=True)
    return [] if factors else _replace_codes(factor.user, seed)


def _require_new_name(factor: SecondFactor, factors: Sequence[SecondFactor]) -> None:
    if any(one.name.upper() == factor.name.upper() for one in factors if one.pk != factor.pk):
        raise FactorNameTaken("Another of your second factors has this name. Choose another name.")


def _replace_codes(person: User, seed: bytes) -> list[str]:
    codes = recovery_codes_of(seed)
    RecoveryCode.objects.filter(user=person).delete()
    RecoveryCode.objects.bulk_create(RecoveryCode(user=person, digest=digest) for digest in _digests(person, codes))
    return codes


def _digests(person: User, codes: Sequence[str]) -> list[str]:
    return [digests_of(code, user_id=person.pk)[0] for code in codes]


def are_unused(person: User, codes: Sequence[str]) -> bool:
    """Whether each of `codes` is a recovery code of `person` now."""
    return person.recovery_codes.filter(digest__in=_digests(person, codes)).count() == len(codes)


def make_recovery_codes(*, person: User) -> list[str]:
    """Replace the recovery codes of `person` by new ones, and return these.

    :raises NotFound: the person has no second factor.
    :raises Busy: the person's row was locked for too long.
    """
    with operation("core.make_recovery_codes", actor_id=person.pk):
        if not locked_factors(person):
            raise NotFound("You have no second factor yet. Recovery codes are made with the first one.")
        codes = _replace_codes(person, new_seed())
    log.info("core.recovery_codes_made", actor_id=person.pk)
    return codes


def rename_factor(*, person: User, factor_id: int, name: str) -> None:
    """Give a second factor of `person` another name.

    :raises NotFound: the person has no such factor.
    :raises FactorNameTaken: another of them has this name.
    :raises Busy: the person's row was locked for too long.
    """
    with operation("core.rename_factor", actor_id=person.pk):
        factors = locked_factors(person)
        factor = _own(factors, factor_id)
        factor.name = name
        _require_new_name(factor, factors)
        factor.save(update_fields=["name"])


def remove_factor(*, person: User, factor_id: int) -> None:
    """Remove a second factor of `person`, with the recovery codes if it is the last one.

    :raises NotFound: the person has no such factor.
    :raises SecondFactorRequired: it is the last one, and a role of the person requires one.
    :raises Busy: the person's row was locked for too long.
    """
    with operation("core.remove_factor", actor_id=person.pk):
        factors = locked_factors(person)
        factor = _own(factors, factor_id)
        if len(factors) == 1:
            if must_have_second_factor(person):
                raise SecondFactorRequired("Your role requires a second factor. Add another one, then remove this one.")
            RecoveryCode.objects.filter(user=person).delete()
        factor.delete()
    log.info("core.second_factor_removed", actor_id=person.pk, factor_id=factor_id)


def _own(factors: Sequence[SecondFactor], factor_id: int) -> SecondFactor:
    factor = next((one for one in factors if one.pk == factor_id), None)
    if factor is None:
        raise NotFound("You have no such second factor. It may have been removed meanwhile.")
    return factor


def reset_second_factors(*, person: User, actor: User) -> int:
    """Remove all second factors and recovery codes of `person`, who lost them; return how many factors there were.

    Commands act as the system account, which may reset everybody's.

    :raises NotPermitted: `actor` may not manage `person`, or is `person`.
    :raises Busy: the person's row was locked for too long.
    """
    with operation("core.reset_second_factors", actor_id=actor.pk):
        factors = locked_factors(person)
        lock_permissions()
        if actor.pk == person.pk:
            raise NotPermitted("Nobody resets their own second factor. Remove it on your page “Second factor”.")
        if actor.username != SYSTEM_USERNAME and not may_manage(actor, person):
            raise NotPermitted(f"You may not reset the second factor of {person}, who may do what you may not.")
        SecondFactor.objects.filter(user=person).delete()
        RecoveryCode.objects.filter(user=person).delete()
    log.info("core.second_factors_reset", staff_id=person.pk, factors=len(factors), actor_id=actor.pk)
    return len(factors)
