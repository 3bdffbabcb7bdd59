"""Give the origin of a request a code that only the application can make."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("core", "0033_chained_change_log")]

    operations = [
        migrations.AddField(
            model_name="requestorigin",
            name="mac",
            field=models.CharField(
                editable=False, help_text="Shows that the application recorded it.", max_length=72, null=True
            ),
        ),
    ]
