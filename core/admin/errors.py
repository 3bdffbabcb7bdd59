"""Error pages."""

import random
import sys
from collections.abc import Iterator
from contextlib import suppress
from http.cookies import CookieError
from typing import Any, Final

from django.conf import settings
from django.contrib.sessions.exceptions import SessionInterrupted
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.middleware.csrf import CsrfViewMiddleware
from django.template.loader import render_to_string
from django.utils.http import escape_leading_slashes
from django.views import defaults

from core.console.kept import KEY_ANSWER, is_credential, is_password, kept_fields, own_name
from core.errors import Busy, DatabaseAway
from core.incoming import MalformedCookie, malformed_cookies
from core.retries import is_bug, is_database_away, is_read_only

# Pages come back after one to two times this long, so that they do not all come at once.
RETRY_AFTER_SECONDS: Final = 5
_TOO_LARGE: Final = (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 413 if too much was sent, else 400; say so if the session ended during the request, whose work was done.

    A malformed cookie is deleted: the browser would send it again with every request.
    """
    if isinstance(exception, _TOO_LARGE):
        return HttpResponse(render_to_string("413.html"), status=413)
    if isinstance(exception, SessionInterrupted):
        return defaults.bad_request(request, exception, template_name="core/console/signed_out_meanwhile.html")
    response = defaults.bad_request(request, exception)
    if isinstance(exception, MalformedCookie):
        for name in malformed_cookies(request):
            with suppress(CookieError):  # No answer can name it, so no answer has set it.
                response.delete_cookie(name)
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 503 if the database was too busy or could not be reached, else 500.

    Django calls this for errors of views and of middleware, and saves no session with such an answer. A page that was
    asked for comes back by itself when the database is away; one that took too long would take as long again. A form
    is kept on the page, and sent again only by the person who sent it.
    """
    errors = list(_causes(sys.exc_info()[1]))
    of_database = [error for error in errors if isinstance(error, DatabaseError | InterfaceError)]
    if not any(isinstance(error, Busy | DatabaseAway) for error in errors) and all(map(is_bug, of_database)):
        return defaults.server_error(request)
    seconds = random.randint(RETRY_AFTER_SECONDS, 2 * RETRY_AFTER_SECONDS)  # noqa: S311 - spread, not secrecy
    is_away = any(map(is_database_away, errors))
    comes_back = is_away and request.method == "GET"
    context = {
        "is_sent": request.method == "POST",
        "is_away": is_away,
        "is_read_only": any(map(is_read_only, of_database)),
        "primary_console": settings.PRIMARY_CONSOLE_URL,
        "comes_back": comes_back,
        "done": [sentence for error in errors if isinstance(error, DatabaseAway) for sentence in error.done],
        **(_kept(request) if request.method == "POST" and _is_from_console(request) else {}),
    }
    headers = {"Retry-After": str(seconds), "Cache-Control": "no-store"}
    if comes_back:
        headers["Refresh"] = str(seconds)
    return HttpResponse(render_to_string("503.html", context), status=503, headers=headers)


def _kept(request: HttpRequest) -> dict[str, Any]:
    """What the page needs to send the form again; what is typed again is named in words: “new password 1”."""
    return {
        "again": escape_leading_slashes(request.get_full_path()),
        "token": request.POST.get("csrfmiddlewaretoken", ""),
        "kept": list(kept_fields(request)),
        "typed_again": [
            (name, _words_of(name), is_password(name))
            for name, value in request.POST.items()
            if value and is_credential(request, name) and own_name(name) != KEY_ANSWER
        ],
    }


class _Check(CsrfViewMiddleware):
    """Django's check, which says no with an empty answer."""

    def _reject(self, _request: HttpRequest, _reason: str) -> HttpResponse:
        return HttpResponseForbidden()


def _is_from_console(request: HttpRequest) -> bool:
    """Whether a page of the console sent the form: the error may have come before Django's check."""
    check = _Check(lambda _: HttpResponse())
    check.process_request(request)
    return check.process_view(request, server_error, (), {}) is None


def _words_of(name: str) -> str:
    """The name of a field in words."""
    return own_name(name).replace("_", " ").replace("password", "password ").strip()


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """`error`, the error that caused it, and so on."""
    while error is not None:
        yield error
        error = error.__cause__
