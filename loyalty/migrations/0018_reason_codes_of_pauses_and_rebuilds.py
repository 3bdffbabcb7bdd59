"""Reason codes of pauses and rebuilt balances, and the reason for which a programme was resumed."""

from django.db import migrations, models

FREEZE_PAUSE = """
CREATE OR REPLACE FUNCTION loyalty_freeze_pause() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    frozen loyalty_programpause;
BEGIN
    frozen := OLD;
    frozen.resumed_at := NEW.resumed_at;
    frozen.resumed_by_id := NEW.resumed_by_id;
    frozen.resume_correlation_id := NEW.resume_correlation_id;{reason}
    IF OLD.resumed_at IS NOT NULL OR NEW IS DISTINCT FROM frozen THEN
        RAISE EXCEPTION 'UPDATE of loyalty_programpause is refused: a pause is given its end, once'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""
REASON = """
    frozen.resume_reason := NEW.resume_reason;
    frozen.resume_reason_code := NEW.resume_reason_code;"""


class Migration(migrations.Migration):
    dependencies = [
        ("loyalty", "0017_entries_by_reason_code"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="programpause",
            name="loyalty_pause_resume_is_whole",
        ),
        migrations.AddField(
            model_name="balancerebuild",
            name="reason_code",
            field=models.CharField(max_length=40, null=True),
        ),
        migrations.AddField(
            model_name="programpause",
            name="reason_code",
            field=models.CharField(max_length=40, null=True),
        ),
        migrations.AddField(
            model_name="programpause",
            name="resume_reason",
            field=models.CharField(default="", help_text="Empty if none was given.", max_length=500),
        ),
        migrations.AddField(
            model_name="programpause",
            name="resume_reason_code",
            field=models.CharField(max_length=40, null=True),
        ),
        migrations.AddConstraint(
            model_name="programpause",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("resume_correlation_id", None),
                        ("resume_reason", ""),
                        ("resume_reason_code", None),
                        ("resumed_at", None),
                        ("resumed_by", None),
                    ),
                    models.Q(
                        ("resume_correlation_id__isnull", False),
                        ("resumed_at__gte", models.F("paused_at")),
                        ("resumed_by__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="loyalty_pause_resume_is_whole",
            ),
        ),
        migrations.RunSQL(FREEZE_PAUSE.format(reason=REASON), FREEZE_PAUSE.format(reason="")),
    ]
