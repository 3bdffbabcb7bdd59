"""Connections to a database that is away, refuses, or can only be read."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError, connection
from structlog.testing import capture_logs

from core.retries import is_connection_lost, is_read_only
from core.standby import writing
from loyalty.models import LedgerEntry
from ratingslips.models import RatingSlip
from ratingslips.services import complete_rating_slip
from tests.doors import Door, door
from tests.floor import Floor

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.shows(48)]


@pytest.fixture
def closed(settings: Any, transactional_db: None) -> Iterator[Door]:
    """A door that is closed; connections are tried again for one second."""
    settings.DATABASE_WAIT_SECONDS = 1
    with door() as between:
        between.close()
        yield between
        if not between.path.exists():
            between.open()


def _seconds_until_refused() -> float:
    began = time.monotonic()
    with pytest.raises(DatabaseError) as lost:
        connection.ensure_connection()
    assert is_connection_lost(lost.value)
    return time.monotonic() - began


class TestDatabaseThatIsAway:
    def test_is_waited_for(self, closed: Door) -> None:
        with capture_logs() as lines, closed.opening_soon(seconds=0.3):
            connection.ensure_connection()

        assert [line["event"] for line in lines] == ["config.database_lost", "config.database_found"]

    def test_would_be_refused_without_the_wait(self, closed: Door, settings: Any) -> None:
        settings.DATABASE_WAIT_SECONDS = 0

        with closed.opening_soon(seconds=0.3):
            assert _seconds_until_refused() < 0.3

    def test_is_waited_for_no_longer_by_all_together(self, closed: Door) -> None:
        assert _seconds_until_refused() >= 1

        assert _seconds_until_refused() < 0.5

    @pytest.mark.parametrize(("name", "value"), [("NAME", "nothing"), ("USER", "nobody")])
    def test_is_not_waited_for_where_it_has_answered(self, closed: Door, name: str, value: str) -> None:
        closed.open()
        connection.settings_dict[name] = value

        assert _seconds_until_refused() < 0.5


class TestDatabaseThatCanOnlyBeRead:
    @pytest.fixture(autouse=True)
    def _is_open(self, closed: Door) -> None:
        closed.open()

    def test_is_refused_only_where_the_work_writes(self) -> None:
        connection.settings_dict["OPTIONS"]["options"] += " -c default_transaction_read_only=on"

        connection.ensure_connection()
        connection.close()
        with writing(), pytest.raises(DatabaseError) as refused:
            connection.ensure_connection()

        assert is_read_only(refused.value)

    def test_ends_a_connection_from_before_where_the_work_writes(self) -> None:
        _become_read_only()

        assert connection.is_usable()
        with writing():
            assert not connection.is_usable()

    def test_is_left_by_the_next_attempt(self, committed_floor: Floor) -> None:
        slip = committed_floor.played_slip()
        _become_read_only()

        completed = complete_rating_slip(slip=slip, actor=committed_floor.boss, at=committed_floor.now)

        assert not completed.replayed
        assert RatingSlip.objects.get().settled_at
        assert LedgerEntry.objects.count() == 1


def _become_read_only() -> None:
    """Let this connection be as one to a server that becomes a standby."""
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
