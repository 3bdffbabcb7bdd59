"""Refuse new segments of closed and void slips, and money of void slips."""

from importlib import import_module

from django.db import migrations

# A closed slip gets its first list of segments in one statement, when it is recorded with its closing; a correction gives
# it another. The lock makes an INSERT wait for a closing or a void that another transaction has not committed yet.
GUARD_PLAY = """
CREATE FUNCTION ratingslips_require_live_slip() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    slip ratingslips_ratingslip;
BEGIN
    FOR slip IN SELECT * FROM ratingslips_ratingslip WHERE id IN (SELECT slip_id FROM added) FOR SHARE LOOP
        CONTINUE WHEN slip.status IN ('OPEN', 'PAUSED');
        CONTINUE WHEN slip.status = 'CLOSED' AND NOT EXISTS (
            SELECT FROM ratingslips_playsegment AS segment
            WHERE segment.slip_id = slip.id AND segment.id NOT IN (SELECT id FROM added)
        );
        CONTINUE WHEN slip.status = 'CLOSED' AND EXISTS (
            SELECT FROM ratingslips_slipcorrection AS correction
            WHERE correction.slip_id = slip.id AND correction.number = slip.correction_count + 1
              AND correction.kind = 'CORRECTED'
              AND correction.last_seq_before < (SELECT min(seq) FROM added WHERE slip_id = slip.id)
        );
        RAISE EXCEPTION 'INSERT of ratingslips_playsegment is refused: a % slip gets no more play', lower(slip.status)
            USING ERRCODE = 'restrict_violation';
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER ratingslips_segment_of_live_slip AFTER INSERT ON ratingslips_playsegment
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ratingslips_require_live_slip();
ALTER TABLE ratingslips_playsegment ENABLE ALWAYS TRIGGER ratingslips_segment_of_live_slip;
"""
UNGUARD_PLAY = """
DROP TRIGGER ratingslips_segment_of_live_slip ON ratingslips_playsegment;
DROP FUNCTION ratingslips_require_live_slip();
"""

# As in 0023, and no money of a void slip.
GUARD_MONEY = """
CREATE OR REPLACE FUNCTION ratingslips_require_fitting_money() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    slip ratingslips_ratingslip;
BEGIN
    SELECT * INTO slip FROM ratingslips_ratingslip WHERE id = NEW.slip_id FOR SHARE;
    IF slip.status = 'VOID' THEN
        RAISE EXCEPTION 'INSERT of % is refused: a void slip gets no more money', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.player_id IS DISTINCT FROM slip.player_id THEN
        RAISE EXCEPTION 'INSERT of % is refused: the player is not the one of the slip', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.strikes_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM ratingslips_moneyrow AS struck WHERE struck.id = NEW.strikes_id AND struck.strikes_id IS NULL
        AND (struck.slip_id, struck.kind, struck.means, struck.amount, struck.gaming_day)
          = (NEW.slip_id, NEW.kind, NEW.means, -NEW.amount, NEW.gaming_day)
    ) THEN
        RAISE EXCEPTION 'INSERT of % is refused: it is not the opposite of the row that it strikes', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""
_money_rows = import_module("ratingslips.migrations.0023_money_rows")
GUARD_MONEY_BEFORE = _money_rows.UNGUARD + _money_rows.GUARD


class Migration(migrations.Migration):
    dependencies = [("ratingslips", "0028_corrected_slips")]

    operations = [
        migrations.RunSQL(GUARD_PLAY, UNGUARD_PLAY),
        migrations.RunSQL(GUARD_MONEY, GUARD_MONEY_BEFORE),
    ]
