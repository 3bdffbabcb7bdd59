"""Refuse figures of an account that are not those of its last entry, to every role."""

from django.db import migrations

REQUIRE_LAST_ENTRY = """
CREATE FUNCTION loyalty_require_last_entry() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    last loyalty_ledger;
BEGIN
    IF current_setting('session_replication_role') = 'replica' AND core_is_replication_worker() THEN
        RETURN coalesce(NEW, OLD);
    END IF;
    IF TG_OP = 'UPDATE' THEN
        SELECT * INTO last FROM loyalty_ledger WHERE account_id = NEW.id ORDER BY seq DESC LIMIT 1;
    END IF;
    IF (NEW.balance, NEW.lifetime_points, NEW.entry_count, NEW.head_hash) IS DISTINCT FROM
       (coalesce(last.balance_after, 0), coalesce(last.lifetime_points_after, 0), coalesce(last.seq, 0), last.entry_hash)
       OR NEW.tier_id IS DISTINCT FROM coalesce(last.tier_after_id, (
           SELECT id FROM loyalty_tier WHERE program_id = NEW.program_id AND threshold_points = 0)) THEN
        RAISE EXCEPTION '% of loyalty_playerloyalty is refused: the last entry of the account says something else', TG_OP
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER loyalty_account_begins_empty BEFORE INSERT ON loyalty_playerloyalty
    FOR EACH ROW EXECUTE FUNCTION loyalty_require_last_entry();
ALTER TABLE loyalty_playerloyalty ENABLE ALWAYS TRIGGER loyalty_account_begins_empty;
CREATE TRIGGER loyalty_account_is_its_last_entry BEFORE UPDATE ON loyalty_playerloyalty FOR EACH ROW
    WHEN (OLD.balance <> NEW.balance OR OLD.lifetime_points <> NEW.lifetime_points OR OLD.tier_id <> NEW.tier_id
          OR OLD.entry_count <> NEW.entry_count OR OLD.head_hash IS DISTINCT FROM NEW.head_hash)
    EXECUTE FUNCTION loyalty_require_last_entry();
ALTER TABLE loyalty_playerloyalty ENABLE ALWAYS TRIGGER loyalty_account_is_its_last_entry;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("loyalty", "0029_comps_of_their_casino"),
        ("ratingslips", "0038_functions_name_their_schema"),  # makes core_is_replication_worker()
    ]

    operations = [migrations.RunSQL(REQUIRE_LAST_ENTRY, "DROP FUNCTION loyalty_require_last_entry() CASCADE;")]
