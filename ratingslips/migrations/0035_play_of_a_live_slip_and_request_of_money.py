"""Let a live slip be where its last segment is, and let each new money row name its request."""

from django.db import migrations

# Compared at the commit: an operation writes the slip before or after its segments.
REQUIRE_PLACE = """
CREATE FUNCTION ratingslips_require_place_of_play() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM ratingslips_ratingslip AS slip
        CROSS JOIN LATERAL (
            SELECT table_id, pit_id, seat, ended_at FROM ratingslips_playsegment
            WHERE slip_id = slip.id ORDER BY seq DESC LIMIT 1
        ) AS last
        WHERE slip.id = NEW.id AND slip.status IN ('OPEN', 'PAUSED')
          AND (slip.table_id, slip.pit_id, slip.seat, slip.status = 'OPEN')
              <> (last.table_id, last.pit_id, last.seat, last.ended_at IS NULL)
    ) THEN
        RAISE EXCEPTION 'UPDATE of ratingslips_ratingslip is refused: a live slip is where and as its last segment is'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ratingslips_slip_is_where_it_plays
    AFTER UPDATE OF status, table_id, pit_id, seat ON ratingslips_ratingslip
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.status IN ('OPEN', 'PAUSED'))
    EXECUTE FUNCTION ratingslips_require_place_of_play();
ALTER TABLE ratingslips_ratingslip ENABLE ALWAYS TRIGGER ratingslips_slip_is_where_it_plays;
"""
ALLOW_ANY_PLACE = """
DROP TRIGGER ratingslips_slip_is_where_it_plays ON ratingslips_ratingslip;
DROP FUNCTION ratingslips_require_place_of_play();
"""

# The rows of slips from before there were money rows have none; a migration wrote them.
REQUIRE_REQUEST = """
CREATE TRIGGER ratingslips_moneyrow_has_request BEFORE INSERT ON ratingslips_moneyrow
    FOR EACH ROW WHEN (NEW.request_id IS NULL)
    EXECUTE FUNCTION core_refuse_change('it does not name the request that recorded it');
ALTER TABLE ratingslips_moneyrow ENABLE ALWAYS TRIGGER ratingslips_moneyrow_has_request;
"""
ALLOW_NONE = "DROP TRIGGER ratingslips_moneyrow_has_request ON ratingslips_moneyrow;"


class Migration(migrations.Migration):
    dependencies = [("ratingslips", "0034_codes_of_requests")]

    operations = [
        migrations.RunSQL(REQUIRE_PLACE, ALLOW_ANY_PLACE),
        migrations.RunSQL(REQUIRE_REQUEST, ALLOW_NONE),
    ]
