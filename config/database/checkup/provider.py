"""Whether the identity provider answers, and is the one that the settings describe."""

from collections.abc import Iterator
from typing import Any, Final

import requests
from django.conf import settings

from config.database.checkup.findings import Answer

TIMEOUT_SECONDS: Final = 3
_OPTIONAL: Final = "OIDC_SIGN_OUT_URL"
# Of the discovery document, with the settings that must be the same.
_SAME: Final = {
    "issuer": ("OIDC_ISSUER", "OIDC_ISSUER"),
    "authorization_endpoint": ("OIDC_AUTHORIZATION_URL", "OIDC_OP_AUTHORIZATION_ENDPOINT"),
    "token_endpoint": ("OIDC_TOKEN_URL", "OIDC_OP_TOKEN_ENDPOINT"),
    "jwks_uri": ("OIDC_KEYS_URL", "OIDC_OP_JWKS_ENDPOINT"),
    "end_session_endpoint": (_OPTIONAL, "OIDC_OP_END_SESSION_ENDPOINT"),
}
_KEY_TYPES: Final = {"RS": "RSA", "ES": "EC"}


class _Unreadable(Exception):
    """An address of the provider gives no JSON object."""


def look_at_identity_provider() -> Iterator[Answer]:
    """Read what the provider says of itself, and its keys. Nobody is signed in, and no secret is sent."""
    if not settings.OIDC_ISSUER:
        yield Answer("OIDC_ISSUER is not set: staff sign in with passwords alone")
        return
    try:
        described = _read(f"{settings.OIDC_ISSUER.rstrip('/')}/.well-known/openid-configuration")
        keys = _read(settings.OIDC_OP_JWKS_ENDPOINT).get("keys")
    except _Unreadable as error:
        advice = "Correct the address, or let this machine reach it; until then BREAK_GLASS_USERNAMES sign in."
        yield Answer(str(error), advice)
        return
    wrong = [
        Answer(f"{setting} is not the {name} of the provider, {described.get(name)}", f"Correct {setting}.")
        for name, (setting, attribute) in _SAME.items()
        if getattr(settings, attribute) != described.get(name)
        and (getattr(settings, attribute) or setting != _OPTIONAL)
    ]
    if not any(_signs(key) for key in (keys if isinstance(keys, list) else ())):
        what = f"the provider has no key for {settings.OIDC_RP_SIGN_ALGO}"
        wrong.append(Answer(what, "Set OIDC_SIGNING_ALGORITHM to what the provider signs with."))
    yield from wrong or [Answer(f"{settings.OIDC_ISSUER} answers, as the settings describe it")]


def _read(url: str) -> dict[str, Any]:
    """The JSON object at `url`.

    :raises _Unreadable: there is none, or nobody answers in time.
    """
    try:
        answer = requests.get(url, timeout=TIMEOUT_SECONDS)
        read = answer.json() if answer.ok else None
    except requests.RequestException as error:
        raise _Unreadable(f"{url} cannot be read: {type(error).__name__}") from error
    if not isinstance(read, dict):
        raise _Unreadable(f"{url} answers {answer.status_code}, without a JSON object")
    return read


def _signs(key: Any) -> bool:
    """Whether signatures in the algorithm of the settings can be checked with `key`."""
    algorithm = settings.OIDC_RP_SIGN_ALGO
    return (
        isinstance(key, dict)
        and key.get("kty") == _KEY_TYPES.get(algorithm[:2])
        and key.get("alg", algorithm) == algorithm
        and key.get("use", "sig") == "sig"
    )
