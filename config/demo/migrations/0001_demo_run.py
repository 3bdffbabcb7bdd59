import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("core", "0004_request_origin"),
    ]

    operations = [
        migrations.CreateModel(
            name="DemoRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("shift", models.DurationField(help_text="From the recorded day's times to the demo's.")),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "casino",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="demo_run", to="core.casino"
                    ),
                ),
            ],
        ),
    ]
