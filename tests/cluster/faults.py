"""The faults of a drill, each as it is asked for; a fault ends when the cluster may put itself in order."""

import time
from collections.abc import Callable
from typing import Final

from tests.cluster.nodes import NODES, START_SECONDS, Cluster
from tests.waiting import wait_until

FROZEN_SECONDS: Final = 30.0
FROZEN_LONGER_SECONDS: Final = 4.0
UNSENT_SECONDS: Final = 2.0


def _kill(cluster: Cluster, primary: str) -> None:
    cluster.kill_node(primary)
    _wait_for_another(cluster, primary)
    cluster.start_node(primary)


def _kill_unsent(cluster: Cluster, primary: str) -> None:
    cluster.stop_sending()
    time.sleep(UNSENT_SECONDS)
    _kill(cluster, primary)


def _switch_over(cluster: Cluster, primary: str) -> None:
    cluster.switch_over(_standby(primary))
    _wait_for_another(cluster, primary)


def _freeze_primary(cluster: Cluster, primary: str) -> None:
    with cluster.frozen(primary):
        _wait_for_another(cluster, primary)
        time.sleep(FROZEN_LONGER_SECONDS)


def _freeze_standby(cluster: Cluster, primary: str) -> None:
    with cluster.frozen(_standby(primary)):
        time.sleep(FROZEN_SECONDS)


def _freeze_etcd(cluster: Cluster, _primary: str) -> None:
    with cluster.frozen("etcd"):
        time.sleep(FROZEN_SECONDS)


def _standby(primary: str) -> str:
    return next(name for name in NODES if name != primary)


def _wait_for_another(cluster: Cluster, primary: str) -> None:
    wait_until(lambda: cluster.primary() not in {None, primary}, timeout_seconds=START_SECONDS)


FAULTS: Final[dict[str, Callable[[Cluster, str], None]]] = {
    "kill": _kill,
    "switchover": _switch_over,
    "freeze": _freeze_primary,
    "freeze-standby": _freeze_standby,
    "freeze-etcd": _freeze_etcd,
    "kill-unsent": _kill_unsent,
}
