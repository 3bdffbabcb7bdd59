"""Keep the pit of a slip and of each segment, and let no table with a live slip move.

Existing slips and segments get the pit that their table is in now: where it was before was not recorded.
"""

import django.db.models.deletion
from django.db import migrations, models

_REFUSING = {
    "ratingslips_ratingslip": "ratingslips_freeze_slip",
    "ratingslips_playsegment": "ratingslips_freeze_segment",
}
# Closed slips and ended segments are frozen.
FILL = "".join(
    f"""
    ALTER TABLE {table} DISABLE TRIGGER {trigger};
    UPDATE {table} AS played SET pit_id = seated_at.pit_id
        FROM ratingslips_gamingtable AS seated_at WHERE seated_at.id = played.table_id;
    ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger};
    """  # noqa: S608
    for table, trigger in _REFUSING.items()
)

# The lock makes a table that is about to move wait for the slip, or the slip for the table.
GUARD = """
CREATE FUNCTION ratingslips_require_pit_of_table() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'ratingslips_ratingslip' THEN
        PERFORM FROM ratingslips_gamingtable WHERE id = NEW.table_id FOR SHARE;
    END IF;
    IF NEW.pit_id IS DISTINCT FROM (SELECT pit_id FROM ratingslips_gamingtable WHERE id = NEW.table_id) THEN
        RAISE EXCEPTION '% of % is refused: the pit is not the one that the table is in', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ratingslips_slip_opens_in_pit BEFORE INSERT ON ratingslips_ratingslip
    FOR EACH ROW EXECUTE FUNCTION ratingslips_require_pit_of_table();
ALTER TABLE ratingslips_ratingslip ENABLE ALWAYS TRIGGER ratingslips_slip_opens_in_pit;
CREATE TRIGGER ratingslips_slip_moves_with_pit BEFORE UPDATE OF table_id, pit_id ON ratingslips_ratingslip FOR EACH ROW
    WHEN ((OLD.table_id, OLD.pit_id) IS DISTINCT FROM (NEW.table_id, NEW.pit_id))
    EXECUTE FUNCTION ratingslips_require_pit_of_table();
ALTER TABLE ratingslips_ratingslip ENABLE ALWAYS TRIGGER ratingslips_slip_moves_with_pit;
CREATE TRIGGER ratingslips_segment_in_pit BEFORE INSERT ON ratingslips_playsegment
    FOR EACH ROW EXECUTE FUNCTION ratingslips_require_pit_of_table();
ALTER TABLE ratingslips_playsegment ENABLE ALWAYS TRIGGER ratingslips_segment_in_pit;

CREATE FUNCTION ratingslips_keep_table_in_pit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM ratingslips_ratingslip WHERE table_id = NEW.id AND status IN ('OPEN', 'PAUSED')) THEN
        RAISE EXCEPTION 'UPDATE of ratingslips_gamingtable is refused: a table with a live slip stays in its pit'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ratingslips_keep_table_in_pit BEFORE UPDATE OF pit_id ON ratingslips_gamingtable FOR EACH ROW
    WHEN (OLD.pit_id IS DISTINCT FROM NEW.pit_id) EXECUTE FUNCTION ratingslips_keep_table_in_pit();
ALTER TABLE ratingslips_gamingtable ENABLE ALWAYS TRIGGER ratingslips_keep_table_in_pit;
"""
UNGUARD = """
DROP TRIGGER ratingslips_keep_table_in_pit ON ratingslips_gamingtable;
DROP FUNCTION ratingslips_keep_table_in_pit();
DROP TRIGGER ratingslips_segment_in_pit ON ratingslips_playsegment;
DROP TRIGGER ratingslips_slip_moves_with_pit ON ratingslips_ratingslip;
DROP TRIGGER ratingslips_slip_opens_in_pit ON ratingslips_ratingslip;
DROP FUNCTION ratingslips_require_pit_of_table();
"""

_OF_SLIP = {
    "db_index": False,
    "help_text": "The table's pit while the slip is live; it stays when the table moves later.",
    "on_delete": django.db.models.deletion.PROTECT,
    "related_name": "rating_slips",
    "to": "ratingslips.pit",
}
_OF_SEGMENT = {
    "db_index": False,
    "help_text": "The table's pit when the segment began.",
    "on_delete": django.db.models.deletion.PROTECT,
    "related_name": "+",
    "to": "ratingslips.pit",
}


class Migration(migrations.Migration):
    dependencies = [
        ("ratingslips", "0014_change_log"),
    ]

    operations = [
        migrations.AddField("ratingslip", "pit", models.ForeignKey(null=True, **_OF_SLIP)),
        migrations.AddField("playsegment", "pit", models.ForeignKey(null=True, **_OF_SEGMENT)),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.AlterField("ratingslip", "pit", models.ForeignKey(**_OF_SLIP)),
        migrations.AlterField("playsegment", "pit", models.ForeignKey(**_OF_SEGMENT)),
        migrations.AddIndex(
            "ratingslip", models.Index(fields=["pit", "-opened_at"], name="ratingslips_slip_pit_opened")
        ),
        migrations.RunSQL(GUARD, UNGUARD),
    ]
