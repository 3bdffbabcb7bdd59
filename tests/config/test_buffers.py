"""No page runs many statements or reads many buffers, also where the wanted rows are not at the end of an index."""

import pytest
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
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
MOST_STATEMENTS = 12
# Pages that need more, and how many: they show rows of many tables.
STATEMENTS = {
    "admin:index": 20,
    "desk:home": 20,
    "floor:slip": 20,
    "floor:seat": 16,
    "floor:wrong_player": 15,
    "trace:story": 16,
    "admin:ratingslips_pit_permissions_manage_user": 17,
    # The rows that changes name are read with one statement for each table.
    "admin:core_change_changelist": 14,
    "admin:core_staffcard_history": 14,
    "admin:loyalty_loyaltyprogram_history": 15,
    "admin:ratingslips_pit_history": 14,
    # A search finds players first, and then their rows.
    "admin:loyalty_ledgerentry_changelist": 17,
    "admin:ratingslips_ratingslip_changelist": 15,
}


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
    def test_runs_few_statements_that_read_few_buffers(self, history: Casino) -> None:
        house = house_of(history)
        client = signed_in(house.own.floor.supervisor, AUDITOR, LOYALTY_SUPERVISOR, PIT_BOSS, PIT_SUPERVISOR)

        ContentType.objects.get_for_models(*apps.get_models())  # as a process that has answered before knows them

        read = {name: buffers_of(client, url) for name, url in urls_of(house).items()}

        statements = {name: len(each) for name, each in read.items()}
        most = {name: STATEMENTS.get(name.split()[0], MOST_STATEMENTS) for name in read}
        assert {name: number for name, number in statements.items() if number > most[name]} == {}
        sums = {name: sum(buffers for buffers, _ in statements) for name, statements in read.items()}
        assert {name: buffers for name, buffers in sums.items() if buffers > MOST_BUFFERS} == {}


@pytest.mark.django_db
class TestFiguresForMachines:
    def test_read_few_buffers(self, history: Casino) -> None:
        read = buffers_read(lambda: [*DatabaseFigures().collect()])

        assert len(read) > 5
        assert sum(buffers for buffers, _ in read) <= MOST_BUFFERS, read
