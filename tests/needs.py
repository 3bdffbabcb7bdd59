"""What tests need beside Python: programs of Debian, and axe-core, which `.ci/run` installs."""

import os
from functools import cache
from pathlib import Path

CHROMIUM = Path("/usr/lib/chromium/chromium-headless-shell")
AXE = Path(__file__).resolve().parents[1] / ".local" / "npm" / "node_modules" / "axe-core" / "axe.min.js"
PGBOUNCER = Path("/usr/sbin/pgbouncer")
PROMTOOL = Path("/usr/bin/promtool")
FAKETIME = Path("/usr/bin/faketime")
DEPLOYMENT = [
    *map(Path, ("/usr/sbin/nginx", "/usr/sbin/haproxy", "/usr/bin/promtool", "/usr/bin/pgbackrest")),
    *map(Path, ("/usr/bin/systemd-analyze", "/usr/bin/systemd-socket-activate", "/usr/bin/openssl")),
    *map(
        Path,
        (
            "/usr/bin/barman",
            "/usr/bin/docker-compose",
            "/usr/bin/etcd",
            "/usr/lib/postgresql/15/bin/initdb",
            "/usr/bin/setpriv",
        ),
    ),
    PGBOUNCER,
]
_OF_DEPLOYMENT = (
    "nginx-light haproxy prometheus pgbackrest barman docker-compose systemd pgbouncer openssl etcd-server "
    "postgresql-15"
)

_NEEDS: dict[str, tuple[list[Path], str]] = {
    "browser": ([CHROMIUM], "browser tests are left out: apt-get install chromium-headless-shell"),
    "axe_core": ([AXE], "accessibility tests are left out: npm install --no-save --prefix .local/npm axe-core@4"),
    "pool": ([PGBOUNCER], "tests of a connection pool are left out: apt-get install --no-install-recommends pgbouncer"),
    "promtool": ([PROMTOOL], "tests of the alerts are left out: apt-get install --no-install-recommends prometheus"),
    "faketime": ([FAKETIME], "tests of wrong clocks are left out: apt-get install --no-install-recommends faketime"),
    "deployment": (
        DEPLOYMENT,
        f"tests of config/deploy are left out: apt-get install --no-install-recommends {_OF_DEPLOYMENT}",
    ),
}


@cache
def missing() -> dict[str, str]:
    """The fixtures that lack a program, each with what is left out without it."""
    return {fixture: left_out for fixture, (files, left_out) in _NEEDS.items() if not all(map(Path.exists, files))}


def must_be_complete() -> bool:
    """Whether leaving anything out is an error: in CI."""
    return bool(os.environ.get("CI"))
