"""End all sessions: their keys were stored as browsers send them, and are stored as hashes now."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("core", "0035_job_runs")]

    operations = [migrations.RunSQL("DELETE FROM core_session", migrations.RunSQL.noop)]
