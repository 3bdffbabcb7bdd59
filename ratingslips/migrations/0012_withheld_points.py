"""Keep why the points of a slip were withheld, and let it be given its entry later."""

from django.conf import settings
from django.db import migrations, models

# As in 0004, but a settled slip without an entry may be given one: its withheld points are released.
FREEZE_SLIP = """
CREATE OR REPLACE FUNCTION ratingslips_freeze_slip() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    frozen ratingslips_ratingslip;
BEGIN
    frozen := OLD;
    frozen.ledger_entry_id := NEW.ledger_entry_id;
    IF OLD.settled_at IS NULL THEN
        frozen.settled_at := NEW.settled_at;
        frozen.recovered_by_id := NEW.recovered_by_id;
        frozen.recovery_correlation_id := NEW.recovery_correlation_id;
    END IF;
    IF NEW IS DISTINCT FROM frozen
       OR OLD.settled_at IS NOT NULL AND (OLD.ledger_entry_id IS NOT NULL OR NEW.ledger_entry_id IS NULL) THEN
        RAISE EXCEPTION 'UPDATE of ratingslips_ratingslip is refused: a closed slip can only be settled, once'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""
FREEZE_SLIP_BEFORE = """
CREATE OR REPLACE FUNCTION ratingslips_freeze_slip() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    frozen ratingslips_ratingslip;
BEGIN
    frozen := OLD;
    frozen.settled_at := NEW.settled_at;
    frozen.ledger_entry_id := NEW.ledger_entry_id;
    frozen.recovered_by_id := NEW.recovered_by_id;
    frozen.recovery_correlation_id := NEW.recovery_correlation_id;
    IF OLD.settled_at IS NOT NULL OR NEW IS DISTINCT FROM frozen THEN
        RAISE EXCEPTION 'UPDATE of ratingslips_ratingslip is refused: a closed slip can only be settled, once'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0006_lease"),
        ("loyalty", "0006_recorded_at"),
        ("ratingslips", "0011_help_texts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(FREEZE_SLIP, FREEZE_SLIP_BEFORE),
        migrations.RemoveConstraint(
            model_name="sliprequest",
            name="ratingslips_request_kind_known",
        ),
        migrations.AddField(
            model_name="ratingslip",
            name="withheld_because",
            field=models.CharField(
                blank=True,
                choices=[("ACTIVE", "Active"), ("INACTIVE", "Inactive"), ("BARRED", "Barred")],
                db_default="",
                default="",
                help_text="The player's status when the slip closed, where its points were withheld for it.",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="ratingslip",
            name="settled_at",
            field=models.DateTimeField(
                help_text="When its points were posted, withheld or found to be 0. A closed slip without this is owed points.",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="sliprequest",
            name="kind",
            field=models.CharField(
                choices=[
                    ("OPEN", "Open"),
                    ("CHANGE_BET", "Change average bet"),
                    ("PAUSE", "Pause"),
                    ("RESUME", "Resume"),
                    ("MOVE", "Move"),
                    ("CLOSE", "Close"),
                    ("RECOVER", "Recover points"),
                    ("RELEASE", "Release points"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            model_name="ratingslip",
            index=models.Index(
                condition=models.Q(models.Q(("withheld_because", ""), _negated=True), ("ledger_entry", None)),
                fields=["casino", "-closed_at"],
                name="ratingslips_slip_withheld",
            ),
        ),
        migrations.AddConstraint(
            model_name="ratingslip",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("withheld_because", ""),
                    models.Q(
                        ("owed_because", ""),
                        ("settled_at__isnull", False),
                        ("theoretical_win__gt", 0),
                        ("withheld_because__in", ["INACTIVE", "BARRED"]),
                    ),
                    _connector="OR",
                ),
                name="ratingslips_slip_withheld_is_settled",
            ),
        ),
        migrations.AddConstraint(
            model_name="sliprequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", ["OPEN", "CHANGE_BET", "PAUSE", "RESUME", "MOVE", "CLOSE", "RECOVER", "RELEASE"])
                ),
                name="ratingslips_request_kind_known",
            ),
        ),
    ]
