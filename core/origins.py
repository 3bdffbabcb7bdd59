"""Record where requests and commands came from, by correlation id, for audits.

Only the path is stored, which contains ids. Query strings and forms are not, because they may name a player.
"""

from ipaddress import ip_address
from typing import Final

from django.conf import settings
from django.http import HttpRequest

from core import correlation
from core.models import METHOD_MAX_LENGTH, ORIGIN_MAX_LENGTH, RequestOrigin, User

COMMAND: Final = "COMMAND"


def client_address(request: HttpRequest) -> str | None:
    """The client's IP address, behind our own proxy the one that the proxy saw; None if there is none (a socket)."""
    if settings.BEHIND_PROXY:
        return _address(request.headers.get("X-Forwarded-For", "").rpartition(",")[2])
    return _address(str(request.META.get("REMOTE_ADDR", "")))


def record_request(*, actor: User, method: str, path: str, client_address: str | None) -> None:
    """Record that `actor` sent a request that may change something."""
    RequestOrigin.objects.create(
        correlation_id=correlation.current(),
        actor=actor,
        method=method[:METHOD_MAX_LENGTH],
        origin=path.replace("\0", "\N{REPLACEMENT CHARACTER}")[:ORIGIN_MAX_LENGTH],
        client_address=client_address,
    )


def record_command(name: str) -> None:
    """Record that a command runs under the current correlation id."""
    RequestOrigin.objects.create(correlation_id=correlation.current(), method=COMMAND, origin=name[:ORIGIN_MAX_LENGTH])


def _address(text: str) -> str | None:
    """An address that PostgreSQL accepts; None if `text` is none."""
    try:
        return str(ip_address(text.strip().partition("%")[0]))
    except ValueError:
        return None
