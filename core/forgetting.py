"""Delete origins of requests and sign-ins after a term; as the owner of the tables, since the application may not.

An origin stays for as long as any other row has its correlation id: an entry, a segment, a change. What is deleted are
requests and commands that recorded nothing. PostgreSQL refuses to delete rows of the last `MIN_DAYS` days.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.apps import apps
from django.db import connection, models
from psycopg import sql

from core.errors import DomainError
from core.models import RequestOrigin
from core.sign_in_log import SignInEvent
from core.transactions import operation

log = structlog.get_logger(__name__)

# The triggers of both tables have the same number.
MIN_DAYS: Final = 90
BATCH_ROWS: Final = 5_000

# The rows of one batch in the order of their ids, which is that of time but for moments.
_FORGET: Final = """
    WITH batch AS (SELECT id, at, correlation_id FROM {table} WHERE id > %s ORDER BY id LIMIT %s),
         gone AS (
             DELETE FROM {table} AS row USING batch
             WHERE row.id = batch.id AND batch.at < %s {unless_referred_to} RETURNING row.id
         )
    SELECT max(id), count(*) FILTER (WHERE at < %s), (SELECT count(*) FROM gone) FROM batch
"""
_REFERRED_TO: Final = " AND NOT EXISTS (SELECT FROM {table} WHERE {column} = batch.correlation_id)"


class TermTooShort(DomainError):
    """The rows must be kept for longer."""

    code = "TERM_TOO_SHORT"

    def __init__(self) -> None:
        super().__init__(f"These rows are kept for at least {MIN_DAYS} days. Nothing was deleted.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Forgotten:
    """How many rows were deleted; `kept_origins` are as old, and other rows refer to them."""

    origins: int
    sign_ins: int
    kept_origins: int


def forget_old_records(*, older_than: timedelta, at: datetime) -> Forgotten:
    """Delete origins and sign-ins that are older than `older_than` at the instant `at`, in many transactions.

    The right to do so is one of the database: the connection must be of the owner of the tables.

    If it is interrupted, what was deleted until then is gone, and the next run deletes the rest.

    :raises TermTooShort: it is less than `MIN_DAYS` days.
    """
    if older_than < timedelta(days=MIN_DAYS):
        raise TermTooShort
    before = at - older_than
    sign_ins, _ = _forget(SignInEvent, before=before, unless_referred_to=sql.SQL(""))
    origins, kept = _forget(RequestOrigin, before=before, unless_referred_to=_no_reference())
    forgotten = Forgotten(origins=origins, sign_ins=sign_ins, kept_origins=kept)
    log.info("core.old_records_forgotten", before=before.isoformat(), origins=origins, sign_ins=sign_ins)
    return forgotten


def _forget(model: type[models.Model], *, before: datetime, unless_referred_to: sql.Composable) -> tuple[int, int]:
    """How many rows were deleted, and how many stayed that are as old."""
    statement = sql.SQL(_FORGET).format(
        table=sql.Identifier(model._meta.db_table), unless_referred_to=unless_referred_to
    )
    after, old, gone = 0, 0, 0
    while True:
        with operation("core.forget_old_records", actor_id=None), connection.cursor() as cursor:
            cursor.execute(statement, [after, BATCH_ROWS, before, before])
            last, old_of_batch, gone_of_batch = cursor.fetchone()
        old, gone = old + old_of_batch, gone + gone_of_batch
        if not old_of_batch:
            return gone, old - gone
        after = last


def _no_reference() -> sql.Composed:
    """The condition that no row of another table has the correlation id."""
    conditions = [
        sql.SQL(_REFERRED_TO).format(
            table=sql.Identifier(model._meta.db_table), column=sql.Identifier(field.get_attname())
        )
        for model in apps.get_models()
        for field in model._meta.local_concrete_fields
        if model not in (RequestOrigin, SignInEvent) and field.name.endswith("correlation_id")
    ]
    return sql.Composed(conditions)
