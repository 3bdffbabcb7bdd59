"""Let a copy by logical replication have the rows of staff without their passwords (docs/production.md)."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("core", "0039_changes_of_one_row_in_order")]

    operations = [
        # Nobody can sign in with an empty hash.
        migrations.RunSQL(
            "ALTER TABLE core_user ALTER COLUMN password SET DEFAULT ''",
            "ALTER TABLE core_user ALTER COLUMN password DROP DEFAULT",
        ),
    ]
