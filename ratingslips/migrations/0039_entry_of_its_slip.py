"""Let a slip get no other entry than the one for its play, which has the slip's key."""

from django.db import migrations

REQUIRE_OWN_ENTRY = """
CREATE FUNCTION ratingslips_require_own_entry() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF current_setting('session_replication_role') = 'replica' AND core_is_replication_worker() THEN
        RETURN coalesce(NEW, OLD);
    END IF;
    IF NOT EXISTS (
        SELECT FROM loyalty_ledger
        WHERE id = NEW.ledger_entry_id AND kind = 'GAMEPLAY' AND idempotency_key = NEW.id::text
    ) THEN
        RAISE EXCEPTION 'UPDATE of ratingslips_ratingslip is refused: the entry is not the one for the play of the slip'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ratingslips_slip_has_own_entry BEFORE UPDATE OF ledger_entry_id ON ratingslips_ratingslip FOR EACH ROW
    WHEN (OLD.ledger_entry_id IS NULL AND NEW.ledger_entry_id IS NOT NULL)
    EXECUTE FUNCTION ratingslips_require_own_entry();
ALTER TABLE ratingslips_ratingslip ENABLE ALWAYS TRIGGER ratingslips_slip_has_own_entry;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("loyalty", "0026_one_index_of_keys"),
        ("ratingslips", "0038_functions_name_their_schema"),
    ]

    operations = [
        migrations.RunSQL(REQUIRE_OWN_ENTRY, "DROP FUNCTION ratingslips_require_own_entry() CASCADE;"),
    ]
