"""Keep every pause of a programme, with its reason, also after the programme was resumed."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from core.append_only import refuse_delete, refuse_truncate

FREEZE_PAUSE = """
CREATE FUNCTION loyalty_freeze_pause() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    frozen loyalty_programpause;
BEGIN
    frozen := OLD;
    frozen.resumed_at := NEW.resumed_at;
    frozen.resumed_by_id := NEW.resumed_by_id;
    frozen.resume_correlation_id := NEW.resume_correlation_id;
    IF OLD.resumed_at IS NOT NULL OR NEW IS DISTINCT FROM frozen THEN
        RAISE EXCEPTION 'UPDATE of loyalty_programpause is refused: a pause is given its end, once'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER loyalty_freeze_pause BEFORE UPDATE ON loyalty_programpause
    FOR EACH ROW EXECUTE FUNCTION loyalty_freeze_pause();
ALTER TABLE loyalty_programpause ENABLE ALWAYS TRIGGER loyalty_freeze_pause;
"""
THAW_PAUSE = """
DROP TRIGGER loyalty_freeze_pause ON loyalty_programpause;
DROP FUNCTION loyalty_freeze_pause();
"""

# Which request began a pause that is under way now was not recorded.
KEEP_CURRENT = """
INSERT INTO loyalty_programpause (program_id, paused_by_id, paused_at, reason)
SELECT id, paused_by_id, paused_at, pause_reason FROM loyalty_loyaltyprogram WHERE paused_at IS NOT NULL;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("loyalty", "0006_recorded_at"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ProgramPause",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("paused_at", models.DateTimeField()),
                ("reason", models.CharField(max_length=500)),
                (
                    "correlation_id",
                    models.UUIDField(help_text="Empty for a pause that began before pauses were recorded.", null=True),
                ),
                ("resumed_at", models.DateTimeField(null=True)),
                ("resume_correlation_id", models.UUIDField(null=True)),
                (
                    "paused_by",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="pauses",
                        to="loyalty.loyaltyprogram",
                    ),
                ),
                (
                    "resumed_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-paused_at", "-id"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("resumed_at", None)),
                        fields=("program",),
                        name="loyalty_pause_one_at_a_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="loyalty_pause_has_reason"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("resume_correlation_id", None), ("resumed_at", None), ("resumed_by", None)),
                            models.Q(
                                ("resume_correlation_id__isnull", False),
                                ("resumed_at__gte", models.F("paused_at")),
                                ("resumed_by__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="loyalty_pause_resume_is_whole",
                    ),
                ],
            },
        ),
        migrations.RunSQL(FREEZE_PAUSE, THAW_PAUSE),
        refuse_delete("loyalty_programpause"),
        refuse_truncate("loyalty_programpause"),
        migrations.RunSQL(KEEP_CURRENT, migrations.RunSQL.noop),
    ]
