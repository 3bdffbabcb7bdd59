"""Give entries a code that only the application can make."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0023_sealed_changes")]

    operations = [
        migrations.AddField(
            model_name="ledgerentry",
            name="mac",
            field=models.CharField(
                editable=False,
                help_text="Shows that the application recorded it; empty if an earlier version did.",
                max_length=72,
                null=True,
            ),
        ),
    ]
