"""Log every change of casinos, players, staff, roles and memberships by triggers."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from core.append_only import append_only
from core.changes.triggers import create_log, log_changes

OF_NO_CASINO = "NULL::bigint"
OF_STAFF = "(SELECT casino_id FROM core_user WHERE id = (this->>'user_id')::bigint)"


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("core", "0010_players_by_status"),
    ]

    operations = [
        migrations.CreateModel(
            name="Change",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("recorded_at", models.DateTimeField(help_text="When PostgreSQL wrote it.")),
                ("table_name", models.CharField(max_length=63)),
                ("row_id", models.BigIntegerField()),
                (
                    "action",
                    models.CharField(
                        choices=[("INSERT", "Added"), ("UPDATE", "Changed"), ("DELETE", "Deleted")], max_length=6
                    ),
                ),
                (
                    "old",
                    models.JSONField(
                        help_text="The values before, of the columns that changed; empty if added.", null=True
                    ),
                ),
                (
                    "new",
                    models.JSONField(help_text="The values after, of the same columns; empty if deleted.", null=True),
                ),
                (
                    "concerns",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(),
                        help_text="The rows that the change concerns, as `table:key`: itself, and such as the person of a grant.",
                        size=None,
                    ),
                ),
                ("correlation_id", models.UUIDField(db_index=True, null=True)),
                ("database_role", models.CharField(help_text="Who was signed in to PostgreSQL.", max_length=63)),
                (
                    "actor",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        help_text="Whom the application named as author; empty outside it, as in psql.",
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "casino",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        help_text="Empty for what no casino has: roles, and staff of all casinos.",
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="core.casino",
                    ),
                ),
            ],
            options={
                "permissions": [("export_change", "Can export the change log")],
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["recorded_at", "id"], name="core_change_by_time"),
                    models.Index(fields=["casino", "recorded_at", "id"], name="core_change_by_casino"),
                    models.Index(fields=["table_name", "recorded_at", "id"], name="core_change_by_table"),
                    models.Index(
                        fields=["casino", "table_name", "recorded_at", "id"], name="core_change_by_casino_table"
                    ),
                    models.Index(
                        condition=models.Q(("actor__isnull", False)),
                        fields=["actor", "recorded_at", "id"],
                        name="core_change_by_actor",
                    ),
                    models.Index(
                        condition=models.Q(("actor", None)),
                        fields=["casino", "recorded_at", "id"],
                        name="core_change_of_nobody",
                    ),
                    django.contrib.postgres.indexes.GinIndex(
                        fastupdate=False, fields=["concerns"], name="core_change_by_concerned"
                    ),
                ],
            },
        ),
        *append_only("core_change"),
        create_log(),
        *log_changes("core_casino", casino="(this->>'id')::bigint"),
        *log_changes("core_player", without=["search_text", "sort_name"]),
        *log_changes("core_user", concerns={"core_player": "player_id"}, without=["last_login"], secret=["password"]),
        *log_changes("core_user_groups", casino=OF_STAFF, concerns={"core_user": "user_id", "auth_group": "group_id"}),
        *log_changes("core_user_user_permissions", casino=OF_STAFF, concerns={"core_user": "user_id"}),
        *log_changes("auth_group", casino=OF_NO_CASINO),
        *log_changes("auth_group_permissions", casino=OF_NO_CASINO, concerns={"auth_group": "group_id"}),
    ]
