"""Codes of authenticator apps (RFC 6238) and recovery codes, as people type them."""

import base64
import hashlib
import hmac
import secrets
import unicodedata
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives.constant_time import bytes_eq
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP

# What every authenticator app can do.
APP_CODE_DIGITS: Final = 6
STEP_SECONDS: Final = 30
APP_KEY_BYTES: Final = 20
# A clock may be wrong by this many steps.
DRIFT_STEPS: Final = 1

RECOVERY_CODES: Final = 10
RECOVERY_CODE_LENGTH: Final = 10
SEED_BYTES: Final = 20
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_LOOKS_LIKE: Final = str.maketrans("oil", "011")


def new_app_key() -> bytes:
    """A random key for an authenticator app."""
    return secrets.token_bytes(APP_KEY_BYTES)


def app_key_as_text(key: bytes) -> str:
    """The key as people type it into an app, in groups of four."""
    text = base64.b32encode(key).decode()
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def app_address(key: bytes, *, username: str, issuer: str) -> str:
    """The address that an app reads from the QR code."""
    issuer = issuer.replace(":", " ")
    parameters = {"secret": base64.b32encode(key).decode(), "issuer": issuer}
    return f"otpauth://totp/{quote(issuer)}:{quote(username)}?{urlencode(parameters, quote_via=quote)}"


def app_code(key: bytes, *, step: int) -> str:
    """The code that an app shows during the 30 seconds `step`."""
    return HOTP(key, APP_CODE_DIGITS, SHA1(), enforce_key_length=False).generate(step).decode()  # noqa: S303


def step_at(at: datetime) -> int:
    """The number of the 30 seconds that `at` is in."""
    return int(at.timestamp()) // STEP_SECONDS


def matching_step(key: bytes, code: str, *, at: datetime) -> int | None:
    """The 30 seconds in which an app shows `code`; None if it is not shown around `at`."""
    now = step_at(at)
    for step in range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1):
        if bytes_eq(app_code(key, step=step).encode(), code.encode()):
            return step
    return None


def new_seed() -> bytes:
    """A random seed for recovery codes."""
    return secrets.token_bytes(SEED_BYTES)


def recovery_codes_of(seed: bytes) -> list[str]:
    """The recovery codes that are made of `seed`: the same codes again if it is the same."""
    return [_recovery_code(seed, number) for number in range(RECOVERY_CODES)]


def _recovery_code(seed: bytes, number: int) -> str:
    digest = hmac.new(seed, str(number).encode(), hashlib.sha256).digest()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:RECOVERY_CODE_LENGTH])


def recovery_code_as_text(code: str) -> str:
    """The code as people read it: 4f7gh-92kmx."""
    return f"{code[:5]}-{code[5:]}"


def normalised(typed: str) -> str:
    """A typed code without spaces and hyphens, in lower case, with letters that look like digits as these digits."""
    text = unicodedata.normalize("NFKC", typed).casefold()
    return "".join(
        str(unicodedata.digit(character, character)) for character in text if not _is_separator(character)
    ).translate(_LOOKS_LIKE)


def _is_separator(character: str) -> bool:
    return unicodedata.category(character) in {"Zs", "Pd", "Cc", "Cf"}
