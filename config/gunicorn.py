"""Gunicorn's settings: `gunicorn -c python:config.gunicorn config.wsgi`, with other options on the command line."""

import socket
import struct
from datetime import timedelta
from typing import Any, Final

import structlog
from django.conf import settings
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

from config.environment import Environment
from config.logging import configure_logging

log = structlog.get_logger("gunicorn.access")

# What a stopped worker needs to end the answers that are still being sent.
ENDING_SECONDS: Final = 5


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


class Worker(ThreadWorker):  # type: ignore[misc]
    """Answers each request in a thread, and gives up on a client that takes nothing of an answer for too long."""

    def run(self) -> None:
        """Serve until the worker is stopped; then end what is still being sent, so that an export records its end."""
        self.sending: set[socket.socket] = set()
        # Gunicorn kills the worker after the whole time.
        self.cfg.set("graceful_timeout", max(0, self.cfg.graceful_timeout - ENDING_SECONDS))
        super().run()
        for client in self.sending.copy():
            client.shutdown(socket.SHUT_RDWR)

    def handle_request(self, req: Any, conn: Any) -> bool:
        """Answer the request; return whether the connection may be used again.

        The time-out of sending starts again whenever the client has taken something.
        """
        timeout = struct.pack("ll", settings.SLOW_CLIENT_SECONDS, 0)
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeout)
        self.sending.add(conn.sock)
        try:
            return bool(super().handle_request(req, conn))
        except BlockingIOError:
            log.warning("gunicorn.client_took_nothing", path=req.path, seconds=settings.SLOW_CLIENT_SECONDS)
            conn.sock.shutdown(socket.SHUT_RD)  # Else the main thread waits for the client's last words.
            return False
        finally:
            self.sending.discard(conn.sock)


logger_class: Final = StructuredLogger
accesslog: Final = "-"
# The socket would be in the home folder of the user, who may have none.
control_socket_disable: Final = True

# A page needs one thread for a moment, an export one for minutes (`EXPORTS_AT_ONCE`). The time-out ends a worker whose
# main thread hangs: a thread that sends an export does not count against it.
worker_class: Final = "config.gunicorn.Worker"
threads: Final = 8
timeout: Final = 30
graceful_timeout: Final = 30
