"""Log lines: JSON for machines, or text for a terminal. Each has the values that are bound, such as the correlation id.

Searches and rows may contain data of players. So no line has a query string, an object that a library added, or the row
that PostgreSQL quotes when a constraint refuses it.
"""

import logging.config
import re
import sys
from http import HTTPStatus
from typing import Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from config.environment import Environment

# The keys of a library's `extra` that are kept. Django adds the request, which `_replace_request` replaces.
_KEPT_EXTRAS: Final = frozenset({"request", "status_code"})
_QUERY_STRING: Final = re.compile(r"\?\S.*")
_QUOTED_ROW: Final = re.compile(r"^DETAIL:.*?(?=^(?:HINT|CONTEXT|QUERY):|^$|\Z)", re.MULTILINE | re.DOTALL)
_LEFT_OUT: Final = "…"


def _replace_request(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Replace the request, whose text shows its query string, by its method and path."""
    request = event.pop("request", None)
    # The development server puts its socket there.
    if hasattr(request, "method") and hasattr(request, "path"):
        event.update(method=request.method, path=request.path)
    return event


def _cut_query_string(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Cut a library's message from its query string to the end of the line: the query string may contain spaces."""
    event["event"] = _QUERY_STRING.sub(_LEFT_OUT, str(event["event"]))
    return event


def _leave_out_rows(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Remove from a traceback the row that PostgreSQL refused and quotes."""
    if "exception" in event:
        event["exception"] = _QUOTED_ROW.sub(_LEFT_OUT + "\n", event["exception"])
    return event


def _leave_out_traceback_of_refusal(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Remove the traceback from the line of a request that was answered 400 to 499: anybody can cause one."""
    if HTTPStatus.BAD_REQUEST <= event.get("status_code", 0) < HTTPStatus.INTERNAL_SERVER_ERROR:
        event.pop("exc_info", None)
    return event


def _shared_processors() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _renderer(*, as_json: bool) -> Processor:
    if as_json:
        return structlog.processors.JSONRenderer(default=str)
    # A plain traceback: the default one shows local variables, and so the players in them.
    plain = structlog.dev.plain_traceback
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)


def line_formatter(*, as_json: bool) -> structlog.stdlib.ProcessorFormatter:
    """The formatter for log records of the product and of libraries."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            *_shared_processors(),
            structlog.stdlib.ExtraAdder(allow=_KEPT_EXTRAS),
            _replace_request,
            _cut_query_string,
            _leave_out_traceback_of_refusal,
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _leave_out_rows,
            _renderer(as_json=as_json),
        ],
    )


def configure_logging(env: Environment) -> None:
    """Send every log line of the process, Django's and the libraries' as well, to standard error in one form.

    LOG_LEVEL is INFO unless it is set, and LOG_JSON is on in production.

    :raises ImproperlyConfigured: LOG_LEVEL names no level.
    """
    is_production = env.str("ENVIRONMENT", default="") == "production"
    as_json = env.bool("LOG_JSON", default=is_production)
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"structured": {"()": line_formatter, "as_json": as_json}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
            "root": {"handlers": ["stderr"], "level": env.log_level("LOG_LEVEL")},
        }
    )
    structlog.configure(
        processors=[*_shared_processors(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # caching would hide the lines from structlog's capture_logs
    )
