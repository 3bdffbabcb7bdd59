"""Keep which request recovered a slip's points, and let recovered entries be found in the order of the ledger."""

from django.conf import settings
from django.db import migrations, models

# As in 0001, but that a recovery also says which request it was.
FREEZE_SLIP = """
CREATE OR REPLACE FUNCTION ratingslips_freeze_slip() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    frozen ratingslips_ratingslip;
BEGIN
    frozen := OLD;
    frozen.settled_at := NEW.settled_at;
    frozen.ledger_entry_id := NEW.ledger_entry_id;
    frozen.recovered_by_id := NEW.recovered_by_id;
    {also}
    IF OLD.settled_at IS NOT NULL OR NEW IS DISTINCT FROM frozen THEN
        RAISE EXCEPTION 'UPDATE of ratingslips_ratingslip is refused: a closed slip can only be settled, once'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0004_request_origin"),
        ("loyalty", "0002_audit"),
        ("ratingslips", "0003_no_overlap"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="ratingslip",
            name="recovery_correlation_id",
            field=models.UUIDField(
                help_text="Of the request or command that recovered its points; the slip and its entry keep their own.",
                null=True,
            ),
        ),
        migrations.RunSQL(
            FREEZE_SLIP.replace("{also}", "frozen.recovery_correlation_id := NEW.recovery_correlation_id;"),
            FREEZE_SLIP.replace("{also}", ""),
        ),
        migrations.AddIndex(
            model_name="ratingslip",
            index=models.Index(
                condition=models.Q(("recovered_by__isnull", False)),
                fields=["casino", "ledger_entry"],
                name="ratingslips_slip_recovered",
            ),
        ),
        migrations.AddIndex(
            model_name="ratingslip",
            index=models.Index(
                condition=models.Q(("recovery_correlation_id__isnull", False)),
                fields=["recovery_correlation_id"],
                name="ratingslips_slip_recovery",
            ),
        ),
    ]
