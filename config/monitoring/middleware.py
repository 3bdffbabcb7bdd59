"""The outermost middleware: it answers machines, and counts the answers to everybody else."""

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from config.monitoring.probes import answer_of
from config.monitoring.requests import NO_ROUTE, SECONDS, count_request


class MonitoringMiddleware:
    """Answer a machine before hosts are checked and addresses redirected; count each other request by its route."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = answer_of(request)
        if answer is None:
            began = time.perf_counter()
            answer = self.get_response(request)
            SECONDS.observe(time.perf_counter() - began)
            count_request(request.resolver_match.view_name if request.resolver_match else NO_ROUTE, answer.status_code)
        return answer
