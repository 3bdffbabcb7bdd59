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

# In every version that recorded requests, one opened each slip. Those of before get a row that says so.
MARK_EARLIER_SLIPS = """
INSERT INTO ratingslips_sliprequest
    (id, slip_id, kind, actor_id, contents, fingerprint, correlation_id, happened_at)
SELECT gen_random_uuid(), slip.id, 'EARLIER', slip.opened_by_id, '{}', encode(sha256('{}'), 'hex'), gen_random_uuid(), slip.opened_at
FROM ratingslips_ratingslip AS slip WHERE NOT EXISTS (
    SELECT FROM ratingslips_sliprequest AS request
    WHERE request.slip_id = slip.id AND request.kind IN ('OPEN', 'CONTINUE', 'REASSIGN')
);
SET CONSTRAINTS ALL IMMEDIATE;
"""

KINDS = [
    ("OPEN", "Open"),
    ("CHANGE_BET", "Change average bet"),
    ("PAUSE", "Pause"),
    ("RESUME", "Resume"),
    ("MOVE", "Move"),
    ("CLOSE", "Close"),
    ("RECOVER", "Recover points"),
    ("RELEASE", "Release points"),
    ("CORRECT", "Correct play"),
    ("VOID", "Void"),
    ("CONTINUE", "Still playing"),
    ("REASSIGN", "Give to another player"),
    ("BUY_IN", "Buy-in"),
    ("CHIPS_OUT", "Chips out"),
    ("STRIKE", "Strike buy-in or chips out"),
    ("EARLIER", "Opened in an earlier version"),
]


class Migration(migrations.Migration):
    dependencies = [("ratingslips", "0033_frozen_live_slips")]

    operations = [
        migrations.RunSQL(RECORD_NOW, RECORD_AS_TOLD),
        migrations.RemoveConstraint(model_name="sliprequest", name="ratingslips_request_kind_known"),
        migrations.AlterField(
            model_name="sliprequest",
            name="kind",
            field=models.CharField(choices=KINDS, max_length=10),
        ),
        migrations.AddConstraint(
            model_name="sliprequest",
            constraint=models.CheckConstraint(
                condition=models.Q(kind__in=[kind for kind, _ in KINDS]), name="ratingslips_request_kind_known"
            ),
        ),
        migrations.RunSQL(MARK_EARLIER_SLIPS, migrations.RunSQL.noop),
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
