"""Refuse another time zone or start of the day for a casino whose slips, entries or exports were dated by them."""

from django.db import migrations

FIX = """
CREATE FUNCTION ratingslips_fix_gaming_day() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM ratingslips_ratingslip WHERE casino_id = OLD.id)
       OR EXISTS (SELECT FROM loyalty_ledger WHERE casino_id = OLD.id)
       OR EXISTS (SELECT FROM loyalty_ledgerexport WHERE casino_id = OLD.id) THEN
        RAISE EXCEPTION 'UPDATE of core_casino is refused: days of casino % were recorded by its time zone', OLD.code
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ratingslips_fix_gaming_day BEFORE UPDATE ON core_casino FOR EACH ROW
    WHEN ((OLD.time_zone, OLD.gaming_day_starts_at) IS DISTINCT FROM (NEW.time_zone, NEW.gaming_day_starts_at))
    EXECUTE FUNCTION ratingslips_fix_gaming_day();
ALTER TABLE core_casino ENABLE ALWAYS TRIGGER ratingslips_fix_gaming_day;
"""
UNFIX = """
DROP TRIGGER ratingslips_fix_gaming_day ON core_casino;
DROP FUNCTION ratingslips_fix_gaming_day();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0005_staff_by_name"),
        ("loyalty", "0005_programme_by_name"),
        ("ratingslips", "0007_slip_request"),
    ]

    operations = [migrations.RunSQL(FIX, UNFIX)]
