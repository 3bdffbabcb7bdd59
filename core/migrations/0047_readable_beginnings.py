"""Refuse a beginning of a rate, or of values of a game, that Python cannot read in each time zone.

The function is changed as it is in the database, where `ratingslips` 0038 may have changed it.
"""

from django.db import migrations

FINITE = "NOT isfinite(NEW.effective_from)"
READABLE = "NOT NEW.effective_from BETWEEN timestamptz '0001-01-02 00:00+00' AND timestamptz '9999-01-01 00:00+00'"
_CHANGE = """
DO $do$
DECLARE
    definition text := pg_get_functiondef('public.core_refuse_past_beginning()'::regprocedure);
    changed text := replace(definition, $line${}$line$, $line${}$line$);
BEGIN
    IF changed = definition THEN
        RAISE EXCEPTION 'core_refuse_past_beginning() is not what an earlier migration made';
    END IF;
    EXECUTE changed;
END $do$;
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0046_alike_names")]

    operations = [migrations.RunSQL(_CHANGE.format(FINITE, READABLE), _CHANGE.format(READABLE, FINITE))]
