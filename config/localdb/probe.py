"""Ask the PostgreSQL on a Unix socket for its state, without the cost of starting `pg_isready`.

`pg_ctl status` is not reliable: it takes a zombie, or another program with a recycled process id, for the server.
"""

import enum
import socket
import struct
from pathlib import Path
from typing import BinaryIO

# The wire protocol: https://www.postgresql.org/docs/current/protocol-message-formats.html
_PROTOCOL_VERSION = 3 << 16
_CANNOT_CONNECT_NOW = "57P03"
_UNPREPARED = {
    "3D000",  # no such database
    "28000",  # no such role, or one that may not sign in yet
}
_TIMEOUT_SECONDS = 3.0
_MESSAGES_LIMIT = 100


class ServerState(enum.Enum):
    """How a server answers a request for a connection."""

    ABSENT = "nobody listens"
    BUSY = "it starts, recovers, stops or is too slow to answer"
    UNPREPARED = "it serves, but lacks the role or the database"
    READY = "it serves"


def probe(socket_path: Path, *, user: str, database: str) -> ServerState:
    """Return the state of the server that listens on a socket, by opening a connection to one of its databases."""
    parameters = f"user\0{user}\0database\0{database}\0application_name\0probe\0\0".encode()
    request = struct.pack("!ii", len(parameters) + 8, _PROTOCOL_VERSION) + parameters
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_TIMEOUT_SECONDS)
            connection.connect(str(socket_path))
            connection.sendall(request)
            with connection.makefile("rb") as answers:
                return _state(answers)
    except (TimeoutError, BlockingIOError, ConnectionResetError, BrokenPipeError):
        return ServerState.BUSY
    except OSError:
        return ServerState.ABSENT


def _state(answers: BinaryIO) -> ServerState:
    """Read the server's messages up to the one that shows its state."""
    for _ in range(_MESSAGES_LIMIT):
        header = answers.read(5)
        if len(header) < 5:
            return ServerState.BUSY
        kind, length = struct.unpack("!ci", header)
        body = answers.read(length - 4)
        if kind == b"E":
            return _state_of_error(body)
        if kind == b"Z":
            break
    return ServerState.READY


def _state_of_error(body: bytes) -> ServerState:
    """Return the state behind a refusal; one that only a serving server makes, such as "too many clients", is READY."""
    codes = [field[1:].decode() for field in body.split(b"\0") if field.startswith(b"C")]
    if _CANNOT_CONNECT_NOW in codes:
        return ServerState.BUSY
    if not _UNPREPARED.isdisjoint(codes):
        return ServerState.UNPREPARED
    return ServerState.READY
