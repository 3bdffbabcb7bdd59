"""Rates begin in the future or before the first one; tiers stay as they were set up."""

from django.db import migrations

from core.append_only import refuse_delete, refuse_update
from core.effective_dates import refuse_past

KEEP_TIERS = """
CREATE FUNCTION loyalty_keep_tiers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- No account is opened in the programme until this transaction ends: an account refers to it.
    PERFORM FROM loyalty_loyaltyprogram WHERE id = NEW.program_id FOR UPDATE;
    IF EXISTS (SELECT FROM loyalty_playerloyalty WHERE program_id = NEW.program_id) THEN
        RAISE EXCEPTION 'INSERT of loyalty_tier is refused: the accounts of programme % are in its tiers already',
            NEW.program_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER loyalty_keep_tiers BEFORE INSERT ON loyalty_tier FOR EACH ROW EXECUTE FUNCTION loyalty_keep_tiers();
ALTER TABLE loyalty_tier ENABLE ALWAYS TRIGGER loyalty_keep_tiers;
"""
LEAVE_TIERS = """
DROP TRIGGER loyalty_keep_tiers ON loyalty_tier;
DROP FUNCTION loyalty_keep_tiers();
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0013_effective_dates"), ("loyalty", "0011_change_log")]

    operations = [
        refuse_past("loyalty_earningrate", owner="program_id", owners="loyalty_loyaltyprogram"),
        refuse_update("loyalty_tier"),
        refuse_delete("loyalty_tier"),
        migrations.RunSQL(KEEP_TIERS, LEAVE_TIERS),
    ]
