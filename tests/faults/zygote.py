"""The parent of the workers: Django is set up once, and each worker is a fork of it, as gunicorn's are.

Reads "start NUMBER" and "kill NUMBER" from standard input; says "started NUMBER PID" and "ended NUMBER STATUS" on
standard output.
"""

import os
import select
import signal
import sys
from pathlib import Path
from typing import Final

_POLL_SECONDS: Final = 0.01


def main(folder: Path, workers: int, without: str) -> None:
    """Serve until standard input ends, then wait for the workers that are left."""
    import django

    django.setup()
    from tests.faults.board import Board
    from tests.faults.plan import Plan
    from tests.faults.weakened import take_away

    take_away(without)
    plan = Plan.read(folder / "plan.jsonl")
    board = Board(folder / "board", workers=workers)
    running: dict[int, int] = {}
    orders = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115 - no buffer that select cannot see
    is_open = True
    while is_open or running:
        if is_open and select.select([orders], [], [], _POLL_SECONDS)[0]:
            line = orders.readline().decode()
            is_open = bool(line)
            if line.startswith("kill "):
                for process, number in running.items():
                    if number == int(line.split()[1]):
                        os.kill(process, signal.SIGKILL)  # not waited for yet, so the id is still this child's
            if line.startswith("start "):
                number = int(line.split()[1])
                process = os.fork()
                if process == 0:
                    _be_a_worker(number, folder=folder, plan=plan, board=board)
                running[process] = number
                _say(f"started {number} {process}")
        while running:
            process, status = os.waitpid(-1, os.WNOHANG if is_open else 0)
            if process == 0:
                break
            _say(f"ended {running.pop(process)} {os.waitstatus_to_exitcode(status)}")


def _be_a_worker(number: int, *, folder: Path, plan: object, board: object) -> None:
    """Work in this fork, on a way to the database of its own, and end with it whatever happens."""
    code = 1
    try:
        errors = os.open(folder / f"worker-{number}.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(errors, 2)
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(errors, 1)
        from django.db import connection

        from tests.faults.worker import Worker

        connection.settings_dict["HOST"] = str(folder / f"way-{number}")
        Worker(number=number, folder=folder, plan=plan, board=board).run()  # type: ignore[arg-type]
        code = 0
    except BaseException:  # noqa: BLE001 - a fork must not go on in its parent's loop
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
