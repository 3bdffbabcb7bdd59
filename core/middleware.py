"""What surrounds every request."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from core import correlation


class CorrelationMiddleware:
    """Bind a correlation id for the request (the caller's only if it is a UUID) and send it back in the response."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with correlation.bound(correlation.parse(request.headers.get(correlation.HEADER))) as correlation_id:
            response = self.get_response(request)
            response[correlation.HEADER] = str(correlation_id)
            return response
