"""Keep when withheld points were released, also where the play is worth 0 points and has no entry."""

from importlib import import_module

from django.db import migrations, models

# As in 0012, but a settled slip may also be released, once, with or without its entry.
FREEZE_SLIP = """
CREATE OR REPLACE FUNCTION ratingslips_freeze_slip() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    frozen ratingslips_ratingslip;
BEGIN
    frozen := OLD;
    IF OLD.settled_at IS NULL THEN
        frozen.settled_at := NEW.settled_at;
        frozen.recovered_by_id := NEW.recovered_by_id;
        frozen.recovery_correlation_id := NEW.recovery_correlation_id;
    END IF;
    frozen.ledger_entry_id := coalesce(OLD.ledger_entry_id, NEW.ledger_entry_id);
    frozen.released_at := coalesce(OLD.released_at, NEW.released_at);
    IF NEW IS DISTINCT FROM frozen OR OLD.settled_at IS NOT NULL AND NEW IS NOT DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'UPDATE of ratingslips_ratingslip is refused: a closed slip can only be settled, once'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""
FREEZE_SLIP_BEFORE = import_module("ratingslips.migrations.0012_withheld_points").FREEZE_SLIP

KEEP_RELEASES = """
UPDATE ratingslips_ratingslip AS slip SET released_at = coalesce(
    (SELECT min(happened_at) FROM ratingslips_sliprequest WHERE slip_id = slip.id AND kind = 'RELEASE'), slip.settled_at
) WHERE withheld_because <> '' AND ledger_entry_id IS NOT NULL;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("ratingslips", "0016_game_values"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="ratingslip",
            name="ratingslips_slip_withheld",
        ),
        migrations.AddField(
            model_name="ratingslip",
            name="released_at",
            field=models.DateTimeField(help_text="When its withheld points were released.", null=True),
        ),
        migrations.RunSQL(FREEZE_SLIP, FREEZE_SLIP_BEFORE),
        migrations.RunSQL(KEEP_RELEASES, migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="ratingslip",
            index=models.Index(
                condition=models.Q(models.Q(("withheld_because", ""), _negated=True), ("released_at", None)),
                fields=["casino", "-closed_at"],
                name="ratingslips_slip_withheld",
            ),
        ),
        migrations.AddConstraint(
            model_name="ratingslip",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("released_at__gte", models.F("settled_at")),
                        ("released_at__isnull", False),
                        models.Q(("withheld_because", ""), _negated=True),
                    ),
                    models.Q(
                        ("released_at", None),
                        models.Q(("withheld_because", ""), ("ledger_entry", None), _connector="OR"),
                    ),
                    _connector="OR",
                ),
                name="ratingslips_slip_released_was_withheld",
            ),
        ),
    ]
