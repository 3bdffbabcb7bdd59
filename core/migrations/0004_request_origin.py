import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from core.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0003_player_search"),
    ]

    operations = [
        migrations.CreateModel(
            name="RequestOrigin",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("correlation_id", models.UUIDField(db_index=True)),
                ("method", models.CharField(help_text="The HTTP method, or COMMAND.", max_length=10)),
                (
                    "origin",
                    models.CharField(help_text="The path in the console, or the command's name.", max_length=200),
                ),
                ("client_address", models.GenericIPAddressField(null=True)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "actor",
                    models.ForeignKey(
                        db_index=False,
                        help_text="Who was signed in; empty for a command.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("actor", None), ("method", "COMMAND")),
                            models.Q(models.Q(("method", "COMMAND"), _negated=True), ("actor__isnull", False)),
                            _connector="OR",
                        ),
                        name="core_origin_is_a_person_or_a_command",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("origin", ""), _negated=True), name="core_origin_says_where"
                    ),
                ],
            },
        ),
        *append_only("core_requestorigin"),
    ]
