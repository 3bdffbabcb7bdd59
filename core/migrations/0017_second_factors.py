"""Second factors of staff, the roles of a casino that need one, and the change log of both."""

import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from core.changes.triggers import log_changes

OF_STAFF = "(SELECT casino_id FROM core_user WHERE id = (this->>'user_id')::bigint)"


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("core", "0016_sessions"),
    ]

    operations = [
        migrations.AddField(
            model_name="casino",
            name="confirmed_award_points",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Awards of more points ask again for the second factor, or the password. Empty: none does.",
                null=True,
                verbose_name="awards to confirm",
            ),
        ),
        migrations.AddField(
            model_name="casino",
            name="second_factor_roles",
            field=models.ManyToManyField(
                blank=True,
                help_text="Members who have none must add one when they next sign in. Superusers need one as soon as any role does.",
                related_name="+",
                to="auth.group",
                verbose_name="roles that need a second factor",
            ),
        ),
        migrations.CreateModel(
            name="RecoveryCode",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(help_text="A keyed hash: the code itself is kept nowhere.", max_length=64)),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="recovery_codes",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("user", "digest"), name="core_recovery_code_unique_to_person"),
                    models.CheckConstraint(
                        condition=models.Q(("digest", ""), _negated=True), name="core_recovery_code_has_digest"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SecondFactor",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("APP", "Authenticator app"), ("KEY", "Security key or passkey")], max_length=3
                    ),
                ),
                ("name", models.CharField(help_text="Such as “My phone”.", max_length=60)),
                (
                    "secret",
                    models.BinaryField(
                        help_text="Of an app, its key, encrypted; of a security key, its public key.", max_length=2000
                    ),
                ),
                ("credential_id", models.BinaryField(max_length=1023, null=True, unique=True)),
                (
                    "counter",
                    models.BigIntegerField(
                        default=0,
                        help_text="Of an app, the 30 seconds of the last accepted code; of a security key, its own counter.",
                    ),
                ),
                ("added_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("last_used_at", models.DateTimeField(null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="second_factors",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="member of staff",
                    ),
                ),
            ],
            options={
                "ordering": ["added_at", "pk"],
                "constraints": [
                    models.UniqueConstraint(
                        models.F("user"),
                        django.db.models.functions.text.Upper("name"),
                        name="core_factor_name_unique_to_person",
                        violation_error_message="Another of your second factors has this name.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("name", ""), _negated=True), name="core_factor_has_name"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("credential_id", None), ("kind", "APP")),
                            models.Q(("credential_id__isnull", False), ("kind", "KEY")),
                            _connector="OR",
                        ),
                        name="core_factor_is_app_or_key",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("counter__gte", 0)), name="core_factor_counter_not_negative"
                    ),
                ],
            },
        ),
        *log_changes("core_casino_second_factor_roles", concerns={"auth_group": "group_id"}),
        *log_changes(
            "core_secondfactor",
            casino=OF_STAFF,
            concerns={"core_user": "user_id"},
            without=["counter", "last_used_at"],
            secret=["secret", "credential_id"],
        ),
        *log_changes("core_recoverycode", casino=OF_STAFF, concerns={"core_user": "user_id"}, secret=["digest"]),
    ]
