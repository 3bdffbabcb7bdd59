"""Log lines, as a real process writes them."""

import logging

import pytest

from config.logging import line_formatter
from tests.logged_requests import PROGRAM as REQUESTS
from tests.logged_requests import SEARCHED
from tests.processes import entries_in, run_python

PROGRAM = """
import django, logging, structlog
django.setup()
from core import correlation
with correlation.bound() as correlation_id:
    structlog.get_logger("ours").info("ratingslips.slip_opened", slip_id="x")
    logging.getLogger("theirs").warning("a library says %s", "this")
    try:
        1 / 0
    except ZeroDivisionError:
        structlog.get_logger("ours").exception("ratingslips.recovery_failed")
print(correlation_id)
"""


def formatted(logger: str, text: str, *arguments: str, error: Exception | None = None, **extra: object) -> str:
    """The JSON line that is made of what a library logs."""
    raised = (type(error), error, None) if error else None
    record = logging.getLogger(logger).makeRecord(
        logger, logging.WARNING, "module.py", 1, text, arguments, raised, extra=extra
    )
    return line_formatter(as_json=True).format(record)


class TestConfigureLogging:
    def test_writes_json_lines_with_correlation_ids_for_every_logger(self) -> None:
        correlation_id, lines = run_python("-c", PROGRAM, LOG_JSON="1")

        entries = entries_in(lines)
        assert [entry["event"] for entry in entries] == [
            "ratingslips.slip_opened",
            "a library says this",
            "ratingslips.recovery_failed",
        ]
        assert {entry["correlation_id"] for entry in entries} == {correlation_id}
        assert {"level", "logger", "timestamp"} <= entries[0].keys()
        assert "ZeroDivisionError" in entries[2]["exception"]

    def test_writes_readable_lines_for_a_terminal(self) -> None:
        correlation_id, lines = run_python("-c", PROGRAM, LOG_JSON="0")

        assert "ratingslips.slip_opened" in lines[0]
        assert f"correlation_id={correlation_id}" in lines[0]

    @pytest.mark.parametrize("as_json", ["1", "0"])
    def test_writes_no_query_string_whatever_became_of_the_request(self, as_json: str) -> None:
        _ids, lines = run_python("-c", REQUESTS, LOG_JSON=as_json)

        assert len([line for line in lines if "/fails/" in line]) >= 4
        assert [line for line in lines if SEARCHED in line] == []

    def test_tells_of_a_request_its_method_and_its_path(self) -> None:
        _ids, lines = run_python("-c", REQUESTS, LOG_JSON="1")

        told = {(entry.get("method"), entry.get("path"), entry.get("status_code")) for entry in entries_in(lines)}
        assert {
            ("GET", "/no/such/page/", 404),
            ("POST", "/fails/", 403),
            ("GET", "/refuses/", 403),
            ("GET", "/fails/", 500),
            ("GET", "/fails/", 400),
        } <= told
        assert all("request" not in entry for entry in entries_in(lines))

    @pytest.mark.parametrize(
        ("logger", "text", "arguments"),
        [
            ("django.server", '"%s" %s %s', (f"GET /console/?q={SEARCHED} HTTP/1.1", "200", "5")),
            ("gunicorn.error", "Error handling request %s %s", ("GET", f"/console/?q={SEARCHED}")),
            ("gunicorn.error", "Invalid request line: %r", (f"GET /?q=O'Hara {SEARCHED} HTTP/1.1",)),
            ("django.security.csrf", "Forbidden (%s): %s", (f"Referer https://a/?{SEARCHED} is wrong", "/console/")),
        ],
    )
    def test_cuts_the_query_string_out_of_what_libraries_say(
        self, logger: str, text: str, arguments: tuple[str, ...]
    ) -> None:
        written = formatted(logger, text, *arguments)

        assert SEARCHED not in written
        assert text.partition("%")[0] in entries_in([written])[0]["event"]

    def test_leaves_the_rest_of_what_libraries_say_as_it_is(self) -> None:
        [entry] = entries_in([formatted("somewhere", "Is %s up? It did not answer.", "the server")])

        assert entry["event"] == "Is the server up? It did not answer."

    def test_leaves_out_what_else_a_library_hangs_on_a_line(self) -> None:
        written = formatted("somewhere", "A line.", sql=f"SELECT '{SEARCHED}'", request=object(), status_code=500)

        assert {"sql", "request"}.isdisjoint(entries_in([written])[0])
        assert entries_in([written])[0]["status_code"] == 500

    @pytest.mark.parametrize(
        ("status", "is_written"), [(400, False), (403, False), (413, False), (499, False), (500, True), (503, True)]
    )
    def test_writes_the_traceback_of_a_failure_alone(self, status: int, is_written: bool) -> None:
        written = formatted("django.request", "It is refused.", error=RuntimeError("why"), status_code=status)

        assert ("exception" in entries_in([written])[0]) == is_written

    def test_leaves_the_row_out_of_a_constraint_error(self) -> None:
        detail = f"DETAIL:  Failing row contains (1, {SEARCHED},\n{SEARCHED}, 2)."
        error = RuntimeError(f'new row violates check constraint "has_name"\n{detail}')

        written = formatted("somewhere", "It failed.", error=error)

        assert SEARCHED not in written
        assert "has_name" in entries_in([written])[0]["exception"]
