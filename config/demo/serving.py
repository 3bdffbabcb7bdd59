"""The demo's web server: gunicorn, reachable only from this machine."""

import socket
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string
from gunicorn.app.base import BaseApplication

from config import gunicorn

HOST = "127.0.0.1"
_MAX_PORT = 65_535


class PortTaken(Exception):
    """Another program listens on the port, or this user may not."""


def require_free_port(port: int) -> None:
    """Refuse a port that the demo could not serve on.

    :raises PortTaken: saying why, and what to do.
    """
    if not 1 <= port <= _MAX_PORT:
        raise PortTaken(f"Port {port} cannot be used: a port is a number from 1 to {_MAX_PORT}.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise PortTaken(f"Port {port} cannot be used ({error.strerror}). Choose another with --port.") from error


class _Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn with the demo's settings and without a configuration file."""

    def __init__(self, *, port: int) -> None:
        self.port = port
        super().__init__()

    def load_config(self) -> None:
        chosen: dict[str, Any] = {
            "bind": f"{HOST}:{self.port}",
            "workers": 1,
            "threads": gunicorn.threads,
            "worker_class": gunicorn.worker_class,
            "preload_app": True,
            "loglevel": "warning",
            "proc_name": "table-ratings",
            "logger_class": gunicorn.logger_class,
            "control_socket_disable": gunicorn.control_socket_disable,
            "forwarder_headers": gunicorn.forwarder_headers,
        }
        for name, value in chosen.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return import_string(settings.WSGI_APPLICATION)


def serve(*, port: int) -> None:
    """Serve the console until Ctrl-C or SIGTERM; does not return."""
    _Server(port=port).run()
