"""The Ed25519 keys that sign and verify checkpoints; they are settings and not in the database."""

import base64
import binascii
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings

from core.errors import DomainError
from loyalty.models.checkpoints import KEY_ID_LENGTH

KEY_BYTES: Final = 32


class WrongKey(ValueError):
    """A text is not an Ed25519 key."""


class NoCheckpointKey(DomainError):
    """A key that is needed is not set, or its setting is not a key."""

    code = "NO_CHECKPOINT_KEY"


def signing_key() -> Ed25519PrivateKey:
    """The key that new checkpoints are signed with.

    :raises NoCheckpointKey: CHECKPOINT_SIGNING_KEY is not set, or is not a key.
    """
    if not settings.CHECKPOINT_SIGNING_KEY:
        raise NoCheckpointKey("CHECKPOINT_SIGNING_KEY is not set: make a pair with “manage.py checkpoint --new-key”.")
    try:
        return private_key(settings.CHECKPOINT_SIGNING_KEY)
    except WrongKey as error:
        raise NoCheckpointKey(f"CHECKPOINT_SIGNING_KEY cannot be used: {error}.") from error


def trusted_keys() -> Mapping[str, Ed25519PublicKey]:
    """The keys that verify a checkpoint, by id: CHECKPOINT_PUBLIC_KEY, or the public half of the signing key.

    :raises NoCheckpointKey: neither is set, or one is not a key.
    """
    if not settings.CHECKPOINT_PUBLIC_KEYS:
        return _by_id([signing_key().public_key()])
    try:
        return _by_id([public_key(text) for text in settings.CHECKPOINT_PUBLIC_KEYS])
    except WrongKey as error:
        raise NoCheckpointKey(f"CHECKPOINT_PUBLIC_KEY cannot be used: {error}.") from error


def private_key(text: str) -> Ed25519PrivateKey:
    """The signing key in a setting: 32 bytes in base64.

    :raises WrongKey: the text is not a key; the error does not contain the text.
    """
    return Ed25519PrivateKey.from_private_bytes(_key_bytes(text))


def public_key(text: str) -> Ed25519PublicKey:
    """The public key in a setting: 32 bytes in base64.

    :raises WrongKey: the text is not a key.
    """
    return Ed25519PublicKey.from_public_bytes(_key_bytes(text))


def new_key_pair() -> tuple[str, str]:
    """A new signing key and its public key, as the settings take them."""
    key = Ed25519PrivateKey.generate()
    return _text(key.private_bytes_raw()), _text(key.public_key().public_bytes_raw())


def key_id_of(key: Ed25519PublicKey) -> str:
    """The id by which a checkpoint names the key that signed it."""
    return sha256(key.public_bytes_raw()).hexdigest()[:KEY_ID_LENGTH]


def is_signed(contents: bytes, *, signature: bytes, key: Ed25519PublicKey) -> bool:
    """Whether the private half of `key` made `signature` over `contents`."""
    try:
        key.verify(signature, contents)
    except InvalidSignature:
        return False
    return True


def _by_id(keys: Iterable[Ed25519PublicKey]) -> Mapping[str, Ed25519PublicKey]:
    return {key_id_of(key): key for key in keys}


def _key_bytes(text: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise WrongKey(f"a key is {KEY_BYTES} bytes in base64, 44 characters")
    return key


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()
