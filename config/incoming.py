"""What a worker has received of a request, before a thread reads it."""

import re
import socket
from typing import Final

from django.conf import settings

from core.incoming import MAX_LENGTH_DIGITS

# More than a browser sends: gunicorn's limits are per header, and amount to 800 kB.
MAX_HEAD_BYTES: Final = 64 * 1024

_RECEIVED_AT_ONCE_BYTES: Final = 64 * 1024
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)[ \t]*(?=\r\n)", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_EXPECTS: Final = re.compile(rb"\r\nexpect:[ \t]*100-continue", re.IGNORECASE)


def received_from(client: socket.socket) -> bytes | None:
    """What has come from the client, whose socket does not block: nothing yet (None), or nothing more (no bytes)."""
    try:
        return client.recv(_RECEIVED_AT_ONCE_BYTES)
    except BlockingIOError:
        return None
    except OSError:
        return b""


class Incoming:
    """The bytes of one request, as they are received.

    `length` is how many bytes are received before the request is read: its head and its body. It is None until the
    head has ended. A body that the console refuses by its head is not received, and `is_body_refused` is true.
    """

    def __init__(self, received: bytes) -> None:
        self.received = bytearray(received)
        self.length: int | None = None
        self.is_body_refused = False
        self._has_ended = False
        self._searched_bytes = 0
        self._find_length()

    @property
    def is_ready(self) -> bool:
        """Whether a thread can read the request without waiting: all of it is here, or no more comes."""
        return self._has_ended or (self.length is not None and len(self.received) >= self.length)

    @property
    def is_cut(self) -> bool:
        """Whether no more comes, although the head has not ended."""
        return self._has_ended and self.length is None and bool(self.received)

    @property
    def is_head_too_large(self) -> bool:
        """Whether the head has not ended within its limit."""
        return self.length is None and len(self.received) > MAX_HEAD_BYTES

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for a sign before it sends the body."""
        return not self.is_ready and bool(_EXPECTS.search(self.received, 0, self._searched_bytes))

    def receive(self, client: socket.socket) -> None:
        """Take what has come from the client, whose socket does not block."""
        received = received_from(client)
        self._has_ended = received == b""
        self.received += received or b""
        if self.length is None:
            self._find_length()

    def _find_length(self) -> None:
        head_length = self.received.find(_HEAD_END, max(0, self._searched_bytes - len(_HEAD_END)))
        self._searched_bytes = len(self.received)
        if head_length < 0:
            return
        self._searched_bytes = head_length + len(_HEAD_END)
        lengths = _LENGTH.findall(self.received, 0, self._searched_bytes)
        announced = int(lengths[0][:MAX_LENGTH_DIGITS]) if lengths else 0
        is_chunked = bool(_CHUNKED.search(self.received, 0, self._searched_bytes))
        self.is_body_refused = is_chunked or len(lengths) > 1 or announced > (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0)
        self.length = self._searched_bytes + (0 if self.is_body_refused else announced)
