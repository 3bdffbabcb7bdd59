"""Fix the names in the bodies of core's SQL functions, as `ratingslips` 0038 does it for those that it finds.

A database that had that migration already made some of these functions after it.
"""

from django.db import migrations

FIX_NAMES = """
SET LOCAL search_path = pg_catalog, public, pg_temp;
DO $do$
DECLARE
    ours record;
BEGIN
    FOR ours IN
        SELECT pg_get_functiondef(proc.oid) AS definition
        FROM pg_proc AS proc JOIN pg_language AS written ON written.oid = prolang
        WHERE pronamespace = 'public'::regnamespace AND proname ~ '^core_' AND lanname = 'sql' AND prosqlbody IS NULL
    LOOP
        EXECUTE regexp_replace(ours.definition, 'AS \\$function\\$(.*)\\$function\\$', 'BEGIN ATOMIC\\1; END');
    END LOOP;
END $do$;
RESET search_path;
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0049_names_written_as_one_word")]

    operations = [migrations.RunSQL(FIX_NAMES, migrations.RunSQL.noop)]
