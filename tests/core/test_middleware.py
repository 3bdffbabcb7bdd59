"""The correlation id around a request."""

import uuid
from pathlib import Path
from typing import Any

import pytest
import structlog
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from structlog.testing import capture_logs

from core import correlation
from core.middleware import CorrelationMiddleware

GIVEN = uuid.UUID("0b0d9a4e-7c1f-4a56-9d57-6a3c9d5c2f11")


def _answer(request: HttpRequest) -> HttpResponse:
    structlog.get_logger("test").info("core.request_seen")
    return HttpResponse(str(correlation.current()))


def _ask(header: str | None) -> HttpResponse:
    headers = {"X-Correlation-ID": header} if header is not None else {}
    return CorrelationMiddleware(_answer)(RequestFactory(headers=headers).get("/"))


class TestCorrelationMiddleware:
    def test_takes_a_callers_uuid_and_sends_it_back(self) -> None:
        response = _ask(str(GIVEN))

        assert response["X-Correlation-ID"] == response.text == str(GIVEN)

    @pytest.mark.parametrize("header", [None, "", "42", "<script>", "a" * 5000])
    def test_makes_a_new_one_of_anything_else(self, header: str | None) -> None:
        response = _ask(header)

        assert uuid.UUID(response["X-Correlation-ID"]).version == 4
        assert response["X-Correlation-ID"] == response.text

    def test_gives_each_request_its_own(self) -> None:
        assert _ask(None)["X-Correlation-ID"] != _ask(None)["X-Correlation-ID"]

    def test_stands_in_every_log_line_of_the_request(self) -> None:
        with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
            response = _ask(None)

        assert [line["correlation_id"] for line in lines] == [response["X-Correlation-ID"]]

    def test_leaves_nothing_bound_after_an_error(self) -> None:
        def fail(request: HttpRequest) -> HttpResponse:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            CorrelationMiddleware(fail)(RequestFactory(headers={"X-Correlation-ID": str(GIVEN)}).get("/"))

        assert correlation.current() != GIVEN

    def test_stands_outermost_so_that_refusals_and_errors_carry_it_as_well(self, settings: Any, tmp_path: Path) -> None:
        settings.STATIC_ROOT = str(tmp_path)

        response = Client().get("/there/is/no/such/page", headers={"X-Correlation-ID": str(GIVEN)})

        assert settings.MIDDLEWARE[0] == "core.middleware.CorrelationMiddleware"
        assert response.status_code == 404
        assert response["X-Correlation-ID"] == str(GIVEN)
