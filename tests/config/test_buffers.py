"""No page reads more than 300 buffers, on a history in which the wanted rows are not at the end of an index."""

import pytest
from django.db import connection

from config.monitoring.figures import DatabaseFigures
from core.models import Casino
from core.roles import AUDITOR, LOYALTY_SUPERVISOR, PIT_BOSS, PIT_SUPERVISOR
from tests.benchmarks.millions import write_history
from tests.benchmarks.pages import MOST_BUFFERS, buffers_of, house_of, urls_of
from tests.buffers import buffers_read
from tests.console import signed_in
from tests.databases import as_owner
from tests.emptying import ModuleDb

ENTRIES = 15_000
PLAYERS = 8_000


@pytest.fixture(scope="module")
def history(module_db: ModuleDb) -> Casino:
    """A casino with a long history, and two more with a shorter one."""
    with module_db(), as_owner(), connection.cursor() as cursor:
        # A busy machine hashes so many entries for longer than a request may take.
        cursor.execute("SET statement_timeout = 0")
        casino = write_history(entries=ENTRIES, players=PLAYERS)[0]
        cursor.execute("VACUUM " + ", ".join(connection.introspection.table_names(cursor)))
        cursor.execute("RESET statement_timeout")
    return casino


@pytest.mark.django_db
class TestEveryPage:
    def test_reads_few_buffers(self, history: Casino) -> None:
        house = house_of(history)
        client = signed_in(house.own.floor.supervisor, AUDITOR, LOYALTY_SUPERVISOR, PIT_BOSS, PIT_SUPERVISOR)

        read = {name: buffers_of(client, url) for name, url in urls_of(house).items()}

        sums = {name: sum(buffers for buffers, _ in statements) for name, statements in read.items()}
        assert {name: buffers for name, buffers in sums.items() if buffers > MOST_BUFFERS} == {}


@pytest.mark.django_db
class TestFiguresForMachines:
    def test_read_few_buffers(self, history: Casino) -> None:
        read = buffers_read(lambda: [*DatabaseFigures().collect()])

        assert len(read) > 5
        assert sum(buffers for buffers, _ in read) <= MOST_BUFFERS, read
