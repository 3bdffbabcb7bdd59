import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from core.append_only import append_only

# django-axes kept the sign-ins before: take them over, and drop its tables.
TAKE_OVER = """
DO $$
BEGIN
    IF to_regclass('axes_accesslog') IS NULL THEN
        RETURN;
    END IF;
    INSERT INTO core_signinevent (kind, at, staff_id, client_address, device, correlation_id)
    SELECT event.kind, event.at, staff.id, log.ip_address, left(log.user_agent, 200), gen_random_uuid()
    FROM axes_accesslog AS log
    JOIN core_user AS staff ON staff.username = log.username
    CROSS JOIN LATERAL (
        VALUES ('SIGNED_IN', log.attempt_time), ('SIGNED_OUT', log.logout_time)
    ) AS event (kind, at)
    WHERE event.at IS NOT NULL
    ORDER BY event.at;
    DROP TABLE axes_accessattemptexpiration, axes_accessattempt, axes_accessfailurelog, axes_accesslog;
    DELETE FROM django_migrations WHERE app = 'axes';
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0011_change_log"),
    ]

    operations = [
        migrations.CreateModel(
            name="SignInEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("SIGNED_IN", "Signed in"),
                            ("CONFIRMED", "Gave the own password again"),
                            ("WRONG", "Wrong password"),
                            ("REFUSED", "Refused while locked"),
                            ("LIFTED", "Lock lifted"),
                            ("SIGNED_OUT", "Signed out"),
                        ],
                        max_length=10,
                    ),
                ),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "name_group",
                    models.PositiveSmallIntegerField(
                        help_text="Of a name that nobody has: 12 bits of its keyed hash, to tell most names apart and no more.",
                        null=True,
                    ),
                ),
                ("client_address", models.GenericIPAddressField(null=True, verbose_name="address")),
                ("device", models.CharField(blank=True, help_text="The browser, as it calls itself.", max_length=200)),
                ("correlation_id", models.UUIDField(db_index=True)),
                (
                    "done_by",
                    models.ForeignKey(
                        db_index=False,
                        help_text="Who lifted the lock or ended the session, if not the person.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "staff",
                    models.ForeignKey(
                        db_index=False,
                        help_text="Whose name was given; empty if nobody has that name.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sign_in_events",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "sign-in",
                "permissions": [("lift_lock", "Can lift the lock of a sign-in")],
                "indexes": [
                    models.Index(fields=["staff", "id"], name="core_sign_in_by_staff"),
                    models.Index(fields=["client_address", "id"], name="core_sign_in_by_address"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["SIGNED_IN", "CONFIRMED", "WRONG", "REFUSED", "LIFTED", "SIGNED_OUT"])
                        ),
                        name="core_sign_in_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("name_group", None), ("staff__isnull", False)),
                            models.Q(
                                ("kind__in", ["WRONG", "REFUSED"]),
                                ("name_group__gte", 0),
                                ("name_group__isnull", False),
                                ("name_group__lt", 4096),
                                ("staff", None),
                            ),
                            _connector="OR",
                        ),
                        name="core_sign_in_of_staff_or_of_no_name",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "LIFTED"), _negated=True), ("done_by__isnull", False), _connector="OR"
                        ),
                        name="core_sign_in_lock_lifted_by_somebody",
                    ),
                ],
            },
        ),
        migrations.RunSQL(TAKE_OVER, migrations.RunSQL.noop),
        *append_only("core_signinevent"),
    ]
