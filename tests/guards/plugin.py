"""For pytest in a copy: takes the database's own guard away, and writes down what went red and as what.

`GUARD_RECORD` names the file. `GUARD_SQL` is sent once, before the first test, to a database that is thrown away
afterwards. With `GUARD_DATABASE`, the database of the run before is used as it is. With `GUARD_EACH_CONSTRAINT`, every
test of a violation first drops the very constraint that it is about, in its own transaction.
"""

import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.backends.base.creation import BaseDatabaseCreation

from tests.databases import as_owner

_RECORD = os.environ.get("GUARD_RECORD", "")
_SQL = os.environ.get("GUARD_SQL", "")
_KEPT = os.environ.get("GUARD_DATABASE", "")
_EACH_CONSTRAINT = os.environ.get("GUARD_EACH_CONSTRAINT", "")

_TABLE_OF_CONSTRAINT = "SELECT conrelid::regclass FROM pg_constraint WHERE conname = %s"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: "pytest.CallInfo[None]") -> Generator[None, Any, Any]:
    report = yield
    if _RECORD:
        outcome = {
            "test": item.nodeid,
            "when": call.when,
            "passed": report.passed,
            "as": call.excinfo.type.__name__ if call.excinfo else "",
        }
        with Path(_RECORD).open("a") as file:
            file.write(json.dumps(outcome) + "\n")
    return report


def pytest_configure() -> None:
    if _KEPT:
        BaseDatabaseCreation.create_test_db = _found_again  # type: ignore[assignment, method-assign]


def _found_again(creation: Any, *_: Any, **__: Any) -> str:
    """Take the test database as the run before left it: no migration has come since."""
    name: str = creation._get_test_db_name()
    creation.connection.close()
    creation.connection.settings_dict["NAME"] = name
    return name


@pytest.fixture(scope="session", autouse=True)
def _guard_of_the_database_is_gone(request: pytest.FixtureRequest) -> None:
    if _SQL:
        request.getfixturevalue("django_db_setup")
        with request.getfixturevalue("django_db_blocker").unblock(), as_owner(), connection.cursor() as cursor:
            cursor.execute(_SQL)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> None:
    violation: Any = pyfuncitem.funcargs.get("violation")
    if _EACH_CONSTRAINT and violation is not None:
        _drop(violation.constraint)


def _drop(constraint: str) -> None:
    """Drop a constraint, or the unique index of its name, inside the test's transaction."""
    assert transaction.get_connection().in_atomic_block
    with as_owner(), connection.cursor() as cursor:
        # What the fixtures inserted must be checked before the table can be altered.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(_TABLE_OF_CONSTRAINT, [constraint])
        found = cursor.fetchone()
        if found:
            cursor.execute(f'ALTER TABLE {found[0]} DROP CONSTRAINT "{constraint}" CASCADE')
        else:
            cursor.execute(f'DROP INDEX "{constraint}"')
