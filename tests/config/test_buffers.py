"""No page runs many statements or reads many buffers, also where the wanted rows are not at the end of an index."""

import pytest
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.urls import reverse

from config.monitoring.figures import DatabaseFigures
from core.keyset import PAGE_ROWS
from core.models import Casino, Change, Player, User
from core.roles import AUDITOR
from tests.benchmarks.millions import write_history
from tests.benchmarks.pages import MOST_BUFFERS, buffers_of, house_of, people_of, urls_of
from tests.buffers import buffers_read
from tests.console import signed_in
from tests.databases import as_owner
from tests.emptying import ModuleDb
from tests.factories import StaffFactory

ENTRIES = 15_000
PLAYERS = 8_000
MOST_STATEMENTS = 12
# Pages that need more, and how many: they show rows of many tables, or of many casinos.
STATEMENTS = {
    "admin:index": 18,
    "desk:home": 18,
    "trace:story": 14,
    "admin:ratingslips_ratingslip_changelist": 14,
    "admin:loyalty_ledgerentry_changelist kind=MANUAL_BONUS&q=castillo+jose+a0": 13,
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
    @pytest.mark.parametrize("who", ["supervisor", "boss", "auditor", "operator"])
    def test_runs_few_statements_that_read_few_buffers(self, who: str, history: Casino) -> None:
        house = house_of(history)
        client = people_of(house)[who]

        ContentType.objects.get_for_models(*apps.get_models())  # as a process that has answered before knows them

        read = {name: buffers_of(client, url) for name, url in urls_of(house).items()}

        statements = {name: len(each) for name, each in read.items()}
        most = {name: STATEMENTS.get(name, STATEMENTS.get(name.split()[0], MOST_STATEMENTS)) for name in read}
        assert {name: number for name, number in statements.items() if number > most[name]} == {}
        sums = {name: sum(buffers for buffers, _ in statements) for name, statements in read.items()}
        assert {name: buffers for name, buffers in sums.items() if buffers > MOST_BUFFERS} == {}

    def test_reads_few_buffers_where_many_rows_with_changes_are_found(self, history: Casino) -> None:
        players = list(Player.objects.filter(casino=history).values_list("pk", flat=True)[:12])
        people = [person.pk for person in StaffFactory.create_batch(12, casino=history)]
        for turn in range(PAGE_ROWS + 1):
            for rows in (Player.objects.filter(pk__in=players), User.objects.filter(pk__in=people)):
                rows.update(first_name=f"Maria {turn}", last_name="Zapatero")
        auditor = signed_in(StaffFactory.create(casino=history), AUDITOR)

        read = buffers_of(auditor, f"{reverse('admin:core_change_changelist')}?whom=zapatero")

        # The updates before have left many versions of the players and staff, but one of each change.
        of_changes = [buffers for buffers, sql in read if Change._meta.db_table in sql]
        assert sum(of_changes) <= MOST_BUFFERS / 2, of_changes


@pytest.mark.django_db
class TestFiguresForMachines:
    def test_read_few_buffers(self, history: Casino) -> None:
        read = buffers_read(lambda: [*DatabaseFigures().collect()])

        assert len(read) > 5
        assert sum(buffers for buffers, _ in read) <= MOST_BUFFERS, read
