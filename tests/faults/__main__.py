"""A run of the fault harness: `python -m tests.faults --operations 100000 --seed 7 --report run.json`.

Needs no database: it runs a PostgreSQL of its own in a temporary folder, and leaves nothing behind but the report, and
a page beside it (`run.md`). Exit codes: 0 nothing was found wrong, 1 something was.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.faults.servers import FaultServer, environment, fault_server

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Parse, run, tell."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that nothing is left behind
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        # The server's own user must be able to look inside.
        folder = Path(name)
        folder.chmod(0o755)
        with fault_server(folder) as server:
            return _run(options, server=server, folder=folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--operations", type=int, default=1_000, help="steps to plan, at least")
    parser.add_argument("--seed", type=int, default=1, help="of the plan and of the faults")
    parser.add_argument("--workers", type=int, default=6)
    parser.add_argument("--own-faults", type=float, default=0.01, help="share of steps that strike their own worker")
    parser.add_argument("--idle-faults", type=float, default=0.0005, help="share of steps that idle in a transaction")
    parser.add_argument("--fault-every", type=float, default=40, help="answers between two faults from outside")
    parser.add_argument("--crashes", type=int, default=5, help="crashes of a backend, and stops of the server")
    parser.add_argument(
        "--without", default="", help="a guard to take away, as a control: see tests/faults/weakened.py"
    )
    parser.add_argument("--report", type=Path, help="JSON; a page for people is written beside it")
    parser.add_argument("--keep", type=Path, help="copy the histories and logs to this folder")
    return parser


def _run(options: argparse.Namespace, *, server: FaultServer, folder: Path) -> int:
    os.environ.update(environment(server))
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connections

    from tests.faults.controls import controls_of
    from tests.faults.harness import Size, run
    from tests.faults.report import as_data, as_json, as_page

    call_command("migrate", verbosity=0)
    size = Size(
        operations=options.operations,
        seed=options.seed,
        workers=options.workers,
        own_faults=options.own_faults,
        idle_faults=options.idle_faults,
        fault_every=options.fault_every,
        crashes=options.crashes,
        without=options.without,
    )
    try:
        done = run(size, server=server, folder=folder)
        controls = {} if options.without else controls_of(done, server=server, folder=folder)
    finally:
        connections.close_all()
        _keep(folder, options.keep)
    data = as_data(done, version=_version(), controls=controls)
    if options.report:
        options.report.write_text(as_json(data))
        options.report.with_suffix(".md").write_text(as_page(data))
    sys.stdout.write(as_page(data))
    return 0 if done.is_clean and all(controls.values()) else 1


def _keep(folder: Path, kept: Path | None) -> None:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        for file in [*folder.glob("*.jsonl"), *folder.glob("*.log")]:
            (kept / file.name).write_bytes(file.read_bytes())


def _version() -> str:
    asked = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.stdout.strip() or os.environ.get("FAULTS_VERSION", "unknown")


if __name__ == "__main__":
    sys.exit(main())
