"""Let a segment give its seat back only when the next one begins, its slip closes, or a correction supersedes it."""

from django.db import migrations

_FREEZE_SEGMENT = """
CREATE OR REPLACE FUNCTION ratingslips_freeze_segment() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    frozen ratingslips_playsegment;
BEGIN
    IF current_setting('session_replication_role') = 'replica' AND core_is_replication_worker() THEN
        RETURN coalesce(NEW, OLD);
    END IF;
    frozen := OLD;
    IF OLD.ended_at IS NULL THEN
        frozen.ended_at := NEW.ended_at;
        frozen.ended_as := NEW.ended_as;
        frozen.ended_by_id := NEW.ended_by_id;
        frozen.end_correlation_id := NEW.end_correlation_id;
    END IF;
    IF OLD.held_until IS NULL AND NEW.ended_at IS NOT NULL%s THEN
        frozen.held_until := NEW.held_until;
    END IF;
    IF OLD.superseded_by_id IS NULL AND EXISTS (
        SELECT FROM ratingslips_slipcorrection AS correction
        JOIN ratingslips_ratingslip AS slip ON slip.id = correction.slip_id
        WHERE correction.id = NEW.superseded_by_id AND slip.id = OLD.slip_id
          AND correction.number = slip.correction_count + 1
    ) THEN
        frozen.superseded_by_id := NEW.superseded_by_id;
    END IF;
    IF NEW IS DISTINCT FROM frozen OR OLD.held_until IS NOT NULL AND NEW IS NOT DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'UPDATE of ratingslips_playsegment is refused: past play never changes'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""
# A statement of the triggers of a new segment and of a closing slip runs within them, and no other does.
_WITH_ITS_CAUSE = """
       AND (pg_trigger_depth() > 1 OR NEW.superseded_by_id IS DISTINCT FROM OLD.superseded_by_id)"""


class Migration(migrations.Migration):
    dependencies = [("ratingslips", "0039_entry_of_its_slip")]

    operations = [migrations.RunSQL(_FREEZE_SEGMENT % _WITH_ITS_CAUSE, _FREEZE_SEGMENT % "")]
