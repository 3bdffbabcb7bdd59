"""The casino that files are imported into, and the file."""

from pathlib import Path

import pytest

from core.models import Casino
from tests.ratingslips.imports import load_three_files


@pytest.fixture
def casino(db: None, tmp_path: Path) -> Casino:
    """The casino of the three files."""
    return load_three_files(tmp_path / "casino")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.csv"
