"""A way to PostgreSQL that can be struck, and attempts that follow one another at once."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from core import retries
from tests.databases import connect
from tests.faults.proxy import Proxy, Way
from tests.floor import Floor


@pytest.fixture
def way(committed_floor: Floor, settings: Any) -> Iterator[Way]:
    """The test's connection leads through a proxy while the test runs; the backend that serves it can be ended.

    No statement is prepared: then a call sends the same messages each time, and a loss can be placed at each.
    """
    settings.PREPARED_STATEMENTS = False
    direct = connection.settings_dict
    folder = Path(tempfile.mkdtemp(prefix="way-"))
    way = Way(folder, server=Path(direct["HOST"]) / f".s.PGSQL.{direct['PORT']}")
    with connect() as somebody, Proxy([way]):
        # It waits until the backend is gone.
        way.end_backend = lambda: somebody.execute("SELECT pg_terminate_backend(%s, 10000)", [way.backend])
        connection.close()
        connection.settings_dict = {**direct, "HOST": str(folder)}
        yield way
        way.at.clear()
        connection.close()
        connection.settings_dict = direct
    shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "LONGEST_FIRST_PAUSE_SECONDS", 0.001)
