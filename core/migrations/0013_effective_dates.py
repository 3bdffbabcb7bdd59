"""The function that keeps what was in force at an instant, for tables of rates and settings."""

from django.db import migrations

from core.effective_dates import create_refusal_of_past


class Migration(migrations.Migration):
    dependencies = [("core", "0012_sign_in_log")]

    operations = [create_refusal_of_past()]
