"""Gunicorn's settings: `gunicorn -c python:config.gunicorn`, with other options on the command line."""

import os
import sys
from datetime import timedelta
from fcntl import F_DUPFD_CLOEXEC, fcntl
from typing import Any, Final

import structlog
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from gunicorn.systemd import SD_LISTEN_FDS_START

from config.environment import Environment
from config.logging import configure_logging
from config.monitoring.workers import keep_counters, make_folder, remove_folder

log = structlog.get_logger("gunicorn.access")


class StructuredLogger(Logger):  # type: ignore[misc]
    """Writes all of gunicorn's log lines in the form of the others, with one line for each answered request."""

    def setup(self, cfg: Any) -> None:
        """Remove gunicorn's own handlers, so that the root logger writes its lines."""
        configure_logging(Environment())
        super().setup(cfg)
        for logger in (self.error_log, self.access_log):
            logger.handlers.clear()
            logger.propagate = True

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        """Log the request and its status, without query string and referrer, which may name a player.

        If the application failed before it answered, there is no status and `environ` is empty.
        """
        if self.access_log_enabled:
            log.info(
                "gunicorn.request_answered",
                method=environ.get("REQUEST_METHOD"),
                path=environ.get("PATH_INFO") or req.path,
                status_code=resp.status and int(resp.status[:3]),
                took_milliseconds=round(request_time / timedelta(milliseconds=1)),
            )


wsgi_app: Final = "config.wsgi"
logger_class: Final = StructuredLogger
accesslog: Final = "-"
# The socket would be in the home folder of the user, who may have none.
control_socket_disable: Final = True

# A page needs one thread for a moment, an export one for minutes (`EXPORTS_AT_ONCE`). The time-out ends a worker whose
# main thread hangs: a thread that sends an export does not count against it.
worker_class: Final = "config.worker.Worker"
threads: Final = 8
timeout: Final = 30
graceful_timeout: Final = 30

# It would wait for the client in the system, where the worker cannot end it.
sendfile: Final = False
# Gunicorn would take these two from any client on this machine, and so from one behind a proxy that passes them on.
forwarder_headers: Final = ""


def on_starting(server: Any) -> None:
    """Make the folder of the counters before there are workers, and before prometheus-client looks for it."""
    if "prometheus_client" in sys.modules:
        server.log.error("The application was loaded before its workers, which would count alone: leave out --preload.")
        sys.exit(Arbiter.WORKER_BOOT_ERROR)
    make_folder(user_id=server.cfg.uid, group_id=server.cfg.gid)


def pre_exec(server: Any) -> None:
    """Before an upgrade (SIGUSR2), put the sockets that systemd gave back where the new gunicorn looks for them.

    Gunicorn has moved them to other descriptors, and says that they are where they were.
    """
    if server.systemd:
        first, after = SD_LISTEN_FDS_START, SD_LISTEN_FDS_START + len(server.LISTENERS)
        kept = [fcntl(listener.fileno(), F_DUPFD_CLOEXEC, after) for listener in server.LISTENERS]
        for descriptor, place in zip(kept, range(first, after), strict=True):
            os.dup2(descriptor, place)


def child_exit(server: Any, _worker: Any) -> None:
    """Keep the counters of a worker that has ended."""
    keep_counters(of_living=server.WORKERS)


def on_exit(_server: Any) -> None:
    """Remove the folder of the counters."""
    remove_folder()
