"""Error pages."""

from django.contrib.sessions.exceptions import SessionInterrupted
from django.http import HttpRequest, HttpResponse
from django.views import defaults


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400; say so if the session ended during the request, whose work was done."""
    if isinstance(exception, SessionInterrupted):
        return defaults.bad_request(request, exception, template_name="core/console/signed_out_meanwhile.html")
    return defaults.bad_request(request, exception)
