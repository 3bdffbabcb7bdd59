"""Let each function name its schema, and let a copy by logical replication keep what its publisher wrote.

The functions are changed as they are in the database, since nothing else of them changes
(docs/decisions/2026-11-30-copies-by-logical-replication.md).
"""

from django.db import migrations

PATH = "pg_catalog, public, pg_temp"

# The worker that applies changes, or the one that copies a table at first. A session of a client is neither.
ADD_WORKER = f"""
CREATE FUNCTION core_is_replication_worker() RETURNS boolean LANGUAGE plpgsql SET search_path = {PATH} AS $$
BEGIN
    RETURN EXISTS (SELECT FROM pg_stat_get_subscription(NULL) WHERE pid = pg_backend_pid());
END $$;
"""
DROP_WORKER = "DROP FUNCTION core_is_replication_worker();"

# The setting is asked first: that costs least, and only a superuser changes it.
KEEP_COPY = """    IF current_setting('session_replication_role') = 'replica' AND core_is_replication_worker() THEN
        RETURN coalesce(NEW, OLD);
    END IF;
"""
# A loop over the product's functions in `language`, written so that names are found in their schemas.
_EACH = """
SET LOCAL search_path = {path};
DO $do$
DECLARE
    ours record;
BEGIN
    FOR ours IN
        SELECT proc.oid::regprocedure AS name, prorettype = 'trigger'::regtype AS is_trigger,
               pg_get_functiondef(proc.oid) AS definition
        FROM pg_proc AS proc JOIN pg_language AS written ON written.oid = prolang
        WHERE pronamespace = 'public'::regnamespace AND proname ~ '^(core|loyalty|ratingslips)_'
          AND lanname = '{language}' AND prosqlbody IS NULL
    LOOP
        {change}
    END LOOP;
END $do$;
RESET search_path;
"""
NAME_SCHEMA = _EACH.format(
    path=PATH,
    language="plpgsql",
    change=f"""
        IF ours.is_trigger THEN
            EXECUTE regexp_replace(ours.definition, '\\n *BEGIN\\n', $line$\\&{KEEP_COPY}$line$);
        END IF;
        EXECUTE format('ALTER FUNCTION %s SET search_path = {PATH}', ours.name);
    """,
)
# These named it before.
_NAMED = "'core_chain_change()', 'core_hash_change(core_change)', 'core_log_changes()'"
TAKE_BACK = _EACH.format(
    path=PATH,
    language="plpgsql",
    change=f"""
        EXECUTE replace(ours.definition, $line${KEEP_COPY}$line$, '');
        IF ours.name::text NOT IN ({_NAMED}) THEN
            EXECUTE format('ALTER FUNCTION %s RESET search_path', ours.name);
        END IF;
    """,
)
# PostgreSQL finds the names of such a body once, when the function is made. A search_path would keep PostgreSQL from
# writing the function's body into the statement that calls it.
FIX_NAMES = _EACH.format(
    path=PATH,
    language="sql",
    change="""
        EXECUTE regexp_replace(ours.definition, 'AS \\$function\\$(.*)\\$function\\$', 'BEGIN ATOMIC\\1; END');
    """,
)


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0040_copies_without_passwords"),
        ("loyalty", "0026_one_index_of_keys"),
        ("ratingslips", "0037_slips_of_a_player_in_the_index"),
    ]

    operations = [
        migrations.RunSQL(FIX_NAMES, migrations.RunSQL.noop),  # the earlier release can use them
        migrations.RunSQL(NAME_SCHEMA, TAKE_BACK),
        migrations.RunSQL(ADD_WORKER, DROP_WORKER),
    ]
