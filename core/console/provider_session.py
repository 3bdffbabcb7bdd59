"""What the session of staff who signed in by an identity provider keeps, and where they sign out there."""

from typing import Final
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.urls import reverse

from core.models import User

_CAME_BY_PROVIDER: Final = "came_by_provider"
_ID_TOKEN: Final = "id_token"  # noqa: S105  (a name)


def note_provider(session: SessionBase, staff: User, *, id_token: str) -> None:
    """Note that `staff` signed in by an identity provider; the token is kept where they sign out there too."""
    session[_CAME_BY_PROVIDER] = staff.pk
    if settings.OIDC_OP_END_SESSION_ENDPOINT:
        session[_ID_TOKEN] = id_token


def came_by_provider(session: SessionBase, staff: User) -> bool:
    """Whether `staff` signed in to this session by an identity provider, and so may have no password here."""
    return session.get(_CAME_BY_PROVIDER) == staff.pk


def sign_out_address(request: HttpRequest) -> str:
    """Where the person of this session signs out at their identity provider, and comes back; empty if nowhere."""
    endpoint, session = settings.OIDC_OP_END_SESSION_ENDPOINT, request.session
    if not (endpoint and isinstance(request.user, User) and came_by_provider(session, request.user)):
        return ""
    asked = {
        "client_id": settings.OIDC_RP_CLIENT_ID,
        "post_logout_redirect_uri": request.build_absolute_uri(reverse("admin:login")),
        "id_token_hint": session.get(_ID_TOKEN),
    }
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"
