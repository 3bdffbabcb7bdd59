"""Fixtures of the configuration's tests."""

import ctypes
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from config.localdb.server import LocalServer
from tests.config.local_servers import local_server
from tests.config.matrix.asking import Asking
from tests.config.matrix.house import TwoCasinos
from tests.databases import as_owner
from tests.emptying import ModuleDb
from tests.floor import Floor
from tests.needs import PROMTOOL

_PR_SET_CHILD_SUBREAPER = 36
_TRUNCATE_TRIGGERS = "SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgname LIKE '%\\_refuse\\_truncate'"


@pytest.fixture
def subreaper() -> Iterator[None]:
    """Make this process the parent of orphans, so that a server which dies stays a zombie until it is waited for."""
    libc = ctypes.CDLL(None)
    assert libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    yield
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A private server of a temporary checkout that the tests of a module share."""
    with local_server(tmp_path_factory.mktemp("checkout")) as shared:
        yield shared


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[LocalServer]:
    """A private server that was never started."""
    with local_server(tmp_path) as never_started:
        yield never_started


@pytest.fixture(scope="module")
def house(module_db: ModuleDb) -> TwoCasinos:
    """Two busy casinos; everything of the other one has its mark."""
    with module_db():
        return TwoCasinos.build()


@pytest.fixture
def asking(db: None, house: TwoCasinos) -> Asking:
    """A browser in the two casinos."""
    return Asking(house)


@pytest.fixture
def guarded_floor(committed_floor: Floor) -> Iterator[Floor]:
    """A casino at work, in a database that refuses to be emptied as production's does, until the test has ended."""

    def switch(how: str) -> None:
        with as_owner(), connection.cursor() as cursor:
            cursor.execute(_TRUNCATE_TRIGGERS)
            for table, trigger in cursor.fetchall():
                cursor.execute(f"ALTER TABLE {table} {how} TRIGGER {trigger}")

    switch("ENABLE ALWAYS")
    yield committed_floor
    switch("DISABLE")


@pytest.fixture
def promtool() -> Path:
    """The program that checks the rules of Prometheus."""
    return PROMTOOL
