"""The worker of gunicorn. Slow clients occupy none of its threads.

The main thread receives each request, and a thread gets it when it is whole. The thread sends of the answer what the
client takes at once, and the main thread the rest. Only answers of unknown length, which are exports, are sent by their
thread, for as long as the client takes something.
"""

import resource
import socket
import struct
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ, EVENT_WRITE
from typing import Any, Final

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.workers.gthread import ThreadWorker

from config.client_socket import ClientSocket
from config.incoming import Incoming, received_from
from config.refusals import refusal

log = structlog.get_logger("gunicorn.access")

# Larger requests may have so many bytes together. Smaller ones are bounded by `worker_connections`.
SMALL_BYTES: Final = 32 * 1024
MAX_LARGE_BYTES: Final = 16 * 1024 * 1024
# How much of all answers is kept for clients; then those that have waited longest are given up.
MAX_UNSENT_BYTES: Final = 32 * 1024 * 1024
# Open files that are kept for others than clients: the database, templates, static files, the log.
OTHER_FILES: Final = 64
# How long a client may go on sending after the answer, before its connection is closed.
LINGERING_SECONDS: Final = 2
# What a stopped worker needs to end the answers that are still being sent.
ENDING_SECONDS: Final = 5


class Worker(ThreadWorker):  # type: ignore[misc]
    """Answers each request in a thread, and gives up on a client that takes nothing of an answer for too long."""

    def init_process(self) -> None:
        """Serve until the worker is stopped."""
        self.sending: set[socket.socket] = set()
        self.receiving: deque[Any] = deque()
        self.answering: deque[Any] = deque()
        self.lingering: deque[Any] = deque()
        self.large: dict[Any, int] = {}
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if files != resource.RLIM_INFINITY:
            self.worker_connections = max(1, min(self.cfg.worker_connections, files - OTHER_FILES))
        super().init_process()

    def run(self) -> None:
        """Serve until the worker is stopped; then end what is still being sent, so that an export records its end."""
        # Gunicorn kills the worker after the whole time.
        self.cfg.set("graceful_timeout", max(0, self.cfg.graceful_timeout - ENDING_SECONDS))
        super().run()
        for client in self.sending.copy():
            client.shutdown(socket.SHUT_RDWR)

    def load_wsgi(self) -> None:
        """Load the application before the first request comes, and look at each answer for its length.

        :raises ImproperlyConfigured: gunicorn was told to end TLS.
        """
        super().load_wsgi()
        if self.cfg.is_ssl:
            raise ImproperlyConfigured(
                "Gunicorn cannot end TLS, because this worker limits requests as it receives them, before they are "
                "decrypted. Leave out --certfile and --keyfile, and let a proxy end TLS (BEHIND_PROXY)."
            )
        application: Any = self.app.wsgi()
        from config.wsgi import warm_up  # The master process, which has this module too, must not load the application.

        warm_up()

        def answered(environ: Any, start_response: Any) -> Any:
            client = environ["gunicorn.socket"]

            def begin(status: str, headers: Any, exc_info: Any = None) -> Any:
                client.waits_for_client = not any(name.lower() == "content-length" for name, _ in headers)
                return start_response(status, headers, exc_info)

            return application(environ, begin)

        self.wsgi = answered

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Handle what happened on the connections. Making room for one may have closed another one meanwhile."""
        for key, _events in self.poller.select(timeout):
            if isinstance(key.fileobj, int) or key.fileobj.fileno() >= 0:
                key.data(key.fileobj)

    def accept(self, listener: Any) -> None:
        """Accept a connection. If there are as many as there may be now, one that waits makes room for the next."""
        super().accept(listener)
        if self.nr_conns >= self.worker_connections:
            self._make_room()

    def _make_room(self) -> None:
        """Close, of the address that has most of the connections that wait, the one that has waited longest."""
        queues = (self.lingering, self.receiving, self.keepalived_conns, self.answering)
        # Of the address and the port, the address; a socket in the file system has neither.
        numbers = Counter(conn.client[:1] for queue in queues for conn in queue)
        if numbers:
            [(address, _number)] = numbers.most_common(1)
            self._close(*next((conn, queue) for queue in queues for conn in queue if conn.client[:1] == address))

    def enqueue_req(self, conn: Any) -> None:
        """Receive the next request of the connection; gunicorn's method gives it to a thread."""
        if not isinstance(conn.sock, ClientSocket):
            conn.sock = ClientSocket(conn.sock)
        conn.incoming = Incoming(conn.parser.unreader.take_buffered() if conn.initialized else b"")
        if conn.incoming.is_ready:
            self._begin(conn)
        else:
            self._wait(conn, self.receiving, self._receive, seconds=settings.SLOW_REQUEST_SECONDS)

    def _receive(self, conn: Any, client: socket.socket) -> None:
        incoming = conn.incoming
        was_known = incoming.length is not None
        incoming.receive(client)
        if not was_known and incoming.length is not None and incoming.length > SMALL_BYTES:
            self.large[conn] = incoming.length
        if incoming.is_head_too_large:
            self._refuse(conn, 413)
        elif incoming.is_cut:
            self._refuse(conn, 400)
        elif conn in self.large and sum(self.large.values()) > MAX_LARGE_BYTES:
            self._refuse(conn, 503)
        elif incoming.is_ready:
            self._end_waiting(conn, self.receiving)
            self._begin(conn)
        elif not was_known and incoming.expects_continue:
            _send(conn, b"HTTP/1.1 100 Continue\r\n\r\n")

    def _begin(self, conn: Any) -> None:
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _time_of(settings.SLOW_REQUEST_SECONDS))
        conn.init()
        conn.parser.unreader.unread(bytes(conn.incoming.received))
        conn.incoming.received.clear()
        super().enqueue_req(conn)

    def _refuse(self, conn: Any, status: int) -> None:
        self._end_waiting(conn, self.receiving)
        _send(conn, refusal(status, why=f"received {len(conn.incoming.received)} bytes"))
        self._linger(conn)

    def handle_request(self, req: Any, conn: Any) -> bool:
        """Answer the request; return whether the connection may be used again.

        The time-out of sending starts again whenever the client has taken something.
        """
        if conn.incoming.is_body_refused:
            req.force_close()
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _time_of(settings.SLOW_CLIENT_SECONDS))
        self.sending.add(conn.sock)
        try:
            return bool(super().handle_request(req, conn))
        except BlockingIOError:
            log.warning("gunicorn.client_took_nothing", path=req.path, seconds=settings.SLOW_CLIENT_SECONDS)
            conn.sock.shutdown(socket.SHUT_RD)  # Else the main thread waits for the client's last words.
            return False
        finally:
            self.sending.discard(conn.sock)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answer a request that gunicorn cannot read, or for which the application failed, on a page with its id."""
        if isinstance(exc, LimitRequestLine | LimitRequestHeaders):
            status = 413
        else:
            status = 400 if isinstance(exc, ParseException) and req is None else 500
        client.sendall(refusal(status, why=type(exc).__name__, error=exc if status == 500 else None))

    def finish_request(self, conn: Any, fs: "Future[Any]") -> None:
        """Send the rest of the answer; then keep the connection, or close it without waiting for the client."""
        self.large.pop(conn, None)
        if conn.sock.fileno() >= 0 and conn.sock.unsent:
            then = partial(self._send_rest, fs=fs)
            self._wait(conn, self.answering, then, seconds=settings.SLOW_CLIENT_SECONDS, until=EVENT_WRITE)
            while sum(len(one.sock.unsent) for one in self.answering) > MAX_UNSENT_BYTES:
                self._close(self.answering[0], self.answering)
        elif not fs.cancelled() and not fs.exception() and fs.result():
            super().finish_request(conn, fs)
        else:
            self._linger(conn)

    def _send_rest(self, conn: Any, client: ClientSocket, *, fs: "Future[Any]") -> None:
        try:
            client.send_rest()
        except OSError:
            self._close(conn, self.answering)
        else:
            if not client.unsent:
                self._end_waiting(conn, self.answering)
                self.finish_request(conn, fs)

    def murder_pending(self) -> None:
        """Close the connections whose clients took too long; gunicorn calls this at least once a second."""
        super().murder_pending()
        for queue in (self.receiving, self.answering, self.lingering):
            while queue and queue[0].timeout <= time.monotonic():
                if queue is self.receiving and queue[0].incoming.received:
                    self._refuse(queue[0], 400)
                else:
                    self._close(queue[0], queue)

    def _cap_keepalive(self, deadline: float) -> None:
        """Let a stopping worker wait no longer for requests than for those on kept connections."""
        super()._cap_keepalive(deadline)
        for conn in self.receiving:
            conn.timeout = min(conn.timeout, deadline)

    def _linger(self, conn: Any) -> None:
        """Close the connection once the client has stopped sending, which may cost it the answer otherwise."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(conn)
        else:
            self._wait(conn, self.lingering, self._drain, seconds=LINGERING_SECONDS)

    def _drain(self, conn: Any, client: socket.socket) -> None:
        if received_from(client) == b"":
            self._close(conn, self.lingering)

    def _wait(
        self, conn: Any, queue: "deque[Any]", then: Callable[..., None], *, seconds: int, until: int = EVENT_READ
    ) -> None:
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + seconds
        queue.append(conn)
        self.poller.register(conn.sock, until, partial(then, conn))

    def _end_waiting(self, conn: Any, queue: "deque[Any]") -> None:
        self.poller.unregister(conn.sock)
        queue.remove(conn)

    def _close(self, conn: Any, queue: "deque[Any]") -> None:
        self._end_waiting(conn, queue)
        self._drop(conn)

    def _drop(self, conn: Any) -> None:
        self.large.pop(conn, None)
        self.nr_conns -= 1
        conn.close()


def _send(conn: Any, few_bytes: bytes) -> None:
    """Send what fits into the buffer of the socket; the client may be gone."""
    with suppress(OSError):
        conn.sock.send(few_bytes)


def _time_of(seconds: int) -> bytes:
    """The time as the options of a socket have it."""
    return struct.pack("ll", seconds, 0)
