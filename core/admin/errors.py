"""Error pages."""

import random
import sys
from collections.abc import Iterator
from contextlib import suppress
from http.cookies import CookieError
from typing import Final

from django.conf import settings
from django.contrib.sessions.exceptions import SessionInterrupted
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views import defaults

from core.console.kept import is_password, kept_fields
from core.errors import Busy, DatabaseAway
from core.incoming import MalformedCookie, malformed_cookies
from core.retries import is_bug, is_connection_lost, is_read_only

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
    asked for comes back by itself. A form is kept on the page, and sent again only by the person who sent it.
    """
    errors = list(_causes(sys.exc_info()[1]))
    of_database = [error for error in errors if isinstance(error, DatabaseError | InterfaceError)]
    if not any(isinstance(error, Busy) for error in errors) and all(map(is_bug, of_database)):
        return defaults.server_error(request)
    seconds = random.randint(RETRY_AFTER_SECONDS, 2 * RETRY_AFTER_SECONDS)  # noqa: S311 - spread, not secrecy
    is_sent = request.method == "POST"
    is_away = any(isinstance(error, DatabaseAway) for error in errors) or any(map(is_connection_lost, of_database))
    context = {
        "is_sent": is_sent,
        "is_away": is_away,
        "is_read_only": any(map(is_read_only, of_database)),
        "primary_console": settings.PRIMARY_CONSOLE_URL,
        "again": request.get_full_path(),
        "seconds": seconds,
        "token": request.POST.get("csrfmiddlewaretoken", ""),
        "kept": list(kept_fields(request)),
        "passwords": {name: _words_of(name) for name in request.POST if is_password(name)},
    }
    headers = {"Retry-After": str(seconds), "Cache-Control": "no-store"}
    if request.method == "GET":
        headers["Refresh"] = str(seconds)
    return HttpResponse(render_to_string("503.html", context), status=503, headers=headers)


def _words_of(name: str) -> str:
    """The name of a field in words: “new password 1”."""
    return name.rpartition("-")[2].replace("_", " ").replace("password", "password ").strip()


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """`error`, the error that caused it, and so on."""
    while error is not None:
        yield error
        error = error.__cause__
