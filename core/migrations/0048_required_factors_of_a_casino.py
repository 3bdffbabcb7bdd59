"""Let a role that needs a second factor concern its casino in the change log, whose “History” then shows it."""

from django.db import migrations

from core.changes.triggers import log_changes

_TABLE = "core_casino_second_factor_roles"
_FORMER = log_changes(_TABLE, concerns={"auth_group": "group_id"}, refuses_truncate=True)


class Migration(migrations.Migration):
    dependencies = [("core", "0047_readable_beginnings")]

    operations = [
        *(migrations.RunSQL(each.reverse_sql, each.sql) for each in _FORMER),
        *log_changes(_TABLE, concerns={"core_casino": "casino_id", "auth_group": "group_id"}, refuses_truncate=True),
    ]
