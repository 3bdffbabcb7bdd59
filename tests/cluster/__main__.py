"""Run three PostgreSQL under Patroni, lose the primary in several ways under load, and print what was lost.

`python -m tests.cluster` takes about five minutes, and `--only kill,switchover` about one and a half. With
`--without-quorum`, it shows what quorum commit is for: the primary is killed after it could send its standbys nothing
for a while. It needs Debian's
postgresql-15, etcd-server and haproxy. It makes everything in a folder of its own, which it removes. Redirect what it
prints to a file of docs/reports. Exit codes: 0 nothing was lost or paid twice, 1 something was; the other way round
without quorum, where nothing lost would be a drill that cannot find a loss.
"""

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path

from tests.cluster.faults import FAULTS
from tests.cluster.nodes import Cluster, running_cluster
from tests.faults.servers import environment


def main() -> int:
    """Parse, run, and print the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    parser.add_argument("--only", help=f"faults, in their order; default: {','.join(FAULTS)}")
    parser.add_argument("--without-quorum", action="store_true", help="commits wait for no standby; only kill-unsent")
    parser.add_argument("--keep", type=Path, help="copy the histories and logs to this folder")
    options = parser.parse_args()
    default = ["kill-unsent"] if options.without_quorum else [*FAULTS]
    faults: list[str] = options.only.split(",") if options.only else default
    if unknown := {*faults} - {*FAULTS}:
        parser.error(f"there is no fault {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that nothing is left behind
    with tempfile.TemporaryDirectory(prefix="cluster-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        try:
            with running_cluster(folder, has_quorum=not options.without_quorum) as cluster:
                return _run(cluster, folder, faults)
        finally:
            _keep(folder, options.keep)


def _run(cluster: Cluster, folder: Path, faults: list[str]) -> int:
    os.environ.update(environment(cluster))
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connections

    from tests.cluster.drill import Drill
    from tests.cluster.report import as_page

    call_command("migrate", verbosity=0)
    try:
        result = Drill(cluster, folder).run(faults)
    finally:
        connections.close_all()
    sys.stdout.write(as_page(result))
    return 0 if result.is_clean is cluster.has_quorum else 1


def _keep(folder: Path, kept: Path | None) -> None:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        for file in [*folder.glob("*.jsonl"), *folder.glob("*.log")]:
            (kept / file.name).write_bytes(file.read_bytes())


if __name__ == "__main__":
    sys.exit(main())
