"""Keep the console's own log for ever, as it was written."""

from django.db import migrations

from core.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0029_cash_is_finite"),
        ("admin", "0003_logentry_add_action_flag_choices"),
    ]

    operations = append_only("django_admin_log")
