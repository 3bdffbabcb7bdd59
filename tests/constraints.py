"""How a constraint's test sees PostgreSQL refuse."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from django.db import IntegrityError, connection, models, transaction
from django.db.models.expressions import RawSQL

from tests.databases import as_owner
from tests.floor import Floor

NAN = RawSQL("'NaN'::numeric", [])


class Violation(NamedTuple):
    """One way to break one constraint."""

    constraint: str
    attempt: Callable[[Floor], object]


def table_of(*violations: Violation) -> pytest.MarkDecorator:
    """Parametrize a test over `violations`; each is named for its constraint."""
    return pytest.mark.parametrize("violation", violations, ids=[violation.constraint for violation in violations])


@contextmanager
def refused_by(constraint: str) -> Iterator[None]:
    """See PostgreSQL refuse what the block does, because of `constraint`."""
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        yield
    diagnosis: Any = refusal.value.__cause__
    assert diagnosis.diag.constraint_name == constraint


@contextmanager
def refused_by_trigger(words: str) -> Iterator[None]:
    """Check that one of the product's triggers refuses what the block does, with `words`, also for the tables' owner.

    The application does not come as far: it lacks the right.
    """
    with pytest.raises(IntegrityError, match=words) as refusal, transaction.atomic(), as_owner():
        yield
    diagnosis: Any = refusal.value.__cause__
    assert diagnosis.sqlstate == "23001"


def run_as_replica(statement: str) -> None:
    """Run a statement in a session that calls itself a replica, for which ordinary triggers do not fire.

    A role that may not even call itself one tries without; what it is refused, a replica is refused as well.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_parameter_privilege('session_replication_role', 'SET')")
        row = cursor.fetchone()
        if row and row[0]:
            cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement)


def inserted(row: models.Model) -> models.Model:
    """Insert `row` as it is, without a word from validation."""
    with transaction.atomic():
        row.save(force_insert=True)
    return row
