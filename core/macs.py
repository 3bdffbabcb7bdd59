"""Codes that show that the application wrote a row: HMAC-SHA256 under keys that the database does not hold.

Somebody who can insert a row can insert a request for it as well, but not the code of that request.
"""

import base64
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from functools import cache
from hashlib import sha256
from typing import Final, NamedTuple

from django.conf import settings
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Min, Q, Subquery, Value
from django.db.models.functions import Coalesce

from core.errors import DomainError
from core.idempotency import Request, fingerprint

KEY_BYTES: Final = 32
KEY_ID_DIGITS: Final = 8
MAC_LENGTH: Final = KEY_ID_DIGITS + 64
# Before the day on which a retired key ends, which is no letter of base64.
END: Final = "@"
# How the name of the migration ends that brought codes to an app.
MIGRATION: Final = "_codes_of_requests"


class _Key(NamedTuple):
    """A key; what was recorded at `ends_at` or later has no code under it, whatever it carries."""

    secret: bytes
    ends_at: datetime | None


class NoRequestKey(DomainError):
    """REQUEST_KEYS has no key, or one of them cannot be used; nothing was done."""

    code = "NO_REQUEST_KEY"


def mac_of(row: Request) -> str:
    """The code of a row with these values: the id of the first of REQUEST_KEYS and the HMAC under it, in hexadecimal.

    :raises NoRequestKey: REQUEST_KEYS has no key, or one of them cannot be used.
    """
    key_id, key = next(iter(_keys(tuple(settings.REQUEST_KEYS)).items()))
    return key_id + _hmac(key.secret, row)


def is_authentic(mac: str | None, row: Request, *, recorded_at: datetime) -> bool:
    """Whether `mac` is the code of a row with these values, under one of REQUEST_KEYS that had not ended then.

    :raises NoRequestKey: REQUEST_KEYS has no key, or one of them cannot be used.
    """
    key = _keys(tuple(settings.REQUEST_KEYS)).get(mac[:KEY_ID_DIGITS]) if mac else None
    if key is None or mac is None or (key.ends_at and recorded_at >= key.ends_at):
        return False
    return hmac.compare_digest(mac[KEY_ID_DIGITS:], _hmac(key.secret, row))


def has_request_keys() -> bool:
    """Whether codes can be made and checked."""
    try:
        return bool(_keys(tuple(settings.REQUEST_KEYS)))
    except NoRequestKey:
        return False


def is_since_codes(app: str, *, at: str) -> Q:
    """The condition that PostgreSQL recorded a row, in column `at`, after the migration that brought codes to `app`.

    Where `django_migrations` does not say when that was, every row needs a code.
    """
    migrated = MigrationRecorder.Migration.objects.filter(app=app, name__endswith=MIGRATION)
    first = Subquery(migrated.values("app").annotate(first=Min("applied")).values("first"))
    return Q(**{f"{at}__gt": Coalesce(first, Value(datetime.min.replace(tzinfo=UTC)))})


def new_request_key() -> str:
    """A new key, as REQUEST_KEYS takes it."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def ending(key: str, *, on: date) -> str:
    """One of REQUEST_KEYS, ending when the day `on` begins (UTC) unless it ends already."""
    return key if END in key else f"{key}{END}{on.isoformat()}"


def _hmac(key: bytes, row: Request) -> str:
    return hmac.new(key, fingerprint(row).encode(), sha256).hexdigest()


@cache
def _keys(texts: Sequence[str]) -> Mapping[str, _Key]:
    """The keys by their ids, the one that new codes are made with first; that one does not end."""
    try:
        keys = [_read(text) for text in texts]
    except ValueError:  # also of characters that are not ASCII
        keys = []
    if not keys or keys[0].ends_at or any(len(key.secret) != KEY_BYTES for key in keys):
        raise NoRequestKey(
            f"REQUEST_KEYS needs at least one key that does not end, first, and each is {KEY_BYTES} bytes in base64: "
            "make one with “manage.py new_request_key”. Nothing was done."
        )
    return {sha256(key.secret).hexdigest()[:KEY_ID_DIGITS]: key for key in keys}


def _read(text: str) -> _Key:
    secret, _, ends_on = text.strip().partition(END)
    ends_at = datetime.combine(date.fromisoformat(ends_on), time(), UTC) if ends_on else None
    return _Key(base64.b64decode(secret, validate=True), ends_at)
