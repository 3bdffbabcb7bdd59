"""Exchange the code that a browser brings from the identity provider for a token, and check the token."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from threading import BoundedSemaphore
from typing import Any, Final

import jwt
import requests
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from mozilla_django_oidc.auth import OIDCAuthenticationBackend

from core.errors import Busy, DomainError

LEEWAY_SECONDS: Final = 30
SUBJECT_MAX_LENGTH: Final = 255  # by OpenID Connect
# In a worker, each in a thread that waits for the provider: the other threads stay free for the floor.
EXCHANGES_AT_ONCE: Final = 3
_REQUIRED: Final = ["iss", "aud", "exp", "iat", "sub"]

_exchanges: Final = BoundedSemaphore(EXCHANGES_AT_ONCE)


class ProviderFailed(DomainError):
    """Nobody is let in. `reason` and `cause` are for the log: a code, and what failed, without personal data."""

    def __init__(self, message: str, *, reason: str, cause: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.cause = cause


class ProviderAway(ProviderFailed):
    """The provider does not answer, or answers with an error of its own."""

    code = "PROVIDER_AWAY"

    def __init__(self, error: Exception) -> None:
        sentence = f"{settings.OIDC_PROVIDER_NAME} does not answer. Try again in a minute."
        super().__init__(sentence, reason="AWAY", cause=type(error).__name__)


class ProviderRefused(ProviderFailed):
    """What came from the provider does not let anybody in."""

    code = "PROVIDER_REFUSED"


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """What the provider says of the person who signed in there."""

    subject: str
    roles: frozenset[str]
    """The names of the roles that OIDC_ROLES gives for the values of the claim."""
    has_second_factor: bool
    """Whether one of the claims of OIDC_SECOND_FACTOR says so."""
    signed_in_at: int | None
    """When the person proved to the provider who they are, in seconds; None if it does not say."""
    token: str
    """The token itself, by which the provider knows whom to sign out."""


class _Provider(OIDCAuthenticationBackend):  # type: ignore[misc]
    """The library's exchange and keys, with a check of every claim that OpenID Connect asks for."""

    def _verify_jws(self, payload: str, key: Any) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(
            payload,
            key,
            algorithms=[self.OIDC_RP_SIGN_ALGO],
            audience=self.OIDC_RP_CLIENT_ID,
            issuer=settings.OIDC_ISSUER,
            leeway=LEEWAY_SECONDS,
            options={"require": _REQUIRED},
        )
        return claims


def identity_of(*, code: str, nonce: str, verifier: str, redirect_uri: str) -> Identity:
    """The identity in the token that the provider gives for `code`. Call it outside of transactions.

    :raises ProviderAway: the provider does not answer.
    :raises ProviderRefused: the code was used or is another one, or the token is not for this sign-in.
    :raises Busy: `EXCHANGES_AT_ONCE` others wait for the provider already.
    """
    if not _exchanges.acquire(blocking=False):
        raise Busy("Too many people are signing in just now. Wait a moment, then sign in again.")
    try:
        return _exchange(code=code, nonce=nonce, verifier=verifier, redirect_uri=redirect_uri)
    finally:
        _exchanges.release()


def _exchange(*, code: str, nonce: str, verifier: str, redirect_uri: str) -> Identity:
    provider = _Provider()
    try:
        given = provider.get_token(
            {
                "client_id": settings.OIDC_RP_CLIENT_ID,
                "client_secret": settings.OIDC_RP_CLIENT_SECRET,
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": redirect_uri,
                "code_verifier": verifier,
            }
        )
        claims = provider.verify_token(given["id_token"], nonce=nonce)
        return _identity_in(claims, token=given["id_token"])
    except requests.HTTPError as error:
        if error.response is None or error.response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise ProviderAway(error) from error
        sentence = "The sign-in was used already, or has ended. Sign in again."
        raise ProviderRefused(sentence, reason="CODE_REFUSED", cause=f"HTTP {error.response.status_code}") from error
    except requests.JSONDecodeError as error:
        raise _not_valid(type(error).__name__) from error
    except requests.RequestException as error:
        raise ProviderAway(error) from error
    except (jwt.PyJWTError, SuspiciousOperation) as error:
        raise _not_valid(f"{type(error).__name__}: {error}") from error  # Their texts name claims, and no values.
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise _not_valid(type(error).__name__) from error


def _not_valid(cause: str) -> ProviderRefused:
    sentence = f"What {settings.OIDC_PROVIDER_NAME} sent is not valid for this sign-in. Sign in again."
    return ProviderRefused(sentence, reason="TOKEN_NOT_VALID", cause=cause)


def _identity_in(claims: Mapping[str, Any], *, token: str) -> Identity:
    """What the checked claims say.

    :raises InvalidTokenError: a claim is of another form, or the token is for another client as well.
    """
    subject, party, at = claims["sub"], claims.get("azp", settings.OIDC_RP_CLIENT_ID), claims.get("auth_time")
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_MAX_LENGTH or not subject.isprintable():
        raise jwt.InvalidTokenError("sub is no subject")
    if party != settings.OIDC_RP_CLIENT_ID or (isinstance(claims["aud"], list) and len(claims["aud"]) > 1):
        raise jwt.InvalidTokenError("the token is for others as well")
    held = _values(claims.get(settings.OIDC_ROLES_CLAIM))
    proved = {(name, value) for name in ("acr", "amr") for value in _values(claims.get(name))}
    return Identity(
        subject=subject,
        roles=frozenset(role for value, role in _pairs(settings.OIDC_ROLES) if value in held),
        has_second_factor=not proved.isdisjoint(_pairs(settings.OIDC_SECOND_FACTOR)),
        signed_in_at=at if type(at) is int else None,
        token=token,
    )


def _values(claim: Any) -> frozenset[str]:
    """The texts of a claim, which is a text or a list of texts."""
    values: Iterable[Any] = claim if isinstance(claim, list) else [claim]
    return frozenset(value for value in values if isinstance(value, str))


def _pairs(items: Iterable[str]) -> list[tuple[str, str]]:
    """Items such as `pit-bosses=Pit boss` of a setting, in two."""
    return [(first.strip(), last.strip()) for first, _, last in (item.rpartition("=") for item in items)]
