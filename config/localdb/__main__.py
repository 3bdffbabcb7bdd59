"""For the operator: `python -m config.localdb start`, `stop` or `status`, with `--test` for the server of the tests."""

import argparse
import sys

from .base import CHECKOUT
from .errors import LocalServerError
from .roles import APPLICATION
from .server import LocalServer, Purpose


def main(arguments: list[str]) -> int:
    """Do what the command line asks, say what was done, and give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m config.localdb", description="The private PostgreSQL.")
    parser.add_argument("action", choices=["start", "stop", "status"])
    parser.add_argument("--test", action="store_true", help="the server of the tests, not the main one")
    options = parser.parse_args(arguments)
    try:
        server = LocalServer(CHECKOUT, purpose=Purpose.TEST if options.test else Purpose.MAIN)
        said, code = _act(server, options.action)
    except LocalServerError as error:
        said, code = str(error), 1
    sys.stdout.write(f"{said}\n")
    return code


def _act(server: LocalServer, action: str) -> tuple[str, int]:
    """Do one action; the exit code of `status` is 3 if nothing runs, as for a service."""
    address = server.database_url(role=APPLICATION)
    if action == "start":
        started = server.ensure_running()
        return f"{'Started' if started else 'Runs already'}: {address}", 0
    if action == "stop":
        return ("Stopped." if server.stop() else "It did not run."), 0
    if server.running():
        return f"Runs as process {server.postmaster_id()}: {address}\nIts files: {server.home}", 0
    return f"Does not run. Its files: {server.home}", 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
