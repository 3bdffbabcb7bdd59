"""Gunicorn's settings: `gunicorn -c python:config.gunicorn config.wsgi`, and whatever else on the command line."""

from datetime import timedelta
from typing import Any, Final

import structlog
from gunicorn.glogging import Logger

from config.environment import Environment
from config.logging import configure_logging

log = structlog.get_logger("gunicorn.access")


class StructuredLogger(Logger):  # type: ignore[misc]
    """Gunicorn's lines in the form of all others, from its first one on; one line for each request it answered."""

    def setup(self, cfg: Any) -> None:
        """Take gunicorn's own handlers away, so that its lines go where all others go."""
        configure_logging(Environment())
        super().setup(cfg)
        for logger in (self.error_log, self.access_log):
            logger.handlers.clear()
            logger.propagate = True

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        """Log what was asked and answered; neither the query string nor the page before it, which may name a player.

        A request on which the application failed outright has no status and a bare `environ`.
        """
        if self.access_log_enabled:
            log.info(
                "gunicorn.request_answered",
                method=environ.get("REQUEST_METHOD"),
                path=environ.get("PATH_INFO") or req.path,
                status_code=resp.status and int(resp.status[:3]),
                took_milliseconds=round(request_time / timedelta(milliseconds=1)),
            )


logger_class: Final = StructuredLogger
accesslog: Final = "-"
# It would lie in the home folder of the user, who may have none.
control_socket_disable: Final = True
