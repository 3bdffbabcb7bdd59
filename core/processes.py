"""Work in several processes, each with a connection of its own, that all read one snapshot of the database."""

import multiprocessing
import signal
from argparse import ArgumentParser
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Final, NamedTuple, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections

from core.errors import DomainError
from core.snapshots import one_snapshot

Part = TypeVar("Part")
Result = TypeVar("Result")

MAX_PROCESSES: Final = 16
# A worker whose statement is being cancelled ends within this time, or is killed.
_STOP_SECONDS: Final = 10
_FORK: Final = multiprocessing.get_context("fork")


class WorkerLost(DomainError):
    """A worker process ended before its work was done, for example because it was killed."""

    code = "WORKER_LOST"


def add_processes(parser: ArgumentParser) -> None:
    """Add the option of a command for how many processes it may use."""
    parser.add_argument(
        "--processes",
        type=int,
        choices=range(1, MAX_PROCESSES + 1),
        default=1,
        metavar="N",
        help=f"read in so many processes, each with a connection: 1 to {MAX_PROCESSES}, default 1",
    )


class _Worker(NamedTuple):
    process: BaseProcess
    pipe: Connection


def in_processes(
    work: Callable[[Part], Result], parts: Sequence[Part], *, processes: int, statement_seconds: int
) -> Generator[Result]:
    """The result of `work` for each of `parts`, in their order, by at most so many `processes`.

    Works in the caller's transaction, which must be one snapshot. Every worker reads this snapshot, in a read-only
    transaction whose statements may take `statement_seconds`. With one process, the caller's does the work. An error
    of a worker is raised here. The workers end with the iterator: read it to its end, or close it.

    :raises WorkerLost: a worker ended before its work was done.
    """
    if processes == 1 or len(parts) == 1:
        yield from map(work, parts)
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_export_snapshot()")
        (snapshot,) = cursor.fetchone()

    def answer(pipe: Connection) -> None:
        with one_snapshot(statement_seconds=statement_seconds, idle_seconds=statement_seconds, exported=snapshot):
            while True:
                number = pipe.recv()
                pipe.send((number, work(parts[number])))

    workers: list[_Worker] = []
    try:
        while len(workers) < min(processes, len(parts)):
            workers.append(_started(answer, beside=workers))
        yield from _results([worker.pipe for worker in workers], parts=len(parts))
    except (EOFError, ConnectionError) as error:
        raise WorkerLost("A worker process ended before its work was done. Run the command again.") from error
    finally:
        _stop(workers)


def _results(pipes: Sequence[Connection], *, parts: int) -> Iterator[Any]:
    """Send each worker that has nothing to do the next number of a part, and yield the results in order."""
    results: dict[int, Any] = {}
    given = yielded = 0
    ready: Sequence[Any] = pipes
    while yielded < parts:
        for pipe in ready:
            if given < parts:
                pipe.send(given)
                given += 1
        woken = wait(pipes)
        ready = [pipe for pipe in pipes if pipe in woken]
        for pipe in ready:
            number, result = pipe.recv()
            if isinstance(result, _Failure):
                raise result.error from result.cause
            results[number] = result
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")  # So that the transaction with the snapshot is never idle for too long.
        while yielded in results:
            yield results.pop(yielded)
            yielded += 1


class _Failure(NamedTuple):
    """An error of a worker; its cause has the SQLSTATE, and pickling the error alone would lose it."""

    error: Exception
    cause: BaseException | None


def _started(answer: Callable[[Connection], None], *, beside: Sequence[_Worker]) -> _Worker:
    ours, theirs = _FORK.Pipe()
    # A worker that kept the pipes of the others open would keep them waiting after the end of this process.
    inherited = [ours, *(worker.pipe for worker in beside)]
    process = _FORK.Process(target=_serve, args=(answer, theirs, inherited), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours)


def _serve(answer: Callable[[Connection], None], pipe: Connection, inherited: Sequence[Connection]) -> None:
    """What a worker does, until its pipe is closed or it is interrupted."""
    try:
        # An interrupted statement is cancelled in PostgreSQL too, where the end of the process would not end it.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        for end in inherited:
            end.close()
        with _own_connection():
            answer(pipe)
    except (EOFError, KeyboardInterrupt):
        pass
    except Exception as error:  # noqa: BLE001  (raised again by the parent)
        pipe.send((None, _Failure(error, error.__cause__)))


@contextmanager
def _own_connection() -> Iterator[None]:
    """The parent's connection is kept, and not closed: that would end the parent's session."""
    parents = connections[DEFAULT_DB_ALIAS]
    connections[DEFAULT_DB_ALIAS] = type(parents)(parents.settings_dict, DEFAULT_DB_ALIAS)
    try:
        yield
    finally:
        connections[DEFAULT_DB_ALIAS].close()
        connections[DEFAULT_DB_ALIAS] = parents


def _stop(workers: Sequence[_Worker]) -> None:
    for worker in workers:
        worker.process.terminate()
        worker.pipe.close()
    for worker in workers:
        worker.process.join(_STOP_SECONDS)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
