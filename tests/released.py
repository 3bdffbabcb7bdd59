"""The release before this one, which docs/upgrading.md names, in the history of this checkout."""

import re
import subprocess
from pathlib import Path
from typing import Final

from tests.processes import ROOT

MISSING: Final = "the release before is not in the history of this checkout: git fetch --unshallow"


def release_before() -> str | None:
    """The commit of the release before; none where there is no git, or a history without it."""
    named = re.search(r"The release before .*, commit `([0-9a-f]{40})`", (ROOT / "docs/upgrading.md").read_text())
    assert named, "docs/upgrading.md does not name the release before"
    try:
        _git("cat-file", "-e", f"{named[1]}^{{commit}}")
    except (FileNotFoundError, subprocess.CalledProcessError):
        return None
    return named[1]


def unpack(commit: str, folder: Path) -> None:
    """Write the files of a commit into a new folder."""
    folder.mkdir()
    subprocess.run(["/usr/bin/tar", "--extract", "--directory", folder], input=_git("archive", commit), check=True)


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=True).stdout  # noqa: S607
