"""Django's sessions in a table that knows whose they are, how long they may last, and when they were used last.

The table has a hash of the key that the browser sends, and data that are signed for this key: nobody who reads or
writes the table takes over a session.
"""

from contextvars import ContextVar
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, ClassVar, Final, Self

import structlog
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.base_session import AbstractBaseSession, BaseSessionManager
from django.db import DatabaseError, models, transaction
from django.db.models.expressions import RawSQL
from django.http import HttpRequest
from django.utils import timezone

from core.held import rights_of
from core.kept_queries import KeptQuery
from core.retries import is_bug
from core.sign_in_log import DEVICE_MAX_LENGTH

log = structlog.get_logger(__name__)

# Use is recorded at most this often, so that a request seldom writes; with an idle lock, ten times until it locks.
USE_RECORDED_EVERY: Final = timedelta(minutes=5)
RECORDS_UNTIL_IDLE: Final = 10
KEY_HASH_DIGITS: Final = 40

_SIGNED_IN: Final = "signed_in"


class SessionQuerySet(models.QuerySet["Session"]):
    """Sessions."""

    def in_force(self, *, now: datetime) -> Self:
        """Those that have not ended, by their limit or the idle lock."""
        rows = self.filter(expire_date__gt=now)
        limit = idle_limit()
        return rows.filter(last_used_at__gt=now - limit) if limit else rows


class Session(AbstractBaseSession):
    """A browser's session; of somebody who is signed in, unless `staff` is empty."""

    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", null=True, editable=False
    )
    signed_in_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField()
    client_address = models.GenericIPAddressField(null=True)
    device = models.CharField(max_length=DEVICE_MAX_LENGTH, blank=True)

    objects: ClassVar[Any] = BaseSessionManager.from_queryset(SessionQuerySet)()

    @classmethod
    def get_session_store_class(cls) -> "type[SessionStore]":
        return SessionStore


# Anybody may begin one, on the way to the identity provider or to a second step.
NOBODY_SIGNED_IN: Final = timedelta(minutes=15)


def _query_with_staff(key_hash: str, now: datetime) -> models.QuerySet[Session]:
    """The session that has not reached its limit, with its member of staff, their casino and their rights."""
    sessions: models.QuerySet[Session] = Session.objects.filter(session_key=key_hash, expire_date__gt=now)
    rights = RawSQL(rights_of('"core_session"."staff_id"'), [])  # noqa: S611  (constants)
    return sessions.select_related("staff__casino").annotate(rights=rights)  # what `held_by` reads


_with_staff = KeptQuery(_query_with_staff)
_staff_read: ContextVar[Any] = ContextVar("staff_read", default=None)


def take_staff(key: Any) -> Any:
    """The member of staff with this key, if the session was read together with them.

    Each row is given once: a later call would get an old one, and gets None.
    """
    staff = _staff_read.get()
    _staff_read.set(None)
    return staff if staff and staff.pk == key else None


def hashed(key: str | None) -> str:
    """The key of a browser as the table has it."""
    return sha256((key or "").encode()).hexdigest()[:KEY_HASH_DIGITS]


class SessionStore(DatabaseStore):
    """The sessions of `Session`. What is known of the sign-in is part of the session's data."""

    row: Session | None = None
    ended_idle = False
    refreshes_itself = False

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    @property
    def key_salt(self) -> str:
        """Data that were signed for the session of another browser are not read."""
        return f"core.sessions.{self.session_key}"

    def exists(self, session_key: str) -> bool:
        """Whether there is a session of this key."""
        return super().exists(hashed(session_key))

    def delete(self, session_key: str | None = None) -> None:
        """Delete the session of this key, by default this one."""
        if key := session_key or self.session_key:
            super().delete(hashed(key))

    def load(self) -> dict[str, Any]:
        """The data of the session that the browser names; empty if there is none, or if it was idle for too long."""
        now = timezone.now()
        self.row = next(iter(_with_staff(hashed(self.session_key), now)), None)
        if self.row and (limit := idle_limit()) and self.row.last_used_at + limit <= now:
            self.row.delete()
            self.row, self.ended_idle = None, True
        if self.row is None:
            self._session_key = None
            return {}
        if self.row.staff:
            self.row.staff.held_read = self.row.rights  # type: ignore[attr-defined]
        _staff_read.set(self.row.staff)
        data: dict[str, Any] = self.decode(self.row.session_data)
        return data

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """The row that is saved; it ends with the limit from the sign-in, however often it is saved."""
        row = super().create_model_instance(data)
        assert isinstance(row, Session), "get_model_class says so"
        row.session_key = hashed(row.session_key)
        row.last_used_at = timezone.now()
        row.staff_id = data.get(SESSION_KEY)
        if signed_in := data.get(_SIGNED_IN):
            row.signed_in_at = datetime.fromisoformat(signed_in["at"])
            row.client_address, row.device = signed_in["address"], signed_in["device"]
            row.expire_date = min(row.expire_date, row.signed_in_at + timedelta(seconds=settings.SESSION_COOKIE_AGE))
        else:
            row.expire_date = min(row.expire_date, row.last_used_at + NOBODY_SIGNED_IN)
        return row

    def save(self, must_create: bool = False) -> None:
        """Save the session.

        :raises UpdateError: it was ended meanwhile.
        :raises DatabaseError: the database is away or busy, which Django's method reports as the end of the session.
        """
        try:
            super().save(must_create)
        except UpdateError as error:
            failed = error.__context__
            if isinstance(failed, DatabaseError) and not is_bug(failed):
                raise failed from failed.__cause__
            raise

    def note_sign_in(self, *, address: str | None, device: str, at: datetime) -> None:
        """Keep when and from where somebody signed in; the limit counts from here."""
        self[_SIGNED_IN] = {"at": at.isoformat(), "address": address, "device": device}

    def record_use(self) -> None:
        """Record that the session is used, if that was not recorded a moment ago; a failure costs nobody the answer."""
        now, limit = timezone.now(), idle_limit()
        every = min(USE_RECORDED_EVERY, limit / RECORDS_UNTIL_IDLE) if limit else USE_RECORDED_EVERY
        if self.row is None or self.refreshes_itself or now - self.row.last_used_at < every:
            return
        try:
            with transaction.atomic():
                Session.objects.filter(pk=self.row.pk).update(last_used_at=now)
        except DatabaseError as error:
            log.warning("core.session_use_not_recorded", error=type(error).__name__)


def idle_limit() -> timedelta | None:
    """After how long without use a session ends; None if the idle lock is off."""
    return timedelta(minutes=settings.IDLE_LOCK_MINUTES) if settings.IDLE_LOCK_MINUTES else None


def store_of(request: HttpRequest) -> SessionStore:
    """The session of `request`."""
    store = request.session
    assert isinstance(store, SessionStore), "SESSION_ENGINE is this module"
    return store
