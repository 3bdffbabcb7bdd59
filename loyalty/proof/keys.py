"""The keys that checkpoints are signed with, and those that they are believed by: settings, never rows."""

from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings

from core.errors import DomainError
from loyalty.proof.sealing import WrongKey, by_id, private_key, public_key


class NoCheckpointKey(DomainError):
    """A key that is needed is not set, or is none."""

    code = "NO_CHECKPOINT_KEY"


def signing_key() -> Ed25519PrivateKey:
    """The key that new checkpoints are signed with.

    :raises NoCheckpointKey: CHECKPOINT_SIGNING_KEY is not set, or is no key.
    """
    if not settings.CHECKPOINT_SIGNING_KEY:
        raise NoCheckpointKey("CHECKPOINT_SIGNING_KEY is not set: make a pair with “manage.py checkpoint --new-key”.")
    try:
        return private_key(settings.CHECKPOINT_SIGNING_KEY)
    except WrongKey as error:
        raise NoCheckpointKey(f"CHECKPOINT_SIGNING_KEY cannot be used: {error}.") from error


def trusted_keys() -> Mapping[str, Ed25519PublicKey]:
    """The keys that a checkpoint may have been signed with, by id: CHECKPOINT_PUBLIC_KEY, else the signing key's own.

    :raises NoCheckpointKey: there is neither, or one is no key.
    """
    if not settings.CHECKPOINT_PUBLIC_KEYS:
        return by_id([signing_key().public_key()])
    try:
        return by_id([public_key(text) for text in settings.CHECKPOINT_PUBLIC_KEYS])
    except WrongKey as error:
        raise NoCheckpointKey(f"CHECKPOINT_PUBLIC_KEY cannot be used: {error}.") from error
