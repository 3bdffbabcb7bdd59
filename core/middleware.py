"""What surrounds every request."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from core import correlation
from core.models import User


class CorrelationMiddleware:
    """Bind a correlation id for the request (the caller's only if it is a UUID) and send it back in the response."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with correlation.bound(correlation.parse(request.headers.get(correlation.HEADER))) as correlation_id:
            response = self.get_response(request)
            response[correlation.HEADER] = str(correlation_id)
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
