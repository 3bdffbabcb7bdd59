import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# Who is deactivated, or has a new password, is signed out everywhere, also if the row was written without the console.
END_SESSIONS = """
CREATE FUNCTION core_end_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM public.core_session WHERE staff_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER core_end_sessions AFTER UPDATE OF is_active, is_staff, password ON core_user
    FOR EACH ROW WHEN (
        OLD.is_active AND NOT NEW.is_active
        OR OLD.is_staff AND NOT NEW.is_staff
        OR OLD.password IS DISTINCT FROM NEW.password
    )
    EXECUTE FUNCTION core_end_sessions();
ALTER TABLE core_user ENABLE ALWAYS TRIGGER core_end_sessions;
"""
KEEP_SESSIONS = "DROP TRIGGER core_end_sessions ON core_user; DROP FUNCTION core_end_sessions();"

# Django's own table; who was signed in signs in again.
DROP_SESSIONS = """
DO $$
BEGIN
    IF to_regclass('django_session') IS NOT NULL THEN
        DROP TABLE django_session;
        DELETE FROM django_migrations WHERE app = 'sessions';
    END IF;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0015_sent_form"),
    ]

    operations = [
        migrations.CreateModel(
            name="Session",
            fields=[
                (
                    "session_key",
                    models.CharField(max_length=40, primary_key=True, serialize=False, verbose_name="session key"),
                ),
                ("session_data", models.TextField(verbose_name="session data")),
                ("expire_date", models.DateTimeField(db_index=True, verbose_name="expire date")),
                ("signed_in_at", models.DateTimeField(null=True)),
                ("last_used_at", models.DateTimeField()),
                ("client_address", models.GenericIPAddressField(null=True)),
                ("device", models.CharField(blank=True, max_length=200)),
                (
                    "staff",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "session",
                "verbose_name_plural": "sessions",
                "abstract": False,
            },
        ),
        migrations.RunSQL(END_SESSIONS, KEEP_SESSIONS),
        migrations.RunSQL(DROP_SESSIONS, migrations.RunSQL.noop),
    ]
