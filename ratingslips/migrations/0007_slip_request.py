import uuid

import django.core.serializers.json
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
from core.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [
        ("ratingslips", "0006_readable_names"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SlipRequest",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False, verbose_name="request id"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("OPEN", "Open"),
                            ("CHANGE_BET", "Change average bet"),
                            ("PAUSE", "Pause"),
                            ("RESUME", "Resume"),
                            ("MOVE", "Move"),
                            ("CLOSE", "Close"),
                            ("RECOVER", "Recover points"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "contents",
                    models.JSONField(
                        encoder=django.core.serializers.json.DjangoJSONEncoder, help_text="What the form held."
                    ),
                ),
                ("fingerprint", models.CharField(help_text="SHA-256 of the contents.", max_length=64)),
                ("correlation_id", models.UUIDField(db_index=True)),
                ("happened_at", models.DateTimeField(help_text="The instant at which the change counts.")),
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
                (
                    "slip",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="requests",
                        to="ratingslips.ratingslip",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["OPEN", "CHANGE_BET", "PAUSE", "RESUME", "MOVE", "CLOSE", "RECOVER"])
                        ),
                        name="ratingslips_request_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("fingerprint__regex", "^[0-9a-f]{64}$")),
                        name="ratingslips_request_fingerprint_is_sha256",
                    ),
                ],
            },
        ),
        *append_only("ratingslips_sliprequest"),
    ]
