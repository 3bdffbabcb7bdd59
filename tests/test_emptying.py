"""The connection that one test hands on to the next: sound, and with nothing left on it."""

from collections.abc import Callable

import pytest
from django.db import connection

from core.models import Casino
from tests.concurrency import backend_id
from tests.databases import connect
from tests.emptying import Migrated


def _set_a_timeout() -> None:
    connection.connection.execute("SET lock_timeout = '7ms'")


def _keep_a_lock() -> None:
    connection.connection.execute("SELECT pg_advisory_lock(7)")


def _lose_it_unnoticed() -> None:
    with connect() as somebody:
        somebody.execute("SELECT pg_terminate_backend(%s, 5000)", [backend_id()])


def _leave_a_transaction_open() -> None:
    connection.set_autocommit(False)
    Casino.objects.create(code="uncommitted", name="Uncommitted", time_zone="UTC")


@pytest.mark.django_db(transaction=True)
class TestRestore:
    @pytest.fixture(autouse=True)
    def _young(self, transactional_db: None) -> None:
        """The connection that earlier tests left may be too old to be kept."""
        connection.close()

    def test_keeps_the_connection(self, django_db_setup: Migrated) -> None:
        before = backend_id()
        Casino.objects.create(code="written", name="Written", time_zone="UTC")

        django_db_setup.restore()

        assert backend_id() == before
        assert not Casino.objects.exists()

    @pytest.mark.parametrize(
        "spoil",
        [_set_a_timeout, _keep_a_lock, _lose_it_unnoticed, _leave_a_transaction_open],
        ids=lambda one: one.__name__,
    )
    def test_makes_another_after(self, django_db_setup: Migrated, spoil: Callable[[], None]) -> None:
        before = backend_id()
        spoil()

        django_db_setup.restore()

        assert backend_id() != before
        assert connection.get_autocommit()
        assert not Casino.objects.exists()
