"""Chain the changes of each row by hashes, from now on."""

from django.db import migrations, models

# docs/ledger-chain.md describes what is hashed. The settings of the functions decide how JSON writes a value, so that
# those of a session do not. Two changes of one row never run at once: its lock is held until the first one commits.
CREATE_CHAIN = """
CREATE FUNCTION core_hash_field(value bytea) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT int4send(octet_length(value)) || value
$$;

CREATE FUNCTION core_hash_change(change core_change) RETURNS bytea LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp SET TimeZone = 'UTC' SET DateStyle = 'ISO, YMD'
SET IntervalStyle = 'postgres' SET bytea_output = 'hex' SET extra_float_digits = 1 AS $$
BEGIN
    RETURN (
        SELECT sha256(
            core_hash_field('core-change') || core_hash_field('1') || core_hash_field(change.previous_hash)
            || string_agg(
                core_hash_field(convert_to(name, 'UTF8')) || core_hash_field(convert_to(value, 'UTF8')),
                ''::bytea ORDER BY name COLLATE "C"
            )
        )
        FROM jsonb_each_text(to_jsonb(change) - '{previous_hash,change_hash}'::text[]) AS hashed (name, value)
        WHERE value IS NOT NULL
    );
END $$;

CREATE FUNCTION core_chain_change() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    NEW.previous_hash := coalesce(
        (SELECT change_hash FROM core_change WHERE table_name = NEW.table_name AND row_id = NEW.row_id AND id < NEW.id
         ORDER BY id DESC LIMIT 1),
        sha256(
            core_hash_field('core-change-genesis') || core_hash_field('1')
            || core_hash_field(convert_to(NEW.table_name, 'UTF8')) || core_hash_field(convert_to(NEW.row_id::text, 'UTF8'))
        )
    );
    NEW.change_hash := core_hash_change(NEW);
    RETURN NEW;
END $$;

CREATE TRIGGER core_chain_change BEFORE INSERT ON core_change FOR EACH ROW EXECUTE FUNCTION core_chain_change();
ALTER TABLE core_change ENABLE ALWAYS TRIGGER core_chain_change;
"""
DROP_CHAIN = """
DROP TRIGGER core_chain_change ON core_change;
DROP FUNCTION core_chain_change();
DROP FUNCTION core_hash_change(core_change);
DROP FUNCTION core_hash_field(bytea);
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0032_known_operations_of_reason_codes")]

    operations = [
        migrations.AddField(
            model_name="change",
            name="previous_hash",
            field=models.BinaryField(help_text="The hash of the change before it of the same row.", null=True),
        ),
        migrations.AddField(
            model_name="change",
            name="change_hash",
            field=models.BinaryField(help_text="Empty for changes of before hashes were kept.", null=True),
        ),
        migrations.AddIndex(
            model_name="change",
            index=models.Index(fields=["table_name", "row_id", "id"], name="core_change_by_row"),
        ),
        migrations.RunSQL(CREATE_CHAIN, DROP_CHAIN),
    ]
