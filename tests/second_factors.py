"""Second factors for tests: an app with a known key, the code that it shows, and a session asked too long ago."""

import base64
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone
from fido2 import cbor
from fido2.cose import ES256

from core.factors.codes import app_code, step_at
from core.factors.services import add_app
from core.models import Casino, User

_PUBLIC_KEY: Any = generate_private_key(SECP256R1()).public_key()
# Of a security key with the credential id “k”, as an authenticator sends it.
SECURITY_KEY = bytes(16) + b"\x00\x01k" + cbor.encode(ES256.from_cryptography_key(_PUBLIC_KEY))  # type: ignore[no-untyped-call]
APP_KEY = b"12345678901234567890"  # that of RFC 6238


def code_of_app(*, steps: int = 0) -> str:
    """The code that the app shows now, or some times 30 seconds later."""
    return app_code(APP_KEY, step=step_at(timezone.now()) + steps)


def key_typed(text: str) -> bytes:
    """The key that somebody types into an app."""
    return base64.b32decode(text.replace(" ", ""))


def with_app(user: User) -> list[str]:
    """Give `user` an app, and return the recovery codes. The app's code of just before is used up by it."""
    code = code_of_app(steps=-1)
    return add_app(person=user, name="My phone", key=APP_KEY, code=code, seed=APP_KEY, at=timezone.now())


def long_ago(client: Client) -> Client:
    """The same browser, in which nobody was asked lately who they are."""
    session = client.session
    session["asked_at"] = session["asked_at"] - 10 * 60
    session.save()
    return client


def require_of(casino: Casino, *roles: str) -> None:
    """Have the casino require a second factor of the members of `roles`."""
    casino.second_factor_roles.set(Group.objects.filter(name__in=roles))
