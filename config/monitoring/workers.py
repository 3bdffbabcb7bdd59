"""The files in which the workers of one gunicorn keep their counters.

The files of a worker that has ended are added to one file: else there would be more with each reload.
"""

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
# In the name of the file of all workers that have ended; those of others have a process id.
_ENDED: Final = "ended"


def make_folder(*, user_id: int, group_id: int) -> None:
    """Make the folder, which prometheus-client reads from the environment, for workers of this user."""
    folder = mkdtemp(prefix="table-ratings-metrics-")
    if (user_id, group_id) != (os.geteuid(), os.getegid()):  # the unit of the console allows no chown at all
        os.chown(folder, user_id, group_id)
    os.environ[_VARIABLE] = folder


def remove_folder() -> None:
    """Remove the folder with the counters of all workers."""
    shutil.rmtree(os.environ.pop(_VARIABLE), ignore_errors=True)


def folder() -> Path | None:
    """The folder; None in a process that no gunicorn has started, which counts for itself."""
    return Path(os.environ[_VARIABLE]) if _VARIABLE in os.environ else None


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Keep the files of ended workers where they are for the block."""
    with _locked(folder, LOCK_SH):
        yield


def keep_counters(*, of_living: Collection[int]) -> None:
    """Add the counters of each worker that is not `of_living`, which are process ids, to those of all that have ended.

    While somebody reads them, nothing is moved and nobody waits; the next call does it.
    """
    from prometheus_client.mmap_dict import MmapedDict

    in_folder = folder()
    if in_folder is None:
        return
    with suppress(BlockingIOError), _locked(in_folder, LOCK_EX | LOCK_NB):
        for file in in_folder.glob("*_*.db"):
            kind, _, process_id = file.stem.partition("_")
            if process_id == _ENDED or int(process_id) in of_living:
                continue
            kept = MmapedDict(str(in_folder / f"{kind}_{_ENDED}.db"))
            for key, value, _timestamp, _position in MmapedDict.read_all_values_from_file(str(file)):
                kept.write_value(key, kept.read_value(key)[0] + value, 0)
            kept.close()
            file.unlink()


@contextmanager
def _locked(in_folder: Path, how: int) -> Iterator[None]:
    descriptor = os.open(in_folder, os.O_RDONLY)
    try:
        flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)
