"""The casino that files are imported into, and the file."""

from pathlib import Path

import pytest

from core.models import Casino
from tests.casino_files import CasinoFolder
from tests.commands import run


@pytest.fixture
def casino(db: None, tmp_path: Path) -> Casino:
    """The casino of the three files: José and Mara may play, Ben is barred."""
    folder = tmp_path / "casino"
    folder.mkdir()
    assert run("load_casino", CasinoFolder(folder=folder).write(), "--code", "harbour").code == 0
    return Casino.objects.get()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.csv"
