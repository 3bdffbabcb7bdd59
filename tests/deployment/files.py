"""Copies of the files of config/deploy for this machine: other addresses, ports and folders, and nothing else."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.processes import ROOT

DEPLOY = ROOT / "config" / "deploy"


def adapted(name: str, folder: Path, replaced: Mapping[str, str]) -> Path:
    """Copy the file `name` into `folder` with these texts replaced, each of which it must hold; gives the copy."""
    text = (DEPLOY / name).read_text()
    for old, new in replaced.items():
        assert old in text, f"{name} does not hold {old}"
        text = text.replace(old, new)
    copy = folder / Path(name).name
    copy.write_text(text)
    return copy


@contextmanager
def listening() -> Iterator[int]:
    """A port of this machine on which somebody listens, who answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])
