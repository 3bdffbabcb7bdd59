"""Fill the totals of comps: each comp type and month in a transaction of its own, so redemptions wait for one alone."""

from django.db import migrations

_MONTHS = """
    SELECT comp_type_id, date_trunc('month', gaming_day)::date FROM loyalty_ledger
    WHERE comp_type_id IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2
"""


def count_comps(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(_MONTHS)
        for each in cursor.fetchall():
            cursor.execute("SELECT loyalty_count_comps(%s, %s)", each)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("loyalty", "0027_comp_totals")]

    operations = [migrations.RunPython(count_comps, migrations.RunPython.noop)]
