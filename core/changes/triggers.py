"""Migration operations that make PostgreSQL log every change of a table in `core_change`.

One function serves all tables. It runs once for a statement, as the owner of the log, and compares the rows from before
with those from after. `docs/decisions/` says why django-pghistory is not used.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from django.db.migrations.operations import RunSQL

from core.append_only import refuse_truncate

_TRANSITIONS: Final = {
    "INSERT": "REFERENCING NEW TABLE AS new_rows",
    "UPDATE": "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "DELETE": "REFERENCING OLD TABLE AS old_rows",
}

# The arguments of a trigger: SQL for the casino and for what the row concerns, where `this` is the row as JSON; the
# columns that are left out; the columns whose values are left out. Only the owner can make a trigger with them: EXECUTE
# is revoked. A column that is NULL is not kept for an INSERT or a DELETE, and neither is one that an UPDATE kept. A row
# that an UPDATE moves concerns what both its states refer to, and is logged once for each of its casinos.
LOG_FUNCTION: Final = r"""
CREATE OR REPLACE FUNCTION core_log_changes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET TimeZone = 'UTC' AS $function$
DECLARE
    source text := CASE TG_OP
        WHEN 'INSERT' THEN 'SELECT NULL::jsonb, to_jsonb(after) FROM new_rows AS after'
        WHEN 'DELETE' THEN 'SELECT to_jsonb(before), NULL::jsonb FROM old_rows AS before'
        ELSE 'SELECT to_jsonb(before), to_jsonb(after) FROM old_rows AS before FULL JOIN new_rows AS after USING (id)'
    END;
    states text := CASE TG_OP
        WHEN 'UPDATE' THEN '(VALUES (before), (after))' ELSE '(VALUES (coalesce(after, before)))'
    END;
    said text[] := regexp_match(right(current_query(), 120), '\n/\* actor=(\d*) correlation_id=([0-9a-f-]*) \*/$');
BEGIN
    EXECUTE format($insert$
        INSERT INTO core_change (
            recorded_at, table_name, row_id, action, old, new, casino_id, concerns,
            actor_id, correlation_id, database_role
        )
        SELECT
            $1, $2, (coalesce(after, before)->>'id')::bigint,
            CASE WHEN before IS NULL THEN 'INSERT' WHEN after IS NULL THEN 'DELETE' ELSE 'UPDATE' END,
            CASE WHEN before IS NOT NULL THEN changed.old END,
            CASE WHEN after IS NOT NULL THEN changed.new END,
            place.casino_id, row.concerns,
            $3, $4, session_user
        FROM (%s) AS source (before, after)
        CROSS JOIN LATERAL (
            SELECT
                jsonb_object_agg(name, CASE WHEN name <> ALL ($6) THEN coalesce(before->name, 'null') END) AS old,
                jsonb_object_agg(name, CASE WHEN name <> ALL ($6) THEN coalesce(after->name, 'null') END) AS new
            FROM jsonb_object_keys(coalesce(after, before)) AS name
            WHERE name <> ALL ($5) AND coalesce(before->name, 'null') <> coalesce(after->name, 'null')
        ) AS changed
        CROSS JOIN LATERAL (
            SELECT DISTINCT %s AS casino_id FROM %s AS state (this) WHERE this IS NOT NULL
        ) AS place
        CROSS JOIN LATERAL (
            SELECT array_agg(concerned ORDER BY nth, concerned) AS concerns FROM (
                SELECT concerned, min(nth) AS nth FROM %s AS state (this)
                CROSS JOIN unnest(ARRAY[$2 || ':' || (this->>'id'), %s]) WITH ORDINALITY AS each (concerned, nth)
                WHERE concerned IS NOT NULL GROUP BY concerned
            ) AS known
        ) AS row
        WHERE changed.new IS NOT NULL
        ORDER BY 3, 7
    $insert$, source, TG_ARGV[0], states, states, TG_ARGV[1])
    USING clock_timestamp(), TG_TABLE_NAME::text, nullif(said[1], '')::bigint, nullif(said[2], '')::uuid,
          TG_ARGV[2]::text[], TG_ARGV[3]::text[];
    RETURN NULL;
END $function$;
"""
CREATE_LOG: Final = f"""
{LOG_FUNCTION}
REVOKE ALL ON FUNCTION core_log_changes() FROM PUBLIC;

CREATE TRIGGER core_change_refuse_insert BEFORE INSERT ON core_change
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION core_refuse_change('only the triggers of the logged tables write it');
ALTER TABLE core_change ENABLE ALWAYS TRIGGER core_change_refuse_insert;
"""
DROP_LOG: Final = """
DROP TRIGGER core_change_refuse_insert ON core_change;
DROP FUNCTION core_log_changes();
"""


def create_log() -> RunSQL:
    """Create the function that every logging trigger runs, and let nothing else add to the log."""
    return RunSQL(CREATE_LOG, DROP_LOG)


def log_changes(
    table: str,
    *,
    casino: str = "(this->>'casino_id')::bigint",
    concerns: Mapping[str, str] | None = None,
    about: str = "NULL",
    without: Sequence[str] = (),
    secret: Sequence[str] = (),
    refuses_truncate: bool = False,
) -> list[RunSQL]:
    """Log every change of `table`, which must have a numeric key `id`, and refuse TRUNCATE.

    `casino` is SQL for the key of the casino, and `about` SQL for the text `table:key` of another row that the change
    concerns; in both, `this` is the row as JSON. `concerns` has the columns that refer to such rows, by table. Columns
    of `without` are ignored. Of columns of `secret` only the fact that they changed is logged. `refuses_truncate` says
    that the table has that trigger already.
    """
    references = [f"'{other}:' || (this->>'{column}')" for other, column in (concerns or {}).items()]
    arguments = (casino, ", ".join([*references, about]), f"{{{','.join(without)}}}", f"{{{','.join(secret)}}}")
    quoted = ", ".join("'" + argument.replace("'", "''") + "'" for argument in arguments)
    triggers = [
        RunSQL(
            f"""
            CREATE TRIGGER {table}_log_{event.lower()} AFTER {event} ON {table} {transitions}
                FOR EACH STATEMENT EXECUTE FUNCTION core_log_changes({quoted});
            ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_log_{event.lower()};
            """,
            f"DROP TRIGGER {table}_log_{event.lower()} ON {table};",
        )
        for event, transitions in _TRANSITIONS.items()
    ]
    return triggers if refuses_truncate else [*triggers, refuse_truncate(table)]
