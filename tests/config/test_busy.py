"""Whatever page or sign-in waits too long for a lock is answered 503, and recording its origin costs nothing."""

import re
from collections.abc import Collection, Iterator
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from psycopg import sql
from structlog.testing import capture_logs

from core import correlation
from core.errors import Busy
from core.models import Casino, RequestOrigin
from core.origins import record_request, settle_waiting
from core.roles import PIT_BOSS
from core.transactions import operation
from ratingslips.models import RatingSlip
from tests.concurrency import held
from tests.config.scene import Scene, Staff, browser_of
from tests.databases import as_owner
from tests.floor import Floor


def _lock(*tables: str) -> None:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(sql.SQL("LOCK TABLE {}").format(sql.SQL(", ").join(map(sql.Identifier, tables))))


@pytest.fixture
def impatient(transactional_db: None) -> Iterator[None]:
    """Statements of this connection wait for a lock for 20 ms only."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '20ms'")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET lock_timeout")


class _Staff(Staff):
    """Staff who send requests while tables are locked."""

    def tables_of(self) -> dict[str, list[set[str]]]:
        """The tables that the statements of each request name: of each statement those that no earlier one names."""
        tables, found = set(connection.introspection.table_names()), dict[str, list[set[str]]]()
        for name, sent in self.scene.requests().items():
            browser, known = self.browser_for(name), set[str]()
            with CaptureQueriesContext(connection) as queries:
                self.answer(browser, *sent)
            found[name] = []
            for query in queries:
                named = tables & set(re.findall(r"\w+", query["sql"]))
                found[name].append(named - known)
                known |= named
        return found

    def answers(self, names: Collection[str], *, locked: Collection[str]) -> dict[str, Any]:
        """What each of these requests is answered while tables are locked."""
        sent = self.scene.requests()
        requests = {name: (self.browser_for(name), *sent[name]) for name in sent if name in names}
        with held(partial(_lock, *locked)):
            return {name: self.answer(*request) for name, request in requests.items()}


@pytest.mark.slow
class TestLock:
    @pytest.mark.usefixtures("impatient")
    def test_on_any_table_is_answered_503_at_worst(self, committed_floor: Floor) -> None:
        statements = _Staff(Scene.build(committed_floor, seat=1)).tables_of()
        scene = Scene.build(committed_floor, seat=2)
        staff, wrong, busy = _Staff(scene), [], set[str]()
        later = scene.of_points_and_corrections() | scene.of_staff_and_exports()

        # Each statement waits alike for each table that it names: one that no earlier statement names is locked, alone.
        # Then all are locked that no request names and that a trigger may write.
        # Each post begins as that of a password: what this one names is not locked for the later ones again, but for
        # the table of staff, since some of them say themselves that they have to wait for another.
        named = set[str]().union(*(new for each in statements.values() for new in each))
        known = set[str]().union(*statements["password"]) - {"core_user"}
        locks = dict[str, set[str]]()
        for name, each in statements.items():
            for new in filter(None, (new - known if name in later else new for new in each)):
                locks.setdefault(min(new), set()).add(name)
        others = set(connection.introspection.table_names()) - named
        for tables, names in [*(([table], names) for table, names in sorted(locks.items())), (others, set(statements))]:
            for name, answer in staff.answers(names, locked=tables).items():
                if answer.status_code == 503:
                    busy.add(name)
                    if answer.headers["X-Correlation-ID"] not in answer.text or not answer.headers["Retry-After"]:
                        wrong.append(f"{name} does not say how to go on while {tables} are locked")
                elif answer.status_code >= 500:
                    wrong.append(f"{name} answered {answer.status_code} while {tables} are locked")

        assert wrong == []
        assert busy == statements.keys()


@pytest.mark.usefixtures("impatient")
class TestOriginThatHasToWait:
    @pytest.fixture(autouse=True)
    def _waits(self, committed_floor: Floor) -> Iterator[None]:
        with correlation.bound():
            with held(lambda: _lock("core_requestorigin")):
                record_request(actor=committed_floor.boss, method="POST", path="/", client_address=None)
            yield
            settle_waiting()

    def test_is_written_in_the_transaction_of_the_act(self, committed_floor: Floor) -> None:
        with operation("test", actor_id=committed_floor.boss.pk):
            Casino.objects.update(name="Changed")

        assert RequestOrigin.objects.get().correlation_id == correlation.current()

    def test_is_written_after_an_act_that_was_undone(self) -> None:
        with pytest.raises(Busy), operation("test", actor_id=None):
            raise Busy
        assert not RequestOrigin.objects.exists()

        settle_waiting()

        assert RequestOrigin.objects.get().correlation_id == correlation.current()

    def test_is_in_the_log_if_the_table_stays_locked(self, committed_floor: Floor) -> None:
        slip, browser = committed_floor.open_slip(), browser_of(committed_floor.boss)
        committed_floor.boss.groups.add(Group.objects.get(name=PIT_BOSS))
        settle_waiting()

        with held(lambda: _lock("core_requestorigin")), capture_logs() as lines:
            url = reverse("floor:slip", args=[slip.pk])
            answer = browser.post(url, {"do": "pause", "request_id": uuid4(), "expected_version": "1-OPEN"})

        assert answer.status_code == 302
        assert RatingSlip.objects.get().status == "PAUSED"
        assert [line["origin"] for line in lines if line["event"] == "core.origin_not_recorded"] == [url]
