"""Keep when each entry was recorded, and hash the entries from now on by version 2 of the chain."""

from django.db import migrations, models

import core.clock

# docs/ledger-chain.md describes what is hashed. The settings of the function decide how JSON writes a value, so that
# those of a session do not.
CREATE_VERSION_2 = """
CREATE FUNCTION loyalty_chain_hash_2(entry loyalty_ledger) RETURNS bytea LANGUAGE plpgsql STABLE
SET TimeZone = 'UTC' SET DateStyle = 'ISO, YMD' SET IntervalStyle = 'postgres' SET bytea_output = 'hex'
SET extra_float_digits = 1 AS $$
DECLARE
    columns_hash bytea := (
        SELECT sha256(
            loyalty_chain_field('loyalty-ledger-columns'::text)
            || loyalty_chain_field('2'::text)
            || string_agg(loyalty_chain_field(name) || loyalty_chain_field(value), ''::bytea ORDER BY name COLLATE "C")
        )
        FROM jsonb_each_text(to_jsonb(entry) - '{chain_version,previous_hash,entry_hash}'::text[])
            AS hashed (name, value)
        WHERE value IS NOT NULL
    );
BEGIN
    RETURN sha256(
        loyalty_chain_field('loyalty-ledger-entry'::text)
        || loyalty_chain_field('2'::text)
        || loyalty_chain_field(entry.previous_hash)
        || loyalty_chain_field(columns_hash)
    );
END $$;

ALTER FUNCTION loyalty_chain_hash(loyalty_ledger) RENAME TO loyalty_chain_hash_1;
CREATE FUNCTION loyalty_chain_hash(entry loyalty_ledger) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT CASE entry.chain_version
        WHEN 1 THEN loyalty_chain_hash_1(entry)
        WHEN 2 THEN loyalty_chain_hash_2(entry)
    END
$$;

CREATE OR REPLACE FUNCTION loyalty_chain_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.recorded_at := clock_timestamp();
    NEW.chain_version := 2;
    NEW.previous_hash := coalesce(
        (SELECT entry_hash FROM loyalty_ledger WHERE account_id = NEW.account_id AND seq < NEW.seq
         ORDER BY seq DESC LIMIT 1),
        loyalty_chain_genesis(NEW.account_id)
    );
    NEW.entry_hash := loyalty_chain_hash_2(NEW);
    RETURN NEW;
END $$;
"""
DROP_VERSION_2 = """
CREATE OR REPLACE FUNCTION loyalty_chain_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.chain_version := 1;
    NEW.previous_hash := coalesce(
        (SELECT entry_hash FROM loyalty_ledger WHERE account_id = NEW.account_id AND seq < NEW.seq
         ORDER BY seq DESC LIMIT 1),
        loyalty_chain_genesis(NEW.account_id)
    );
    NEW.entry_hash := loyalty_chain_hash(NEW);
    RETURN NEW;
END $$;
DROP FUNCTION loyalty_chain_hash(loyalty_ledger);
ALTER FUNCTION loyalty_chain_hash_1(loyalty_ledger) RENAME TO loyalty_chain_hash;
DROP FUNCTION loyalty_chain_hash_2(loyalty_ledger);
"""


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0005_programme_by_name")]

    operations = [
        migrations.RemoveConstraint(model_name="ledgerentry", name="loyalty_ledger_chain_version_known"),
        # First without its default, which would fill it in the entries that are there.
        migrations.AddField(
            model_name="ledgerentry",
            name="recorded_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="recorded_at",
            field=models.DateTimeField(
                db_default=core.clock.DatabaseClock(),
                editable=False,
                help_text="When it was written; empty for entries of before this was kept.",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="created_at",
            field=models.DateTimeField(help_text="When it happened: of play, when the slip closed."),
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="chain_version",
            field=models.SmallIntegerField(db_default=2, editable=False),
        ),
        migrations.RunSQL(CREATE_VERSION_2, DROP_VERSION_2),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("chain_version__in", [1, 2])), name="loyalty_ledger_chain_version_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("chain_version", 1), ("recorded_at", None)),
                    models.Q(("chain_version__gt", 1), ("recorded_at__isnull", False)),
                    _connector="OR",
                ),
                name="loyalty_ledger_recorded_since_version_2",
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("inputs__is_object", True)), name="loyalty_ledger_inputs_are_an_object"
            ),
        ),
    ]
