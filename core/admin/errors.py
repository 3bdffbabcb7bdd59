"""Error pages."""

import sys
from contextlib import suppress
from http.cookies import CookieError
from typing import Final

from django.contrib.sessions.exceptions import SessionInterrupted
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views import defaults

from core.errors import Busy
from core.incoming import MalformedCookie, malformed_cookies
from core.retries import is_bug

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

    Django calls this for errors of views and of middleware, and saves no session with such an answer.
    """
    if not _is_busy(sys.exc_info()[1]):
        return defaults.server_error(request)
    is_sent = request.method == "POST"
    page = render_to_string("503.html", {"is_sent": is_sent, "again": "" if is_sent else request.get_full_path()})
    return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def _is_busy(error: BaseException | None) -> bool:
    """Whether `error`, or an error that caused it, says that the same request may succeed a moment later."""
    while error is not None:
        if isinstance(error, Busy) or (isinstance(error, DatabaseError) and not is_bug(error)):
            return True
        error = error.__cause__
    return False
