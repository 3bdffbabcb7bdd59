"""Require at the commit that a seat was given back for a cause: the next segment, the closing, or a correction."""

from django.db import migrations

# The trigger of a new segment also runs for an INSERT that ON CONFLICT then leaves out.
_REQUIRE_CAUSE = """
CREATE FUNCTION ratingslips_require_cause_of_hold() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF current_setting('session_replication_role') = 'replica' AND core_is_replication_worker() THEN
        RETURN coalesce(NEW, OLD);
    END IF;
    IF NOT EXISTS (
        SELECT FROM ratingslips_playsegment
        WHERE slip_id = NEW.slip_id AND seq = NEW.seq + 1 AND started_at = NEW.held_until
    ) AND NOT EXISTS (
        SELECT FROM ratingslips_ratingslip WHERE id = NEW.slip_id AND closed_at = NEW.held_until
    ) AND NOT EXISTS (
        SELECT FROM ratingslips_playsegment WHERE id = NEW.id AND superseded_by_id IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'UPDATE of ratingslips_playsegment is refused: the seat is given back without a cause'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ratingslips_hold_has_cause AFTER UPDATE OF held_until ON ratingslips_playsegment
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.held_until IS NULL AND NEW.held_until IS NOT NULL)
    EXECUTE FUNCTION ratingslips_require_cause_of_hold();
ALTER TABLE ratingslips_playsegment ENABLE ALWAYS TRIGGER ratingslips_hold_has_cause;
"""


class Migration(migrations.Migration):
    dependencies = [("ratingslips", "0041_live_slips_of_a_pit")]

    operations = [migrations.RunSQL(_REQUIRE_CAUSE, "DROP FUNCTION ratingslips_require_cause_of_hold() CASCADE;")]
