"""Log a row that moves under both its casinos, with all that it concerned; refuse rates that begin at infinity."""

from django.db import migrations

from core.changes.triggers import LOG_FUNCTION
from core.effective_dates import REFUSE_PAST


class Migration(migrations.Migration):
    dependencies = [("core", "0024_reason_codes")]

    operations = [
        migrations.RunSQL(LOG_FUNCTION, migrations.RunSQL.noop),
        migrations.RunSQL(REFUSE_PAST, migrations.RunSQL.noop),
    ]
