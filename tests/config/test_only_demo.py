"""One demo at a time in a database."""

import pytest
from django.db import connection

from config.demo import evening
from config.demo.evening import DEMO_LOCK, DemoRefused, only_demo
from tests.databases import connect
from tests.waiting import wait_until

# Of this database alone: others of the server may be given a demo at the same moment.
LOCKS_HELD = """
    SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE datname = current_database() AND locktype = 'advisory' AND classid = 0 AND objid = %s
"""


def _locks_held() -> int:
    with connection.cursor() as cursor:
        cursor.execute(LOCKS_HELD, [DEMO_LOCK])
        return int(cursor.fetchone()[0])


@pytest.fixture(autouse=True)
def _no_lock_left(db: None) -> None:
    """The backend of a connection that another test has just closed may still hold its lock."""
    wait_until(lambda: _locks_held() == 0)


class TestOnlyDemo:
    def test_is_refused_while_another_is_being_set_up(self) -> None:
        with connect() as other:
            other.execute("SELECT pg_advisory_lock(%s)", [DEMO_LOCK])

            with pytest.raises(DemoRefused, match="Another demo"), only_demo():
                pass

    @pytest.mark.shows(39)
    def test_would_not_see_another_without_the_lock_that_both_take(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(evening, "DEMO_LOCK", DEMO_LOCK + 1)

        with connect() as other:
            other.execute("SELECT pg_advisory_lock(%s)", [DEMO_LOCK])

            with only_demo():
                assert _locks_held() == 1

    def test_holds_its_lock_until_it_ends(self) -> None:
        with only_demo():
            held = _locks_held()

        assert (held, _locks_held()) == (1, 0)
