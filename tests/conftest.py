"""Fixtures for every test."""

import gc
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from django.db import connection
from django.test import Client, TransactionTestCase

from core.models import Player
from core.roles import AUDITOR, PIT_BOSS
from ratingslips.models import RatingSlip
from tests.console import signed_in
from tests.databases import migrated_database
from tests.emptying import Migrated, ModuleDb
from tests.factories import StaffFactory
from tests.floor import Floor
from tests.invariants import broken_invariants
from tests.needs import missing, must_be_complete

TESTS = Path(__file__).parent

# What takes longest, begun first, so that no worker is left alone with it.
LONGEST = (
    "browser/",
    "config/test_fuzz_",
    "config/test_gunicorn.py",
    "config/test_memory.py",
    "config/test_odd_requests.py",
    "config/test_slow_clients.py",
    "config/test_permission",
    "config/test_security_other_casino",
    "faults/",
    "config/test_demo.py",
    "config/test_localdb",
    "loyalty/test_ledger_speed.py",
    "ratingslips/test_pit_day.py",
)

# How many new objects, and rounds of the younger two generations, the garbage collector waits for; else 700, 10 and 10.
GARBAGE = (20_000, 50, 100)

# A shell that starts tests in the background has them ignore Ctrl-C, and every process that they start would, too.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure() -> None:
    if missing() and must_be_complete():
        raise pytest.UsageError("; ".join(missing().values()))


def pytest_report_header() -> list[str]:
    return [*missing().values()]


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the tests of the modules that take longest, in a browser, of the fault harness and of the deployment."""
    if "browser" in getattr(item, "fixturenames", ()):
        item.add_marker("browser")
    for folder in ("faults", "deployment"):
        if item.path.is_relative_to(TESTS / folder):
            item.add_marker(folder)
    if _takes_long(item):
        item.add_marker("slow")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what this machine lacks the programs for, and begin with what takes longest."""
    items.sort(key=lambda item: not _takes_long(item))
    left_out = [item for item in items if missing().keys() & set(getattr(item, "fixturenames", ()))]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_collection_finish() -> None:
    """Keep the garbage collector from going through all that was imported, and from beginning so often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)


def _takes_long(item: pytest.Item) -> bool:
    return item.path.is_relative_to(TESTS) and item.path.relative_to(TESTS).as_posix().startswith(LONGEST)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None, django_db_blocker: Any) -> None:
    """Let the owner make the test database, from a migrated one, and drop it: the application may not."""
    with django_db_blocker.unblock():
        connection.ensure_connection()  # starts the private server, if it does not run
    connection.settings_dict["TEST"]["TEMPLATE"] = migrated_database()
    _act_as((connection.settings_dict.get("OWNER") or {}).get("USER"))


def _act_as(role: str | None) -> None:
    """Set the role of each connection from now on; without `role`, it is that of its login."""
    connection.close()
    connection.settings_dict["OPTIONS"].pop("assume_role", None)
    connection.settings_dict["OPTIONS"] |= {"assume_role": role} if role else {}


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_modify_db_settings: None, django_db_setup: None, django_db_blocker: Any
) -> Iterator[Migrated]:
    """Let the test database alone be emptied, which the product refuses; gives how it was before any test."""
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgname LIKE %s", [r"%\_refuse\_truncate"]
            )
            for table, trigger in cursor.fetchall():
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
        _act_as(None)
        migrated = Migrated.keep()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _: migrated.restore())
        patch.setattr(TransactionTestCase, "_should_reload_connections", lambda _: False)
        yield migrated
    # A browser's last request may still be being answered, and would keep the database from being dropped.
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename = current_user AND pid <> %s",
            [connection.connection.info.backend_pid],
        )
        _act_as((connection.settings_dict.get("OWNER") or {}).get("USER"))


@pytest.fixture(scope="module")
def module_db(django_db_setup: Migrated, django_db_blocker: Any) -> Iterator[ModuleDb]:
    """Lets a fixture write, in a `with`, what all tests of its module look at; what it wrote goes after them."""
    yield django_db_blocker.unblock
    with django_db_blocker.unblock():
        django_db_setup.restore()


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


@pytest.fixture
def player(floor: Floor) -> Player:
    """An active player of the floor's casino, with an account."""
    return floor.player()


@pytest.fixture
def slip(floor: Floor) -> RatingSlip:
    """A live slip of a new player in seat 1, opened two hours ago at 40.00."""
    return floor.open_slip()


@pytest.fixture
def played_slip(floor: Floor) -> RatingSlip:
    """The worked example, see `Floor.played_slip`."""
    return floor.played_slip()


@pytest.fixture
def boss(floor: Floor) -> Client:
    """The pit boss's browser."""
    return signed_in(floor.boss, PIT_BOSS)


@pytest.fixture
def auditor(floor: Floor) -> Client:
    """The browser of an auditor of the floor's casino."""
    return signed_in(StaffFactory.create(casino=floor.casino), AUDITOR)


@pytest.fixture
def root(db: None) -> Client:
    """The browser of a superuser who belongs to no casino."""
    return signed_in(StaffFactory.create(casino=None, is_superuser=True, username="root"))


@pytest.fixture
def owed_slip(floor: Floor) -> RatingSlip:
    """The worked example, closed but not credited, see `Floor.owed_slip`."""
    return floor.owed_slip()


@pytest.fixture
def invariants_hold(db: None) -> Iterator[None]:
    """Look at every invariant after the test."""
    yield
    assert broken_invariants() == {}
