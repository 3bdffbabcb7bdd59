"""What adds, removes and checks the second factors of staff."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from core.errors import DomainError, NotFound
from core.factors.codes import (
    APP_CODE_DIGITS,
    RECOVERY_CODES,
    matching_step,
    new_recovery_code,
    normalised,
)
from core.factors.models import RecoveryCode, SecondFactor
from core.factors.sealing import Unreadable, digests_of, seal, unseal
from core.factors.security_keys import KeyRefused, NewKey, State, used_key
from core.managing import lock_permissions, may_manage
from core.models import Casino, User
from core.origins import Client
from core.permissions import NotPermitted
from core.roles import SYSTEM_USERNAME
from core.sign_ins import WrongPassword, require_own_secret
from core.transactions import operation

log = structlog.get_logger(__name__)

FACTORS_MAX: Final = 10


class WrongSecondFactor(DomainError):
    """The code or the security key is not one of this person."""

    code = "WRONG_SECOND_FACTOR"


class UsedSecondFactor(DomainError):
    """The code is right and was used before: by a double click, or by somebody who looked on."""

    code = "USED_SECOND_FACTOR"


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """What a person gives: a code that they typed, or the browser's answer for a security key.

    `state` and `origin` are those of the page that asked for the key (`core.factors.security_keys`).
    """

    typed: str = ""
    key_answer: str = ""
    state: State | None = None
    origin: str = ""


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


def prove(
    *,
    person: User,
    proof: Proof,
    client: Client,
    at: datetime,
    was_proved: Callable[[], bool],
    note_proved: Callable[[], None],
) -> None:
    """Check what a person gave against their second factors and recovery codes, and let it be used only once.

    What is wrong counts as a wrong password does. Under the lock of the person's tries, `was_proved` says whether
    another request of the same page has been here before, and `note_proved` records in the same transaction that this
    one was: a double click uses its code once.

    :raises UsedSecondFactor: the code was used before.
    :raises WrongSecondFactor: it is no code and no key of theirs.
    :raises SignInLocked: too much was wrong before.
    :raises Busy: the person's row was locked for too long.
    """
    refusal = WrongSecondFactor("This code is not right. Check it and type it again.")

    def is_right() -> bool:
        nonlocal refusal
        if not was_proved():
            try:
                _use_proof(person, proof, at=at)
            except WrongSecondFactor as wrong:
                refusal = wrong
                return False
            note_proved()
        return True

    try:
        require_own_secret(actor=person, is_right=is_right, client=client, at=at)
    except WrongPassword as error:
        raise refusal from error


def _use_proof(person: User, proof: Proof, *, at: datetime) -> None:
    factors = _locked_factors(person)
    code = normalised(proof.typed)
    if proof.key_answer:
        _prove_by_key(factors, proof, at=at)
    elif len(code) == APP_CODE_DIGITS:
        _prove_by_app(factors, code, at=at)
    else:
        _use_recovery_code(person, code)


def _use_recovery_code(person: User, code: str) -> None:
    deleted, _ = RecoveryCode.objects.filter(user=person, digest__in=digests_of(code, user_id=person.pk)).delete()
    if not deleted:
        raise WrongSecondFactor("This code is not right, or was used before. Check it and type it again.")
    log.info("core.recovery_code_used", actor_id=person.pk, codes_left=person.recovery_codes.count())


def _prove_by_app(factors: Sequence[SecondFactor], code: str, *, at: datetime) -> None:
    apps = [factor for factor in factors if factor.kind == SecondFactor.Kind.APP]
    for app in apps:
        step = matching_step(key, code, at=at) if (key := _app_key(app)) else None
        if step is None:
            continue
        if step <= app.counter:
            raise UsedSecondFactor("This code was used just now. Wait until your app shows the next one.")
        _use(app, counter=step, at=at)
        return
    if apps and not any(map(_app_key, apps)):
        raise WrongSecondFactor(
            "Your app can no longer be checked, because the secret key of the console was changed. Use a security key, "
            "or ask who manages the staff to reset your second factor."
        )
    raise WrongSecondFactor("This code is not right. Type the one that your app shows now.")


def _app_key(app: SecondFactor) -> bytes | None:
    """The key of an app; None, and a line in the log, if no secret key of the settings can read it."""
    try:
        return unseal(app.secret)
    except Unreadable:
        log.warning("core.second_factor_unreadable", actor_id=app.user_id, factor_id=app.pk)
        return None


def _prove_by_key(factors: Sequence[SecondFactor], proof: Proof, *, at: datetime) -> None:
    keys = [factor for factor in factors if factor.kind == SecondFactor.Kind.KEY]
    try:
        if proof.state is None:
            raise KeyRefused
        key, counter = used_key(proof.key_answer, keys, state=proof.state, origin=proof.origin)
    except KeyRefused as error:
        raise WrongSecondFactor("This security key was not accepted. Try again, or type a code.") from error
    _use(key, counter=counter, at=at)


def _use(factor: SecondFactor, *, counter: int, at: datetime) -> None:
    factor.counter, factor.last_used_at = counter, at
    factor.save(update_fields=["counter", "last_used_at"])


def add_app(*, person: User, name: str, key: bytes, code: str, at: datetime) -> list[str]:
    """Add an authenticator app that shows `code` for `key`; return the recovery codes if it is the first factor.

    The same app added again is a repeated request: nothing is added.

    :raises WrongSecondFactor: the app would show another code.
    :raises FactorNameTaken: another second factor has this name.
    :raises TooManySecondFactors: the person has `FACTORS_MAX`.
    :raises Busy: the person's row was locked for too long.
    """
    step = matching_step(key, normalised(code), at=at)
    if step is None:
        raise WrongSecondFactor("This code is not right. Type the one that your app shows now for this console.")
    with operation("core.add_app", actor_id=person.pk):
        factors = _locked_factors(person)
        if any(one.kind == SecondFactor.Kind.APP and _app_key(one) == key for one in factors):
            return []
        app = SecondFactor(user=person, kind=SecondFactor.Kind.APP, name=name, secret=seal(key), counter=step)
        codes = _add(app, factors, at=at)
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
        factors = _locked_factors(person)
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
        codes = _add(factor, factors, at=at)
    log.info("core.second_factor_added", actor_id=person.pk, factor_id=factor.pk, kind=factor.kind)
    return codes


def _locked_factors(person: User) -> list[SecondFactor]:
    User.objects.locked().get(pk=person.pk)
    return list(person.second_factors.all())


def _add(factor: SecondFactor, factors: Sequence[SecondFactor], *, at: datetime) -> list[str]:
    if len(factors) >= FACTORS_MAX:
        raise TooManySecondFactors(f"You have {FACTORS_MAX} second factors, which is the limit. Remove one first.")
    _require_new_name(factor, factors)
    factor.added_at = at
    factor.save(force_insert=True)
    return [] if factors else _new_codes(factor.user)


def _require_new_name(factor: SecondFactor, factors: Sequence[SecondFactor]) -> None:
    if any(one.name.upper() == factor.name.upper() for one in factors if one.pk != factor.pk):
        raise FactorNameTaken("Another of your second factors has this name. Choose another name.")


def _new_codes(person: User) -> list[str]:
    codes = [new_recovery_code() for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.filter(user=person).delete()
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user=person, digest=digests_of(code, user_id=person.pk)[0]) for code in codes
    )
    return codes


def make_recovery_codes(*, person: User) -> list[str]:
    """Replace the recovery codes of `person` by new ones, and return these.

    :raises NotFound: the person has no second factor.
    :raises Busy: the person's row was locked for too long.
    """
    with operation("core.make_recovery_codes", actor_id=person.pk):
        if not _locked_factors(person):
            raise NotFound("You have no second factor yet. Recovery codes are made with the first one.")
        codes = _new_codes(person)
    log.info("core.recovery_codes_made", actor_id=person.pk)
    return codes


def rename_factor(*, person: User, factor_id: int, name: str) -> None:
    """Give a second factor of `person` another name.

    :raises NotFound: the person has no such factor.
    :raises FactorNameTaken: another of them has this name.
    :raises Busy: the person's row was locked for too long.
    """
    with operation("core.rename_factor", actor_id=person.pk):
        factors = _locked_factors(person)
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
        factors = _locked_factors(person)
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
        factors = _locked_factors(person)
        lock_permissions()
        if actor.pk == person.pk:
            raise NotPermitted("Nobody resets their own second factor. Remove it on your page “Second factor”.")
        if actor.username != SYSTEM_USERNAME and not may_manage(actor, person):
            raise NotPermitted(f"You may not reset the second factor of {person}, who may do what you may not.")
        SecondFactor.objects.filter(user=person).delete()
        RecoveryCode.objects.filter(user=person).delete()
    log.info("core.second_factors_reset", staff_id=person.pk, factors=len(factors), actor_id=actor.pk)
    return len(factors)
