"""Check what a person gives as a second factor, and let it be used only once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from core.errors import DomainError
from core.factors.codes import APP_CODE_DIGITS, matching_step, normalised
from core.factors.models import RecoveryCode, SecondFactor
from core.factors.sealing import Unreadable, digests_of, unseal
from core.factors.security_keys import KeyRefused, State, used_key
from core.models import User
from core.origins import Client
from core.sign_ins import WrongPassword, require_own_secret
from core.transactions import transaction_required

log = structlog.get_logger(__name__)


class WrongSecondFactor(DomainError):
    """The code or the security key is not one of this person."""

    code = "WRONG_SECOND_FACTOR"


class UsedSecondFactor(DomainError):
    """The code is right and was used before: by a double click, or by somebody who looked on."""

    code = "USED_SECOND_FACTOR"


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """What a person gives: a code that they typed, or the browser's answer for a security key.

    `state` and `origin` are those of the page that asked for the key (`core.factors.security_keys`).
    """

    typed: str = ""
    key_answer: str = ""
    state: State | None = None
    origin: str = ""


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
    factors = locked_factors(person)
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
        step = matching_step(key, code, at=at) if (key := app_key_of(app)) else None
        if step is None:
            continue
        if step <= app.counter:
            raise UsedSecondFactor("This code was used just now. Wait until your app shows the next one.")
        _use(app, counter=step, at=at)
        return
    if apps and not any(map(app_key_of, apps)):
        raise WrongSecondFactor(
            "Your app can no longer be checked, because the secret key of the console was changed. Use a security key, "
            "or ask a manager of the staff to reset your second factor."
        )
    raise WrongSecondFactor("This code is not right. Type the one that your app shows now.")


def app_key_of(app: SecondFactor) -> bytes | None:
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


@transaction_required
def locked_factors(person: User) -> list[SecondFactor]:
    """Lock the person's row, which guards their second factors, and return these."""
    User.objects.locked().get(pk=person.pk)
    return list(person.second_factors.all())
