"""Real private servers in temporary checkouts, processes that start them, and the two ways to lose one."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from config.localdb.roles import SUPERUSER
from config.localdb.server import LocalServer, Purpose
from tests.waiting import wait_until

REPOSITORY = Path(__file__).resolve().parents[2]

_START = """
import sys
from pathlib import Path
from config.localdb.server import LocalServer, Purpose
{before}
sys.stdout.write(str(LocalServer(Path(sys.argv[1]), purpose=Purpose.TEST).ensure_running()))
{after}
"""


@contextlib.contextmanager
def local_server(root: Path, *, purpose: Purpose = Purpose.TEST) -> Iterator[LocalServer]:
    """Give the server of a temporary checkout, not started; stop it and remove all of it afterwards."""
    server = LocalServer(root, purpose=purpose)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.home, ignore_errors=True)
        shutil.rmtree(server.socket_folder, ignore_errors=True)


def ask(server: LocalServer, query: Any, *, database: str = "loyalty", role: str = SUPERUSER) -> Any:
    """Give the first column of the first row of a query, or None where it has no rows."""
    with psycopg.connect(server.database_url(database, role=role), autocommit=True) as connection:
        cursor = connection.execute(query)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def process_of(server: LocalServer) -> int:
    """Give the process id of a server that runs."""
    process_id = server.postmaster_id()
    assert process_id is not None
    return process_id


def kill(server: LocalServer) -> int:
    """Kill the server as the kernel does when memory runs out, and give the process id that it had."""
    process_id = process_of(server)
    os.kill(process_id, signal.SIGKILL)
    wait_until(lambda: server.postmaster_id() is None)
    return process_id


def starter(server: LocalServer, *, before: str = "", after: str = "") -> subprocess.Popen[str]:
    """Start another Python that starts the server, in a process group of its own; it writes what it was told."""
    code = _START.format(before=before, after=after)
    return subprocess.Popen(
        [sys.executable, "-c", code, str(server.root)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
