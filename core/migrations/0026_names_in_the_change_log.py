"""Who gave a player the name is in the change log, also of names from before the last one."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("core", "0025_changes_of_moved_rows")]

    operations = [migrations.RemoveField(model_name="player", name="named_by")]
