"""Fixtures for every test."""

import signal
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from django.db import connection

from tests.floor import Floor

# A shell that starts tests in the background has them ignore Ctrl-C, and every process that they start would, too.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Let the test database alone be emptied: a transactional test ends in a TRUNCATE, which the product refuses."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgname LIKE %s", [r"%\_refuse\_truncate"]
        )
        for table, trigger in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")


@pytest.fixture(autouse=True)
def _no_correlation_id_left_over() -> Iterator[None]:
    structlog.contextvars.clear_contextvars()
    yield
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def floor(db: None) -> Floor:
    """A casino at work, inside a transaction that is rolled back."""
    return Floor.build()


@pytest.fixture
def committed_floor(transactional_db: None) -> Floor:
    """A casino at work that other connections can see."""
    return Floor.build()
