import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
from core.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0014_outside_correlation_id"),
    ]

    operations = [
        migrations.CreateModel(
            name="SentForm",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False, verbose_name="request id")),
                ("address", models.CharField(help_text="Where forms of its kind are sent.", max_length=200)),
                (
                    "fingerprint",
                    models.CharField(help_text="SHA-256 of its contents, without passwords.", max_length=64),
                ),
                (
                    "answer",
                    models.TextField(
                        blank=True, help_text="The address of the page that followed, if the form decides it."
                    ),
                ),
                ("correlation_id", models.UUIDField(db_index=True)),
                ("recorded_at", models.DateTimeField(db_default=core.clock.DatabaseClock(), editable=False)),
                (
                    "actor",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("fingerprint__regex", "^[0-9a-f]{64}$")),
                        name="core_sentform_fingerprint_is_sha256",
                    )
                ],
            },
        ),
        *append_only("core_sentform"),
    ]
