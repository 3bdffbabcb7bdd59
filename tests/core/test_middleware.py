"""The correlation id around a request."""

import json
import uuid
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import structlog
from django.core.signals import request_started
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from structlog.contextvars import get_contextvars, merge_contextvars
from structlog.testing import capture_logs

from core import correlation
from core.middleware import CorrelationMiddleware
from tests.logged_requests import PROGRAM
from tests.processes import entries_in, run_python

Asked = tuple[dict[str, str], list[dict[str, Any]]]
GIVEN = uuid.UUID("0b0d9a4e-7c1f-4a56-9d57-6a3c9d5c2f11")


def _answer(request: HttpRequest) -> HttpResponse:
    structlog.get_logger("test").info("core.request_seen")
    return HttpResponse(str(correlation.current()))


def _bound_by_the_next_request() -> dict[str, Any]:
    _ask(None)
    return get_contextvars()


def _ask(header: str | None, *, address: str = "192.0.2.7") -> HttpResponse:
    headers = {"X-Correlation-ID": header} if header is not None else {}
    return CorrelationMiddleware(_answer)(RequestFactory(headers=headers, REMOTE_ADDR=address).get("/"))


@pytest.fixture(scope="module")
def asked() -> Asked:
    """The correlation ids of requests that end in each way, in order, and all that was logged."""
    ids, lines = run_python("-c", PROGRAM, LOG_JSON="1")
    return json.loads(ids), entries_in(lines)


class TestCorrelationMiddleware:
    @pytest.mark.shows(12)
    @pytest.mark.parametrize("header", [None, "", "42", "<script>", "a" * 5000, str(GIVEN)])
    @pytest.mark.parametrize("trusted", ["", "192.0.2.7/32"])
    def test_makes_an_id_of_our_own(self, settings: Any, header: str | None, trusted: str) -> None:
        settings.CORRELATION_ID_CALLERS = [ip_network(trusted)] if trusted else []

        response = _ask(header)

        assert uuid.UUID(response["X-Correlation-ID"]).version == 4
        assert response["X-Correlation-ID"] == response.text != str(GIVEN)

    @pytest.mark.parametrize(
        ("address", "trusted", "is_kept"),
        [
            ("192.0.2.7", [], False),
            ("192.0.2.7", ["192.0.2.0/24"], True),
            ("192.0.3.7", ["192.0.2.0/24"], False),
            ("::ffff:192.0.2.7", ["192.0.2.7"], True),
            ("2001:db8::7", ["192.0.2.0/24", "2001:db8::/32"], True),
            ("", ["0.0.0.0/0", "::/0"], False),
        ],
    )
    def test_keeps_the_id_of_a_trusted_caller_beside_it(
        self, settings: Any, address: str, trusted: list[str], is_kept: bool
    ) -> None:
        settings.CORRELATION_ID_CALLERS = [ip_network(one) for one in trusted]

        with capture_logs(processors=[merge_contextvars]) as lines:
            response = _ask(str(GIVEN), address=address)

        assert lines[0]["correlation_id"] == response["X-Correlation-ID"]
        assert lines[0].get("outside_correlation_id") == (str(GIVEN) if is_kept else None)
        assert "outside_correlation_id" not in _bound_by_the_next_request()

    def test_gives_each_request_its_own(self) -> None:
        assert _ask(None)["X-Correlation-ID"] != _ask(None)["X-Correlation-ID"]

    @pytest.mark.shows(12)
    def test_is_in_every_line_logged_before_or_after_the_middleware(self, asked: Asked) -> None:
        ids, entries = asked

        *lines, _after = entries
        assert [entry.get("correlation_id") for entry in lines] == list(ids.values())
        assert {"django.request", "django.security.csrf", "tests"} <= {entry["logger"] for entry in lines}

    def test_leaves_nothing_bound_once_the_answer_is_closed(self, asked: Asked) -> None:
        _ids, entries = asked

        assert entries[-1]["event"] == "tests.requests_ended"
        assert "correlation_id" not in entries[-1]

    def test_forgets_at_the_next_request_what_an_unclosed_answer_bound(self, db: None) -> None:
        _ask(str(GIVEN))

        request_started.send(sender=None)

        with pytest.raises(LookupError):
            correlation.current()

    def test_is_outermost_so_that_refusals_and_errors_carry_it(self, settings: Any, tmp_path: Path) -> None:
        settings.STATIC_ROOT = str(tmp_path)

        response = Client().get("/there/is/no/such/page")

        assert settings.MIDDLEWARE[:2] == [
            "config.monitoring.middleware.MonitoringMiddleware",  # It answers only machines itself.
            "core.middleware.CorrelationMiddleware",
        ]
        assert response.status_code == 404
        assert correlation.parse(response["X-Correlation-ID"])
