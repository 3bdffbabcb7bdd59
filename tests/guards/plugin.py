"""For pytest in a copy: takes the database's own guard away, and writes down what went red and as what.

`GUARD_RECORD` names the file. `GUARD_SQL` is sent once, before the first test that uses the database, which is thrown
away afterwards. With `GUARD_EACH_CONSTRAINT`, every test of a violation first drops the very constraint that it is
about, in its own transaction.
"""

import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

_RECORD = os.environ.get("GUARD_RECORD", "")
_SQL = os.environ.get("GUARD_SQL", "")
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


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    if _SQL:
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(_SQL)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> None:
    violation: Any = pyfuncitem.funcargs.get("violation")
    if _EACH_CONSTRAINT and violation is not None:
        _drop(violation.constraint)


def _drop(constraint: str) -> None:
    """Drop a constraint, or the unique index of its name, inside the test's transaction."""
    assert transaction.get_connection().in_atomic_block
    with connection.cursor() as cursor:
        # What the fixtures inserted must be checked before the table can be altered.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(_TABLE_OF_CONSTRAINT, [constraint])
        found = cursor.fetchone()
        if found:
            cursor.execute(f'ALTER TABLE {found[0]} DROP CONSTRAINT "{constraint}" CASCADE')
        else:
            cursor.execute(f'DROP INDEX "{constraint}"')
