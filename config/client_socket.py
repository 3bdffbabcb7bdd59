"""The socket of a client, which may take its answer slowly."""

import socket
from typing import Any


class ClientSocket(socket.socket):
    """A socket that keeps in `unsent` what the client does not take at once, so that no thread waits for it.

    While `waits_for_client` is set, sending waits: for an answer of unknown length, which may be too large to keep.
    """

    def __init__(self, accepted: socket.socket) -> None:
        super().__init__(fileno=accepted.detach())
        self.unsent = bytearray()
        self.waits_for_client = False

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send the data, or keep its rest."""
        if self.waits_for_client:
            super().sendall(data, flags)
        else:
            taken = 0 if self.unsent else self._send_now(data)
            self.unsent += data[taken:]

    def send_rest(self) -> None:
        """Send what the client takes now of what was kept."""
        del self.unsent[: self._send_now(self.unsent)]

    def _send_now(self, data: Any) -> int:
        try:
            return self.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0
