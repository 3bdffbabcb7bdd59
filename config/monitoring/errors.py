"""Errors for Sentry, without data of people.

An event is built only from what the code has: the types of the exceptions, the places in the code, and the constant
name of a log line. Messages, requests, variables and breadcrumbs are left out: they may contain names, cards and what
was typed.
"""

import logging
from http import HTTPStatus
from typing import Any, Final

import sentry_sdk
from django.core.exceptions import ImproperlyConfigured
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.excepthook import ExcepthookIntegration
from sentry_sdk.integrations.logging import LoggingIntegration, ignore_logger
from sentry_sdk.types import Event, Hint
from sentry_sdk.utils import BadDsn

from core import correlation

_KEPT: Final = ("event_id", "timestamp", "level", "logger", "platform", "release", "environment", "server_name")
_KEPT_OF_FRAME: Final = ("filename", "module", "function", "lineno", "in_app")


def report_errors(*, dsn: str, release: str, environment: str) -> None:
    """Send the errors of this process to Sentry: those that are logged, and those that end it.

    :raises ImproperlyConfigured: the DSN cannot be read.
    """
    try:
        sentry_sdk.init(
            dsn=dsn,
            release=release,
            environment=environment,
            default_integrations=False,
            integrations=[
                LoggingIntegration(level=None, event_level=logging.ERROR, sentry_logs_level=None),
                ExcepthookIntegration(),
                AtexitIntegration(lambda *_: None),
            ],
            before_send=without_data,
            include_local_variables=False,
            include_source_context=False,
            max_breadcrumbs=0,
            auto_session_tracking=False,
            send_client_reports=False,
        )
    except BadDsn as error:
        raise ImproperlyConfigured(f"SENTRY_DSN cannot be read: {error}.") from error
    # Anybody can cause these, with a forged host or cookie.
    ignore_logger("django.security.*")


def without_data(event: Event, hint: Hint) -> Event | None:
    """The event with nothing of a person; None for an answer 503, which is no error of the code, and has an alert."""
    if getattr(hint.get("log_record"), "status_code", None) == HTTPStatus.SERVICE_UNAVAILABLE:
        return None
    given: dict[str, Any] = dict(event)
    kept: Any = {name: given[name] for name in _KEPT if name in given}
    kept["logentry"] = {"message": _constant_text(hint.get("log_record"))}
    kept["tags"] = {"correlation_id": str(correlation.current_or_none() or "")}
    exceptions = (given.get("exception") or {}).get("values") or []
    kept["exception"] = {"values": [_exception(one) for one in exceptions]}
    return kept  # type: ignore[no-any-return]


def _constant_text(record: logging.LogRecord | None) -> str:
    """The event of a line of ours, or the format of a library's line; a text without arguments may contain anything."""
    if record is None:
        return ""
    if isinstance(record.msg, dict):
        return str(record.msg.get("event", ""))
    return str(record.msg) if record.args else record.name


def _exception(exception: dict[str, Any]) -> dict[str, Any]:
    frames = (exception.get("stacktrace") or {}).get("frames") or []
    return {
        "type": exception.get("type"),
        "module": exception.get("module"),
        "stacktrace": {"frames": [{name: frame.get(name) for name in _KEPT_OF_FRAME} for frame in frames]},
    }
