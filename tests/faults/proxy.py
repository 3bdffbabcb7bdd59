"""A way to PostgreSQL that loses things: a proxy that knows the framing of the protocol well enough to see a COMMIT.

Each way is a unix socket of its own, for one client, and forwards to the server's socket. A fault that is armed on a
way strikes at the next message that fits it; one in `at` strikes at the statement of that number.
"""

import asyncio
import threading
from collections import Counter, deque
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Final

_LATE_SECONDS: Final = 0.4
_ROUNDS_TO_CLOSE: Final = 5  # of the loop, until both sides have heard of it
_COMMIT: Final = b"COMMIT"
_READY_FOR_QUERY: Final = b"Z"
_STATEMENT_TYPES: Final = b"QPB"  # a simple query, and the first of Parse, Bind, Describe, Execute, Sync


class Loss(StrEnum):
    """What a way can lose."""

    COMMIT = "COMMIT lost before the server"
    HALF_COMMIT = "half a COMMIT"
    COMMIT_ANSWER = "answer of COMMIT lost"
    LATE_COMMIT = "COMMIT arrives after its client was cut off"
    REQUEST = "connection cut in the middle of a statement"
    STATEMENT_ANSWER = "answer of a statement lost"
    HALF_ANSWER = "connection cut in the middle of an answer"
    BEFORE = "backend ended right before a statement"
    AFTER = "backend ended right after a statement, before its answer"


OF_COMMITS: Final = frozenset({Loss.COMMIT, Loss.HALF_COMMIT, Loss.COMMIT_ANSWER, Loss.LATE_COMMIT})


class Messages:
    """The messages of a client, cut out of the bytes that come; the first one has no type."""

    def __init__(self) -> None:
        self._buffer = b""
        self._has_begun = False

    def feed(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """Take in bytes; give the type and the contents of each message that is whole by now."""
        self._buffer += data
        whole: list[tuple[bytes, bytes]] = []
        while True:
            head = 5 if self._has_begun else 4
            if len(self._buffer) < head:
                return whole
            length = int.from_bytes(self._buffer[head - 4 : head])
            end = head - 4 + length
            if len(self._buffer) < end:
                return whole
            whole.append((self._buffer[: head - 4], self._buffer[head:end]))
            self._buffer = self._buffer[end:]
            self._has_begun = True


def statement_in(kind: bytes, contents: bytes) -> bytes:
    """The statement of a simple query or of a Parse; nothing in other messages."""
    return {b"Q": contents, b"P": contents.partition(b"\0")[2]}.get(kind, b"").partition(b"\0")[0]


def is_commit(kind: bytes, contents: bytes) -> bool:
    """Whether a message is a COMMIT."""
    return statement_in(kind, contents) == _COMMIT


class Way:
    """One client's way: its socket, what is armed on it, and what it has lost so far."""

    def __init__(self, folder: Path, *, server: Path) -> None:
        self.folder = folder
        self.server = server
        self.armed: deque[Loss] = deque()
        self.lost: Counter[str] = Counter()
        self.statements: list[bytes] = []
        self.at: dict[int, Loss] = {}
        self.backend = 0
        self.end_backend: Callable[[], object] = lambda: None
        self.clients: set[_Client] = set()

    def struck(self, *fitting: Loss) -> Loss | None:
        """Take the armed loss if it is one of those that fit."""
        if self.armed and self.armed[0] in fitting:
            loss = self.armed.popleft()
            self.lost[loss] += 1
            return loss
        return None


class _Client(asyncio.Protocol):
    """The side of the client."""

    def __init__(self, way: Way) -> None:
        self._way = way
        self._messages = Messages()
        self._early: list[bytes] = []
        self._server: asyncio.Transport | None = None
        self._swallows = False
        self._ends_backend = False
        self._halves = False
        self._is_cut = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._client: asyncio.Transport = transport  # type: ignore[assignment]
        self._way.clients.add(self)
        self._task = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            server, _ = await loop.create_unix_connection(lambda: _Server(self), str(self._way.server))
        except OSError:
            self._client.abort()
            return
        self._server = server
        for data in self._early:
            server.write(data)

    def data_received(self, data: bytes) -> None:
        messages = self._messages.feed(data)
        commits = any(is_commit(*message) for message in messages)
        begun = next((statement_in(*message) for message in messages if message[0] in {b"Q", b"P", b"B"}), None)
        if self._server is None:
            self._early.append(data)
        elif begun is not None and (loss := self._loss(begun, commits=commits)):
            self._lose(loss, data)
        else:
            self._server.write(data)

    def _loss(self, statement: bytes, *, commits: bool) -> Loss | None:
        way = self._way
        way.statements.append(statement)
        if len(way.statements) in way.at:
            return way.at.pop(len(way.statements))
        if commits and (loss := way.struck(*OF_COMMITS)):
            return loss
        return way.struck(Loss.REQUEST, Loss.STATEMENT_ANSWER, Loss.HALF_ANSWER)

    def _lose(self, loss: Loss, data: bytes) -> None:
        assert self._server is not None
        if loss is Loss.BEFORE:
            self._way.end_backend()
            self._server.write(data)
        elif loss is Loss.COMMIT:
            self.cut()
        elif loss in {Loss.HALF_COMMIT, Loss.REQUEST}:
            self._server.write(data[: max(1, len(data) // 2)])
            self.cut()
        elif loss is Loss.LATE_COMMIT:
            self._is_cut = True
            self._client.abort()
            asyncio.get_running_loop().call_later(_LATE_SECONDS, self._server.write, data)
        else:
            self._swallows = loss in {Loss.COMMIT_ANSWER, Loss.STATEMENT_ANSWER, Loss.AFTER}
            self._ends_backend = loss is Loss.AFTER
            self._halves = loss is Loss.HALF_ANSWER
            self._server.write(data)

    def answered(self, data: bytes) -> None:
        """The server says something."""
        if self._swallows or self._is_cut:
            if data[-6:-5] == _READY_FOR_QUERY:
                if self._ends_backend:
                    self._way.end_backend()
                self.cut()
        elif self._halves:
            self._client.write(data[: max(1, len(data) // 2)])
            self.cut(politely=True)
        else:
            self._client.write(data)

    def cut(self, *, politely: bool = False) -> None:
        """End both sides."""
        self._is_cut = True
        if self._server is not None:
            self._server.close()
        if politely:
            self._client.close()
        else:
            self._client.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self._way.clients.discard(self)
        if not self._is_cut and self._server is not None:
            self._server.close()


class _Server(asyncio.Protocol):
    """The side of the server."""

    def __init__(self, client: _Client) -> None:
        self._client = client

    def data_received(self, data: bytes) -> None:
        self._client.answered(data)

    def connection_lost(self, error: Exception | None) -> None:
        self._client.cut(politely=True)


class Proxy:
    """The ways of all clients, served by a thread of its own while the block lasts."""

    def __init__(self, ways: list[Way]) -> None:
        self.ways = ways
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> "Proxy":
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._close())
        self._loop.close()

    async def _listen(self) -> None:
        self._servers = []
        for way in self.ways:
            way.folder.mkdir(parents=True, exist_ok=True)
            path = way.folder / way.server.name
            path.unlink(missing_ok=True)
            self._servers.append(
                await self._loop.create_unix_server(lambda way=way: _Client(way), str(path))  # type: ignore[misc]
            )

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for client in [client for way in self.ways for client in way.clients]:
            client.cut()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for _ in range(_ROUNDS_TO_CLOSE):
            await asyncio.sleep(0)
