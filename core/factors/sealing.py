"""The encryption of app keys and the hash of recovery codes, by keys that are derived from SECRET_KEY.

A copy of the database alone gives neither. After SECRET_KEY has changed, values that were made with a key in
SECRET_KEY_FALLBACKS can still be read.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

_SEAL: Final = b"core.factors.seal"
_RECOVERY_CODE: Final = b"core.factors.recovery-code"


class Unreadable(Exception):
    """The value was not made with any of the secret keys, is too old, or is for somebody else."""


def _derived(purpose: bytes) -> Iterator[bytes]:
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        yield hmac.new(key.encode(), purpose, hashlib.sha256).digest()


def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in _derived(_SEAL)])


def seal(value: bytes) -> bytes:
    """Encrypt `value`."""
    return _fernet().encrypt(value)


def unseal(sealed: bytes | memoryview, *, max_age_seconds: int | None = None) -> bytes:
    """Decrypt what `seal` returned.

    :raises Unreadable: it was made with another key, was changed, or is older than `max_age_seconds`.
    """
    try:
        return _fernet().decrypt(bytes(sealed), ttl=max_age_seconds)
    except InvalidToken as error:
        raise Unreadable from error


def digests_of(code: str, *, user_id: int) -> list[str]:
    """The keyed hashes that a recovery code of a person may have; the first is that of SECRET_KEY."""
    text = f"{user_id}:{code}".encode()
    return [hmac.new(key, text, hashlib.sha256).hexdigest() for key in _derived(_RECOVERY_CODE)]
