"""Requests as bytes on a socket, as no library would send them, and their answers."""

import http.client
import socket
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

FORM: Final = "Content-Type: application/x-www-form-urlencoded"


@dataclass(frozen=True, kw_only=True, slots=True)
class RawRequest:
    """A request; `headers` as lines, `length` where another one is announced than the body has."""

    method: str = "GET"
    target: str = "/console/login/"
    host: str = "Host: localhost"
    headers: tuple[str, ...] = ()
    cookies: tuple[str, ...] = ()
    body: bytes = b""
    length: int | None = None
    is_cut: bool = False

    def encoded(self, *more: str) -> bytes:
        """The bytes, with `more` cookies before its own."""
        cookies = [f"Cookie: {'; '.join([*more, *self.cookies])}"] if more or self.cookies else []
        lines = [f"{self.method} {self.target} HTTP/1.1", self.host, *self.headers, *cookies]
        if self.length is not None or (self.body and not any("Transfer-Encoding" in line for line in lines)):
            lines.append(f"Content-Length: {len(self.body) if self.length is None else self.length}")
        return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1") + self.body


@dataclass(frozen=True, kw_only=True, slots=True)
class RawAnswer:
    """An answer, and what came after it on the same connection."""

    status: int
    headers: Any
    body: str


def connect(port: int) -> socket.socket:
    """A connection to a server of this machine."""
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def read_answer(client: socket.socket) -> RawAnswer:
    """Read one answer, to its end."""
    with closing(http.client.HTTPResponse(client)) as answer:
        answer.begin()
        return RawAnswer(status=answer.status, headers=answer.headers, body=answer.read().decode(errors="replace"))


def ask(port: int, request: RawRequest, *cookies: str) -> RawAnswer:
    """Send the request on a connection of its own, with `cookies` as well, and read its answer."""
    with connect(port) as client:
        client.sendall(request.encoded(*cookies))
        if request.is_cut:
            client.shutdown(socket.SHUT_WR)
        return read_answer(client)
