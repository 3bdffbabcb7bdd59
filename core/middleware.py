"""Middleware: correlation id, limits of a request, time zone, author, and the record of where a request came from."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from django.core.signals import request_finished, request_started
from django.db import connection
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.middleware.gzip import GZipMiddleware
from django.template.loader import render_to_string
from django.utils import timezone

from core import correlation, incoming, origins
from core.changes.author import acting
from core.models import User
from core.sessions import store_of
from core.standby import writing

_QUERIES_WITHOUT_WORDS: Final = frozenset({"", "part=map"})
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class CorrelationMiddleware:
    """Bind a new correlation id for the request, and send it in the response; keep a trusted caller's id beside it.

    Before, what the request says in a proxy's name is left out if it does not come from our proxy.

    It stays bound until the response is closed: after every middleware has returned, Django logs refused and failed
    requests, and streams responses.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        origins.leave_out_claims(request)
        correlation_id = correlation.bind(outside=origins.outside_correlation_id(request))
        response = self.get_response(request)
        response[correlation.HEADER] = str(correlation_id)
        return response


# Also at the start: a thread serves many requests, and the response of the last one may not have been closed.
@receiver([request_started, request_finished])
def _unbind_correlation_id(**_signal: Any) -> None:
    correlation.unbind()


class IncomingMiddleware:
    """Refuse a request that the console cannot read, before anything else reads it. Each 405 gets a page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = HttpResponseNotAllowed(incoming.METHODS)
        if request.method in incoming.METHODS:
            incoming.require_readable(request)
            response = self.get_response(request)
        if response.status_code != HttpResponseNotAllowed.status_code:
            return response
        allowed = response.get("Allow", "GET, HEAD")
        context = {"page": _page_of_form(request)} if request.method == "GET" and "POST" in allowed else {}
        return HttpResponse(render_to_string("405.html", context), status=405, headers={"Allow": allowed})


def _page_of_form(request: HttpRequest) -> str:
    """Where the form is that is sent to the address of the request: an address that only takes forms is below it."""
    query = request.META.get("QUERY_STRING", "")
    return f"../?{query}" if query else "../"


class CompressionMiddleware(GZipMiddleware):
    """Compress pages in which nothing is what the request said; Django adds a random number of bytes.

    A stranger who sees how long an encrypted answer is, and chooses words in it, can guess what else is in it (BREACH).
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Compress the answer to a GET whose address has no query, or only asks for a piece of the page."""
        says_nothing = request.method == "GET" and request.META.get("QUERY_STRING", "") in _QUERIES_WITHOUT_WORDS
        is_page = response.get("Content-Type", "").startswith("text/html") and not response.streaming
        return super().process_response(request, response) if says_nothing and is_page else response


class PrimaryMiddleware:
    """Answer each request with a connection that can write: signing in and opening pages write as well.

    :raises DatabaseError: there is none, which `core.admin.errors` answers.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with writing():
            return self.get_response(request)

    def process_view(self, *_view: Any) -> None:
        """Connect before the view is called, also if that would read nothing, as the page for signing in."""
        connection.close_if_health_check_failed()
        connection.ensure_connection()


class SessionUseMiddleware:
    """Record that a session is used, after the view has said whether the request is one that a page makes by itself.

    The page of an answer 503 may make the request again by itself.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
            store_of(request).record_use()
        return response


class CasinoZoneMiddleware:
    """Show the times of a page in the time zone of the casino that the member of staff works in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        casino = user.casino if isinstance(user, User) else None
        with timezone.override(casino.zone if casino else None):
            return self.get_response(request)


class AuthorMiddleware:
    """Name the signed-in member of staff as the author of what the request changes."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with acting(request.user.pk):
            return self.get_response(request)


class OriginMiddleware:
    """Record where each request of signed-in staff that may change something comes from, before the view is called."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        origins.settle_waiting()
        return response

    def process_view(self, request: HttpRequest, *_view: Any) -> None:
        """Write it outside the view's transaction, so that it remains if the request is refused or fails.

        If the database is too busy just now, it is written with what the view does, or after it.
        """
        if request.method not in _SAFE_METHODS and isinstance(request.user, User) and request.user.is_staff:
            origins.record_sent(request, actor=request.user)
