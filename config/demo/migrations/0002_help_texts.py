"""Reword help texts; makes no SQL."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("config", "0001_demo_run"),
    ]

    operations = [
        migrations.AlterField(
            model_name="demorun",
            name="shift",
            field=models.DurationField(help_text="Time from the recorded day to the demo."),
        ),
    ]
