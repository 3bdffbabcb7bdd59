"""Migration operations that make tables append-only by triggers.

The triggers are ENABLE ALWAYS, so that `session_replication_role` does not switch them off. `docs/decisions/` says why
they are not django-pgtrigger's.
"""

from django.db.migrations.operations import RunSQL

CREATE_REFUSAL = """
CREATE FUNCTION core_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: %', TG_OP, TG_TABLE_NAME, TG_ARGV[0] USING ERRCODE = 'restrict_violation';
END $$;
"""
DROP_REFUSAL = "DROP FUNCTION core_refuse_change();"

CREATE_REFUSAL_FOR_A_TERM = """
CREATE FUNCTION core_refuse_early_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.at > now() - make_interval(days => TG_ARGV[0]::int) THEN
        RAISE EXCEPTION '% of % is refused: its rows are kept for % days', TG_OP, TG_TABLE_NAME, TG_ARGV[0]
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;
"""
DROP_REFUSAL_FOR_A_TERM = "DROP FUNCTION core_refuse_early_delete();"

TRUNCATE_TRIGGER_SUFFIX = "_refuse_truncate"


def create_refusal() -> RunSQL:
    """Create the function that every refusing trigger runs."""
    return RunSQL(CREATE_REFUSAL, DROP_REFUSAL)


def _refuse(table: str, *, name: str, operations: str, reason: str) -> RunSQL:
    return RunSQL(
        f"""
        CREATE TRIGGER {name} BEFORE {operations} ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION core_refuse_change('{reason}');
        ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name};
        """,
        f"DROP TRIGGER {name} ON {table};",
    )


def refuse_truncate(table: str) -> RunSQL:
    """Refuse TRUNCATE of `table`, also by TRUNCATE … CASCADE of a table that it refers to."""
    name = f"{table}{TRUNCATE_TRIGGER_SUFFIX}"
    return _refuse(table, name=name, operations="TRUNCATE", reason="its rows are kept for ever")


def refuse_delete(table: str) -> RunSQL:
    """Refuse every DELETE on `table`."""
    return _refuse(table, name=f"{table}_refuse_delete", operations="DELETE", reason="its rows are kept for ever")


def refuse_early_delete(table: str, *, days: int) -> RunSQL:
    """Refuse a DELETE of rows whose `at` is less than `days` days ago, where every DELETE was refused before."""
    name = f"{table}_refuse_delete"
    was = refuse_delete(table)
    return RunSQL(
        f"""
        {was.reverse_sql}
        CREATE TRIGGER {name} BEFORE DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION core_refuse_early_delete('{days}');
        ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name};
        """,
        f"DROP TRIGGER {name} ON {table}; {was.sql}",
    )


def refuse_update(table: str) -> RunSQL:
    """Refuse every UPDATE on `table`, even one that matches no row."""
    return _refuse(table, name=f"{table}_refuse_update", operations="UPDATE", reason="it is append-only")


def append_only(table: str) -> list[RunSQL]:
    """Refuse UPDATE, DELETE and TRUNCATE on `table`."""
    return [refuse_update(table), refuse_delete(table), refuse_truncate(table)]
