"""Three PostgreSQL under Patroni, one etcd and HAProxy, with the files of config/deploy, on loopback addresses."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final

import psycopg

from config.localdb.roles import APPLICATION, DATABASE, NOT_FROM_ENVIRONMENT, SUPERUSER, establish
from tests.cluster.processes import Processes
from tests.deployment.files import DEPLOY, adapted
from tests.waiting import wait_until

NODES: Final = ("node1", "node2", "node3")
PORT: Final = 5000
START_SECONDS: Final = 180.0
_ASKED_FOR_SECONDS: Final = 2.0
# Clients on loopback have the address 127.0.0.1, whatever address they connect to. Only the drill itself, which makes
# roles and looks at the books, comes without TLS.
_RIGHTS: Final = f"""        - hostssl replication all 127.0.0.0/8 trust
        - host all {SUPERUSER} 127.0.0.0/8 trust
        - hostssl all all 127.0.0.0/8 trust
"""
_PROGRAMS: Final = "  bin_dir: /usr/lib/postgresql/15/bin\n"


class Cluster:
    """The cluster; `folder` is empty at first, and can be entered by everybody.

    Without `has_quorum`, a commit waits for no standby.
    """

    def __init__(self, folder: Path, *, has_quorum: bool) -> None:
        self._folder = folder
        self.has_quorum = has_quorum
        # 127.A.B.0/24 of this process alone: the files keep their ports, and two drills do not meet.
        self._network = f"127.{1 + os.getpid() % 250}.{os.getpid() // 250 % 250}."
        self._processes = Processes(folder)
        self._certificate = folder / "tls" / "server.crt"

    @property
    def host(self) -> str:
        """Where HAProxy listens."""
        return f"{self._network}1"

    def start(self) -> None:
        """Start everything, and wait until it is whole."""
        self._start_etcd()
        self._make_certificate()
        for name in NODES:
            self._configure(name)
            self.start_node(name)
        here = {
            "10.20.0.": self._network,
            "127.0.0.1:": f"{self.host}:",
            "/run/haproxy": str(self._processes.make_folder(self._folder / "haproxy")),
        }
        self._processes.start("proxy", "/usr/sbin/haproxy", "-db", "-f", adapted("haproxy.cfg", self._folder, here))
        wait_until(self.is_whole, timeout_seconds=START_SECONDS)
        wait_until(self._serves, timeout_seconds=START_SECONDS)
        establish(socket_folder=self.host, port=PORT, for_tests=False)

    def _start_etcd(self) -> None:
        # One etcd that listens on the addresses of three.
        clients = ",".join(f"http://{self._network}{11 + number}:2379" for number in range(len(NODES)))
        peers = f"http://{self._network}11:2380"
        self._processes.start(
            "etcd",
            "/usr/bin/etcd",
            f"--data-dir={self._processes.make_folder(self._folder / 'etcd')}",
            *(f"--listen-client-urls={clients}", f"--advertise-client-urls={clients}"),
            *(f"--listen-peer-urls={peers}", f"--initial-advertise-peer-urls={peers}"),
            f"--initial-cluster=default={peers}",
        )

    def _make_certificate(self) -> None:
        """Make the one certificate of all nodes, which is its own authority."""
        self._processes.make_folder(self._certificate.parent)
        key = self._certificate.with_suffix(".key")
        made = ("-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=ratings")
        self._processes.run("/usr/bin/openssl", "req", *made, "-keyout", key, "-out", self._certificate)

    def _configure(self, name: str) -> None:
        folder = self._processes.make_folder(self._folder / name)
        rights = (DEPLOY / "patroni.yml").read_text().partition("pg_hba:\n")[2].partition("  initdb:\n")[0]
        here = {
            rights: _RIGHTS,
            "/etc/patroni/server.crt": str(self._certificate),
            "/etc/patroni/server.key": str(self._certificate.with_suffix(".key")),
            "name: node1": f"name: {name}",
            "listen: 10.20.0.11": f"listen: {self._address(name)}",
            "connect_address: 10.20.0.11": f"connect_address: {self._address(name)}",
            "10.20.0.": self._network,
            "/var/lib/postgresql/15/ratings": str(self._processes.data_of(name)),
            "/var/lib/postgresql/.pgpass-patroni": str(folder / "pgpass"),
            "username: postgres": f"username: {SUPERUSER}",
            "pgbackrest --stanza=ratings archive-push %p": "/bin/true",
            'pgbackrest --stanza=ratings archive-get %f "%p"': "/bin/false",
            _PROGRAMS: f"{_PROGRAMS}  parameters:\n    unix_socket_directories: ''\n",
            # A watchdog of this machine would restart it.
            "mode: automatic": "mode: 'off'",
        }
        if not self.has_quorum:
            here["synchronous_mode: quorum"] = "synchronous_mode: 'off'"
        adapted("patroni.yml", folder, here)

    def _address(self, name: str) -> str:
        return f"{self._network}{11 + NODES.index(name)}"

    def start_node(self, name: str) -> None:
        """Start a node, which joins the others by itself."""
        program = Path(sys.executable).with_name("patroni")
        self._processes.start(name, program, self._folder / name / "patroni.yml")

    def kill_node(self, name: str) -> None:
        """Kill Patroni and PostgreSQL of a node."""
        self._processes.kill(name)

    def stop_sending(self) -> None:
        """Let the primary send its standbys nothing more, as a network does that is lost before the primary is."""
        with self.connect() as connection:
            for (sender,) in connection.execute("SELECT pid FROM pg_stat_replication").fetchall():
                os.kill(sender, signal.SIGSTOP)

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """All processes of a node, or of etcd, stand still in this block."""
        self._processes.send(name, signal.SIGSTOP)
        try:
            yield
        finally:
            self._processes.send(name, signal.SIGCONT)

    def switch_over(self, candidate: str) -> None:
        """Make another node the primary, as an operator does."""
        program = Path(sys.executable).with_name("patronictl")
        config = self._folder / candidate / "patroni.yml"
        self._processes.run(program, "-c", config, "switchover", "ratings", "--candidate", candidate, "--force")

    def primary(self) -> str | None:
        """The node that says that it is the primary."""
        return next((name for name in NODES if self._ask(name, "/primary", method="OPTIONS") is not None), None)

    def is_whole(self) -> bool:
        """Whether there is a primary, and two standbys that stream and, with a quorum, that it may wait for."""
        answer = next(filter(None, (self._ask(name, "/cluster") for name in NODES)), '{"members": []}')
        found = sorted((member["role"], member["state"]) for member in json.loads(answer)["members"])
        standby = "quorum_standby" if self.has_quorum else "replica"
        return found == [("leader", "running"), *[(standby, "streaming")] * (len(NODES) - 1)]

    def _ask(self, name: str, path: str, *, method: str = "GET") -> str | None:
        """The answer of the Patroni of a node; None if there is none, or if the node says no."""
        client = HTTPConnection(self._address(name), 8008, timeout=_ASKED_FOR_SECONDS)
        with suppress(OSError, HTTPException):
            client.request(method, path)
            answer = client.getresponse()
            said = answer.read().decode()
            return said if answer.status == 200 else None
        return None

    def connect(self) -> psycopg.Connection:
        """Connect to the primary, as the superuser."""
        address: dict[str, Any] = {**NOT_FROM_ENVIRONMENT, "host": self.host, "port": PORT, "user": SUPERUSER}
        return psycopg.connect(**address, dbname=DATABASE, autocommit=True)

    def url(self, *, role: str = APPLICATION) -> str:
        """The address of the primary, as DATABASE_URL takes it."""
        checks = f"sslmode=verify-ca&sslrootcert={self._certificate}"
        return f"postgres://{role}@{self.host}:{PORT}/{DATABASE}?{checks}"

    def _serves(self) -> bool:
        address: dict[str, Any] = {**NOT_FROM_ENVIRONMENT, "host": self.host, "port": PORT, "user": SUPERUSER}
        with suppress(psycopg.Error), psycopg.connect(**address, dbname="postgres"):
            return True
        return False

    def remove(self) -> None:
        """Kill everything that was started."""
        self._processes.end()


@contextmanager
def running_cluster(folder: Path, *, has_quorum: bool = True) -> Iterator[Cluster]:
    """A cluster that runs while the block lasts."""
    cluster = Cluster(folder, has_quorum=has_quorum)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()
