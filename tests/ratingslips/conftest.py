"""The casino that files are imported into, the file, and a supervisor."""

from pathlib import Path

import pytest
from django.test import Client

from core.models import Casino
from core.roles import LOYALTY_SUPERVISOR, PIT_SUPERVISOR
from ratingslips.models import GamingTable
from ratingslips.services import chunks, recorder
from tests.console import signed_in
from tests.factories import TableFactory
from tests.floor import Floor
from tests.ratingslips.imports import load_three_files


@pytest.fixture
def casino(db: None, tmp_path: Path) -> Casino:
    """The casino of the three files."""
    return load_three_files(tmp_path / "casino")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.csv"


@pytest.fixture
def unhurried_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no chunk end for want of time, on however busy a machine."""
    for module in (chunks, recorder):
        monkeypatch.setattr(module, "CHUNK_SECONDS", 60)
    monkeypatch.setattr(chunks, "LAST_STATEMENT_SECONDS", 60)
    monkeypatch.setattr(chunks, "STATEMENT_MILLISECONDS", 60_000)


@pytest.fixture
def supervisor(floor: Floor) -> Client:
    """The browser of a supervisor with every right."""
    return signed_in(floor.supervisor, PIT_SUPERVISOR, LOYALTY_SUPERVISOR)


@pytest.fixture
def next_table(floor: Floor) -> GamingTable:
    """Another table of the pit."""
    return TableFactory.create(casino=floor.casino, pit=floor.pit)
