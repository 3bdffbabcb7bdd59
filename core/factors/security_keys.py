"""Security keys and passkeys (WebAuthn), by the library of Yubico.

`origin` is where the browser shows the console, such as https://console.example. A key works only at the host that it
was added at. A `state` holds the challenge of one page; it is kept in the session and used once.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from core.factors.models import CREDENTIAL_ID_MAX_BYTES, SECRET_MAX_BYTES, SecondFactor
from core.models import User

ANSWER_MAX_LENGTH: Final = 10_000
CONSOLE_NAME: Final = "Table ratings"

State = Mapping[str, Any]


class KeyRefused(Exception):
    """The browser's answer is not that of a key of this person to this challenge."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NewKey:
    """A security key that was added."""

    credential_id: bytes
    public_key: bytes
    counter: int


def _server(origin: str) -> Fido2Server:
    host = urlsplit(origin).hostname or ""
    return Fido2Server(PublicKeyCredentialRpEntity(id=host, name=CONSOLE_NAME), verify_origin=lambda one: one == origin)


def _credential(factor: SecondFactor) -> AttestedCredentialData:
    return AttestedCredentialData(bytes(factor.secret))


def options_to_add(person: User, keys: Sequence[SecondFactor], *, origin: str) -> tuple[str, State]:
    """What the browser needs to add a key to those that `person` has, as JSON, and the state to keep."""
    user = PublicKeyCredentialUserEntity(
        id=str(person.pk).encode(), name=person.username, display_name=person.get_full_name() or person.username
    )
    options, state = _server(origin).register_begin(
        user,
        [_credential(key) for key in keys],
        resident_key_requirement=ResidentKeyRequirement.DISCOURAGED,
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    return json.dumps(dict(options.public_key)), state


def read_new_key(answer: str, *, state: State, origin: str) -> NewKey:
    """Check the browser's answer to `options_to_add`.

    :raises KeyRefused: it is not the answer to this challenge.
    """
    try:
        data = _server(origin).register_complete(state, _read(answer))
        credential = data.credential_data
        assert credential is not None
    except Exception as error:  # whatever the library makes of an answer that nobody has checked yet
        raise KeyRefused from error
    if len(credential.credential_id) > CREDENTIAL_ID_MAX_BYTES or len(credential) > SECRET_MAX_BYTES:
        raise KeyRefused
    return NewKey(credential_id=credential.credential_id, public_key=bytes(credential), counter=data.counter)


def options_to_prove(keys: Sequence[SecondFactor], *, origin: str) -> tuple[str, State]:
    """What the browser needs to ask for one of the `keys`, as JSON, and the state to keep."""
    options, state = _server(origin).authenticate_begin(
        [_credential(key) for key in keys], user_verification=UserVerificationRequirement.PREFERRED
    )
    return json.dumps(dict(options.public_key)), state


def used_key(answer: str, keys: Sequence[SecondFactor], *, state: State, origin: str) -> tuple[SecondFactor, int]:
    """Check the browser's answer to `options_to_prove`; return the key that was used, and its counter.

    A counter that has not risen shows that the key was copied; keys without a counter always send 0.

    :raises KeyRefused: it is not the answer of one of the `keys` to this challenge, or the key was copied.
    """
    try:
        given = _read(answer)
        credential = _server(origin).authenticate_complete(state, [_credential(key) for key in keys], given)
        counter = AuthenticationResponse.from_dict(given).response.authenticator_data.counter
    except Exception as error:  # as above
        raise KeyRefused from error
    key = next(key for key in keys if bytes(key.credential_id or b"") == credential.credential_id)
    if (counter or key.counter) and counter <= key.counter:
        raise KeyRefused
    return key, counter


def _read(answer: str) -> Mapping[str, Any]:
    if len(answer) > ANSWER_MAX_LENGTH:
        raise KeyRefused
    read = json.loads(answer)
    if not isinstance(read, dict):
        raise KeyRefused
    return read
