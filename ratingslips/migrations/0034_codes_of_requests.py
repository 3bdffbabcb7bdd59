"""Give requests a code that only the application can make, and let no INSERT say when a request was recorded."""

from django.db import migrations, models

import core.clock

RECORD_NOW = """
CREATE FUNCTION ratingslips_request_recorded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.recorded_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER ratingslips_request_recorded BEFORE INSERT ON ratingslips_sliprequest
    FOR EACH ROW EXECUTE FUNCTION ratingslips_request_recorded();
ALTER TABLE ratingslips_sliprequest ENABLE ALWAYS TRIGGER ratingslips_request_recorded;
"""
RECORD_AS_TOLD = """
DROP TRIGGER ratingslips_request_recorded ON ratingslips_sliprequest;
DROP FUNCTION ratingslips_request_recorded();
"""


class Migration(migrations.Migration):
    dependencies = [("ratingslips", "0033_frozen_live_slips")]

    operations = [
        migrations.RunSQL(RECORD_NOW, RECORD_AS_TOLD),
        migrations.AddField(
            model_name="sliprequest",
            name="mac",
            field=models.CharField(
                editable=False,
                help_text="Shows that the application recorded it; empty if an earlier version did.",
                max_length=72,
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="sliprequest",
            name="recorded_at",
            field=models.DateTimeField(
                db_default=core.clock.DatabaseClock(),
                editable=False,
                help_text="By PostgreSQL's clock, whatever an INSERT says.",
            ),
        ),
    ]
