"""Pages for requests that Django gives up."""

from django.contrib.sessions.exceptions import SessionInterrupted
from django.http import HttpRequest, HttpResponse
from django.views import defaults


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What could not be read, and nothing was done; or a session that ended under a request, whose work stands."""
    if isinstance(exception, SessionInterrupted):
        return defaults.bad_request(request, exception, template_name="core/console/signed_out_meanwhile.html")
    return defaults.bad_request(request, exception)
