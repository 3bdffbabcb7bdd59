"""Record where requests and commands came from, by correlation id, for audits.

Only the path is stored, which contains ids. Query strings and forms are not, because they may name a player.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, Final, Self
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest

from core import correlation
from core.macs import mac_of
from core.models import METHOD_MAX_LENGTH, ORIGIN_MAX_LENGTH, RequestOrigin, User
from core.retries import is_bug, is_connection_lost
from core.sign_in_log import DEVICE_MAX_LENGTH

log = structlog.get_logger(__name__)

COMMAND: Final = "COMMAND"
SERVICE: Final = "SERVICE"
_HEADERS_OF_PROXY: Final = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO")
# A request with one of these came through a proxy.
_SIGNS_OF_PROXY: Final = (
    *_HEADERS_OF_PROXY,
    *("HTTP_X_FORWARDED_HOST", "HTTP_X_REAL_IP", "HTTP_FORWARDED", "HTTP_VIA"),
)
LOOPBACK: Final = "127.0.0.1"
# How many requests are looked up that came under one id from outside.
OUTSIDE_REQUESTS_MAX: Final = 100
# How long the second try waits for a lock: the first one waited for `lock_timeout`.
LATE_LOCK_TIMEOUT: Final = "500ms"

# The columns of an origin that the database has not taken yet.
_waiting: ContextVar[dict[str, Any] | None] = ContextVar("waiting_origin", default=None)


def client_address(request: HttpRequest) -> str | None:
    """The client's IP address, behind our own proxy the one that the proxy saw; None if there is none (a socket)."""
    if settings.BEHIND_PROXY and _is_from_proxy(request):
        return _address(request.headers.get("X-Forwarded-For", "").rpartition(",")[2])
    return _address(str(request.META.get("REMOTE_ADDR", "")))


def machine_address(request: HttpRequest) -> str | None:
    """The address of a machine that asks directly or through our own proxy; None if another proxy passed it on.

    What comes through a socket in the file system comes from this machine.
    """
    if any(name in request.META for name in _SIGNS_OF_PROXY):
        return client_address(request) if settings.BEHIND_PROXY and _is_from_proxy(request) else None
    return _address(str(request.META.get("REMOTE_ADDR") or LOOPBACK))


def is_among(address: str, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    """Whether one of `networks` has the address."""
    return any(ip_address(address) in network for network in networks)


def leave_out_claims(request: HttpRequest) -> None:
    """Leave out the address and the scheme that `request` claims in headers, unless our own proxy wrote these."""
    if not _is_from_proxy(request):
        for name in _HEADERS_OF_PROXY:
            request.META.pop(name, None)


def outside_correlation_id(request: HttpRequest) -> UUID | None:
    """The correlation id in the request's header, if it is a UUID and CORRELATION_ID_CALLERS names the client."""
    given = correlation.parse(request.headers.get(correlation.HEADER))
    address = client_address(request) if given else None
    return given if address and is_among(address, settings.CORRELATION_ID_CALLERS) else None


def ids_known_as(correlation_id: UUID) -> list[UUID]:
    """`correlation_id`, and our ids of the requests that a trusted caller sent under it."""
    origins = RequestOrigin.objects.filter(outside_correlation_id=correlation_id).order_by("-id")
    return [correlation_id, *origins.values_list("correlation_id", flat=True)[:OUTSIDE_REQUESTS_MAX]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """From where a password or a code is given: the IP address, and the browser as it calls itself."""

    address: str | None = None
    device: str = ""

    @classmethod
    def of(cls, request: HttpRequest | None) -> Self:
        """The client of `request`; of no request, nothing is known."""
        if request is None:
            return cls()
        return cls(
            address=client_address(request), device=request.headers.get("User-Agent", "").strip()[:DEVICE_MAX_LENGTH]
        )


def record_request(*, actor: User, method: str, path: str, client_address: str | None) -> None:
    """Record that `actor` sent a request that may change something.

    If the database is too busy, `write_waiting` writes the origin later, with what the request does.
    """
    columns = {
        "correlation_id": correlation.current(),
        "outside_correlation_id": correlation.current_outside(),
        "actor": actor,
        "method": method[:METHOD_MAX_LENGTH],
        "origin": path.replace("\0", "\N{REPLACEMENT CHARACTER}")[:ORIGIN_MAX_LENGTH],
        "client_address": client_address,
    }
    try:
        _write(**columns)
    except DatabaseError as error:
        if is_bug(error):
            raise
        if is_connection_lost(error) and not connection.in_atomic_block:
            connection.close()
        _waiting.set(columns)


def record_sent(request: HttpRequest, *, actor: User) -> None:
    """Record that `actor` sent `request`: see `record_request`."""
    record_request(actor=actor, method=request.method or "", path=request.path, client_address=client_address(request))


def write_waiting() -> bool:
    """Write the origin that waits, in the caller's transaction if there is one; say whether it was written."""
    columns = _waiting.get()
    if columns is None:
        return False
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [LATE_LOCK_TIMEOUT])
            _write(**columns)
    except DatabaseError as error:
        if is_bug(error):
            raise
        return False
    return True


def forget_waiting() -> None:
    """Forget the origin that waits, after it was committed."""
    _waiting.set(None)


def settle_waiting() -> None:
    """Write the origin that still waits at the end of a request; if that fails too, log it."""
    columns = _waiting.get()
    if columns is not None and not write_waiting():
        log.error(
            "core.origin_not_recorded",
            actor_id=columns["actor"].pk,
            **{name: columns[name] for name in ("method", "origin", "client_address")},
        )
    forget_waiting()


def record_command(name: str, *, actor: User | None = None) -> None:
    """Record that a command runs under the current correlation id, for the person `actor` or for nobody."""
    _write(correlation_id=correlation.current(), actor=actor, method=COMMAND, origin=name[:ORIGIN_MAX_LENGTH])


def record_service(name: str, *, actor_id: int | None) -> None:
    """Record that the operation `name` was called outside of requests and commands, in the caller's transaction."""
    _write(correlation_id=correlation.current(), actor_id=actor_id, method=SERVICE, origin=name[:ORIGIN_MAX_LENGTH])


@contextmanager
def as_command(name: str, *, actor: User | None = None) -> Iterator[None]:
    """Bind a correlation id for the block, and record that a command runs under it, for `actor` or for nobody."""
    with correlation.bound():
        record_command(name, actor=actor)
        yield


def _write(**columns: Any) -> None:
    origin = RequestOrigin(**columns)
    origin.mac = mac_of(origin.claims())
    origin.save(force_insert=True)


def _is_from_proxy(request: HttpRequest) -> bool:
    """Whether the request comes from one of PROXY_ADDRESSES, or through a socket."""
    address = _address(str(request.META.get("REMOTE_ADDR", "")))
    return address is None or is_among(address, settings.PROXY_ADDRESSES)


def _address(text: str) -> str | None:
    """An address that PostgreSQL accepts, one of IPv4 always as such; None if `text` is none."""
    try:
        address = ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)
