import django.contrib.postgres.constraints
import django.contrib.postgres.fields.ranges
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

NAMED_ROWS = 20

FREEZE_WITH_HOLD = """
CREATE OR REPLACE FUNCTION ratingslips_freeze_segment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    frozen ratingslips_playsegment;
BEGIN
    frozen := OLD;
    IF OLD.ended_at IS NULL THEN
        frozen.ended_at := NEW.ended_at;
        frozen.ended_as := NEW.ended_as;
        frozen.ended_by_id := NEW.ended_by_id;
        frozen.end_correlation_id := NEW.end_correlation_id;
    END IF;
    IF OLD.held_until IS NULL THEN
        frozen.held_until := NEW.held_until;
    END IF;
    IF OLD.held_until IS NOT NULL OR NEW IS DISTINCT FROM frozen THEN
        RAISE EXCEPTION 'UPDATE of ratingslips_playsegment is refused: past play never changes'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""
FREEZE_WITHOUT_HOLD = """
CREATE OR REPLACE FUNCTION ratingslips_freeze_segment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    frozen ratingslips_playsegment;
BEGIN
    frozen := OLD;
    frozen.ended_at := NEW.ended_at;
    frozen.ended_as := NEW.ended_as;
    frozen.ended_by_id := NEW.ended_by_id;
    frozen.end_correlation_id := NEW.end_correlation_id;
    IF OLD.ended_at IS NOT NULL OR NEW IS DISTINCT FROM frozen THEN
        RAISE EXCEPTION 'UPDATE of ratingslips_playsegment is refused: past play never changes'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""

FILL = """
UPDATE ratingslips_playsegment AS segment SET held_until = holding.until FROM (
    SELECT segment.id, coalesce(
        lead(segment.started_at) OVER (PARTITION BY segment.slip_id ORDER BY segment.seq), slip.closed_at
    ) AS until
    FROM ratingslips_playsegment AS segment JOIN ratingslips_ratingslip AS slip ON slip.id = segment.slip_id
) AS holding WHERE holding.id = segment.id AND holding.until IS NOT NULL;
"""
# The UPDATE leaves dead versions of the rows without `held_until`, with each of which the constraint would compare every
# row. Writing the table anew leaves them out.
WRITE_ANEW = "ALTER TABLE ratingslips_playsegment ALTER held_until TYPE timestamptz USING held_until + interval '0';"

OVERLAPS = """
SELECT slip.slip_number, gaming_table.name, held.seat, held.started_at FROM (
    SELECT slip_id, table_id, seat, started_at, held_until, max(coalesce(held_until, 'infinity')) OVER (
        PARTITION BY table_id, seat ORDER BY started_at, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS held_before
    FROM ratingslips_playsegment WHERE held_until IS DISTINCT FROM started_at
) AS held
JOIN ratingslips_ratingslip AS slip ON slip.id = held.slip_id
JOIN ratingslips_gamingtable AS gaming_table ON gaming_table.id = held.table_id
WHERE held.started_at < held.held_before ORDER BY held.started_at, slip.slip_number
"""

# A trigger before the insertion, so that the exclusion constraint sees that the segment before no longer holds its seat.
HOLD_SEATS = """
CREATE FUNCTION ratingslips_leave_seat() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE ratingslips_playsegment SET held_until = NEW.started_at
    WHERE slip_id = NEW.slip_id AND seq = NEW.seq - 1 AND held_until IS NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER ratingslips_leave_seat BEFORE INSERT ON ratingslips_playsegment
    FOR EACH ROW WHEN (NEW.seq > 1) EXECUTE FUNCTION ratingslips_leave_seat();
ALTER TABLE ratingslips_playsegment ENABLE ALWAYS TRIGGER ratingslips_leave_seat;

CREATE FUNCTION ratingslips_leave_table() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE ratingslips_playsegment SET held_until = NEW.closed_at WHERE slip_id = NEW.id AND held_until IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER ratingslips_leave_table AFTER UPDATE OF closed_at ON ratingslips_ratingslip
    FOR EACH ROW WHEN (OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL) EXECUTE FUNCTION ratingslips_leave_table();
ALTER TABLE ratingslips_ratingslip ENABLE ALWAYS TRIGGER ratingslips_leave_table;
"""
RELEASE_SEATS = """
DROP TRIGGER ratingslips_leave_table ON ratingslips_ratingslip;
DROP FUNCTION ratingslips_leave_table();
DROP TRIGGER ratingslips_leave_seat ON ratingslips_playsegment;
DROP FUNCTION ratingslips_leave_seat();
"""


def refuse_overlaps(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Name the segments that began while another slip held their seat; the migration is then rolled back."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(OVERLAPS)
        rows = cursor.fetchall()
    if rows:
        named = "; ".join(
            f"slip {slip}, {table} seat {seat}, {at.isoformat()}" for slip, table, seat, at in rows[:NAMED_ROWS]
        )
        raise ValueError(
            f"{len(rows):,} segments began in a seat that another slip held, pauses included. Nothing was changed. "
            f"The first of them: {named}."
        )


def _seat_constraint(until: str) -> django.contrib.postgres.constraints.ExclusionConstraint:
    return django.contrib.postgres.constraints.ExclusionConstraint(
        expressions=[
            ("table", "="),
            ("seat", "="),
            (
                models.Func(
                    "started_at",
                    until,
                    function="TSTZRANGE",
                    output_field=django.contrib.postgres.fields.ranges.DateTimeRangeField(),
                ),
                "&&",
            ),
        ],
        name="ratingslips_segment_no_overlap_of_seat",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("ratingslips", "0008_fixed_gaming_day"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="playsegment", name="ratingslips_segment_no_overlap_of_seat"),
        migrations.AddField(
            model_name="playsegment",
            name="held_until",
            field=models.DateTimeField(
                help_text="When the next segment began, or the slip closed; empty while the seat is held. Set by triggers.",
                null=True,
            ),
        ),
        migrations.RunSQL(FREEZE_WITH_HOLD, FREEZE_WITHOUT_HOLD),
        migrations.RunSQL([FILL, WRITE_ANEW], migrations.RunSQL.noop),
        migrations.RunPython(refuse_overlaps, migrations.RunPython.noop),
        migrations.RunSQL(HOLD_SEATS, RELEASE_SEATS),
        migrations.AddConstraint(model_name="playsegment", constraint=_seat_constraint("held_until")),
    ]
