"""Invariants: conditions that must always hold, each a query for the rows that break it. Each app declares its own.

`manage.py check_invariants` runs the queries in production; the tests run them after every race and fault.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from django.db import connection
from django.db.models import Model

from core.changes.tables import LOGGED
from core.changes.triggers import trigger_names

NAMED_ROWS: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Invariant:
    """A condition: its name, a sentence that describes it, and the query for the rows that break it.

    `broken_by` selects one text column, in order: the name by which people find the row in the console.
    """

    name: str
    sentence: str
    broken_by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """The number of rows that break an invariant, and the first of them."""

    invariant: Invariant
    rows: int
    first: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether no row breaks the invariant."""
        return self.rows == 0


def examine(invariant: Invariant, *, named_rows: int = NAMED_ROWS) -> Finding:
    """Count, in the caller's transaction, the rows that break `invariant`, and name the first of them."""
    query = f"""
        WITH broken (what) AS MATERIALIZED ({invariant.broken_by})
        SELECT (SELECT count(*) FROM broken), ARRAY(SELECT what FROM broken LIMIT {named_rows:d})
    """  # noqa: S608  (a constant)
    with connection.cursor() as cursor:
        cursor.execute(query)
        rows, first = cursor.fetchone()
    return Finding(invariant=invariant, rows=rows, first=tuple(first))


def triggers_enabled(*triggers: str, name: str, sentence: str) -> Invariant:
    """The invariant that each of `triggers` exists and is ENABLE ALWAYS, so that it fires for every session."""
    expected = ", ".join(f"('{trigger}')" for trigger in triggers)
    query = f"""
        SELECT 'trigger ' || expected.name FROM (VALUES {expected}) AS expected (name)
        WHERE NOT EXISTS (
            SELECT FROM pg_trigger WHERE tgname = expected.name AND tgenabled = 'A' AND NOT tgisinternal
        )
        ORDER BY 1
    """  # noqa: S608  (constants)
    return Invariant(name=name, sentence=sentence, broken_by=query)


_PRESENT: Final = """
    WITH relation AS (SELECT oid, relname FROM pg_class WHERE pg_table_is_visible(oid))
    SELECT conname::text FROM pg_constraint JOIN relation ON relation.oid = conrelid WHERE convalidated
    UNION ALL
    SELECT relname::text FROM pg_index JOIN relation ON relation.oid = indexrelid WHERE indisunique AND indisvalid
    UNION ALL
    SELECT relname || '.' || attname || CASE contype WHEN 'f' THEN ' references' ELSE ' unique' END
    FROM pg_constraint JOIN relation ON relation.oid = conrelid
    JOIN pg_attribute ON attrelid = conrelid AND ARRAY[attnum] = conkey
    WHERE convalidated AND contype IN ('f', 'p', 'u')
    UNION ALL
    SELECT relname || '.' || attname || ' not null' FROM pg_attribute JOIN relation ON relation.oid = attrelid
    WHERE attnotnull
"""


def constraints_validated(models: Iterable[type[Model]]) -> Invariant:
    """The invariant that PostgreSQL has every constraint of `models`, and that it holds for all rows.

    A constraint needs no query over the rows: PostgreSQL checks every row that is written, and `convalidated` says that
    it has also checked the rows that are older than the constraint.
    """
    declared = ", ".join(f"'{constraint}'" for model in models for constraint in _declared(model))
    query = f"""
        SELECT 'constraint ' || name FROM (SELECT unnest(ARRAY[{declared}]) EXCEPT ({_PRESENT})) AS missing (name)
        ORDER BY 1
    """  # noqa: S608  (constants)
    return Invariant(
        name="constraints_validated",
        sentence="PostgreSQL has every constraint that the models declare, and has validated it",
        broken_by=query,
    )


def _declared(model: type[Model]) -> Iterator[str]:
    """The constraints of a model: those with a name, and those of single columns by table and column."""
    for constraint in model._meta.constraints:
        yield constraint.name
    for field in model._meta.local_concrete_fields:
        column = f"{model._meta.db_table}.{field.column}"
        if field.unique:
            yield f"{column} unique"
        if getattr(field, "db_constraint", False):
            yield f"{column} references"
        if not field.null and not field.generated:
            yield f"{column} not null"


INVARIANTS: Final = (
    triggers_enabled(
        "core_requestorigin_refuse_update",
        "core_requestorigin_refuse_delete",
        "core_requestorigin_refuse_truncate",
        name="origins_guarded",
        sentence="PostgreSQL refuses to change or remove where a request came from",
    ),
    triggers_enabled(
        "core_signinevent_refuse_update",
        "core_signinevent_refuse_delete",
        "core_signinevent_refuse_truncate",
        "core_end_sessions",
        name="sign_ins_guarded",
        sentence="PostgreSQL keeps sign-ins and wrong passwords, and ends the sessions of who is deactivated",
    ),
    triggers_enabled(
        *(f"django_admin_log_refuse_{event}" for event in ("update", "delete", "truncate")),
        name="console_log_guarded",
        sentence="PostgreSQL refuses to change or remove what the console logged",
    ),
    triggers_enabled(
        *(f"core_sentform_refuse_{event}" for event in ("update", "delete", "truncate")),
        name="forms_guarded",
        sentence="PostgreSQL refuses to change or remove which forms were sent",
    ),
    triggers_enabled(
        "core_staffcard_refuse_delete",
        "core_staffcard_freeze",
        "core_namesake_refuse_delete",
        "core_namesake_refuse_truncate",
        "core_namesake_freeze",
        *(f"{table}_namesakes_{event}" for table in ("core_player", "core_user") for event in ("insert", "update")),
        name="cards_guarded",
        sentence="PostgreSQL notices players with the name of a member of staff, and keeps declared cards",
    ),
    triggers_enabled(
        *(f"core_change_refuse_{event}" for event in ("insert", "update", "delete", "truncate")),
        *(name for table in LOGGED for name in trigger_names(table)),
        name="changes_guarded",
        sentence="PostgreSQL logs every change of what decides points or rights, and refuses to change the log",
    ),
)
