"""Chain each account's entries by hashes, and let the account keep the newest."""

from django.conf import settings
from django.db import migrations, models

# docs/ledger-chain.md describes what is hashed. No setting of a session changes the text of a column.
CREATE_CHAIN = """
CREATE FUNCTION loyalty_chain_field(value bytea) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT int4send(coalesce(octet_length(value), -1)) || coalesce(value, ''::bytea)
$$;

CREATE FUNCTION loyalty_chain_field(value text) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT loyalty_chain_field(convert_to(value, 'UTF8'))
$$;

CREATE FUNCTION loyalty_chain_genesis(account bigint) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(
        loyalty_chain_field('loyalty-ledger-genesis'::text)
        || loyalty_chain_field('1'::text)
        || loyalty_chain_field(account::text)
    )
$$;

CREATE FUNCTION loyalty_chain_hash(entry loyalty_ledger) RETURNS bytea LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sha256(
        loyalty_chain_field('loyalty-ledger-entry'::text)
        || loyalty_chain_field(entry.chain_version::text)
        || loyalty_chain_field(entry.previous_hash)
        || loyalty_chain_field(entry.id::text)
        || loyalty_chain_field(entry.casino_id::text)
        || loyalty_chain_field(entry.account_id::text)
        || loyalty_chain_field(entry.seq::text)
        || loyalty_chain_field(entry.kind::text)
        || loyalty_chain_field(entry.points::text)
        || loyalty_chain_field(entry.reason::text)
        || loyalty_chain_field(entry.idempotency_key::text)
        || loyalty_chain_field(entry.fingerprint::text)
        || loyalty_chain_field(entry.staff_id::text)
        || loyalty_chain_field(entry.reverses_id::text)
        || loyalty_chain_field(entry.balance_before::text)
        || loyalty_chain_field(entry.balance_after::text)
        || loyalty_chain_field(entry.lifetime_points_before::text)
        || loyalty_chain_field(entry.lifetime_points_after::text)
        || loyalty_chain_field(entry.tier_before_id::text)
        || loyalty_chain_field(entry.tier_after_id::text)
        || loyalty_chain_field((entry.gaming_day - DATE '1970-01-01')::text)
        || loyalty_chain_field(entry.correlation_id::text)
        || loyalty_chain_field(entry.inputs::text)
        || loyalty_chain_field((extract(epoch FROM entry.created_at) * 1000000)::bigint::text)
    );
END $$;

CREATE FUNCTION loyalty_chain_entry() RETURNS trigger LANGUAGE plpgsql AS $$
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
"""
DROP_CHAIN = """
DROP FUNCTION loyalty_chain_entry();
DROP FUNCTION loyalty_chain_hash(loyalty_ledger);
DROP FUNCTION loyalty_chain_genesis(bigint);
DROP FUNCTION loyalty_chain_field(text);
DROP FUNCTION loyalty_chain_field(bytea);
"""

# As the owner, and in one transaction: nobody else sees the ledger while its refusal of UPDATE is away.
CHAIN_WHAT_IS_THERE = """
SET LOCAL statement_timeout = 0;
ALTER TABLE loyalty_ledger DISABLE TRIGGER loyalty_ledger_refuse_update;
DO $$
DECLARE
    entry loyalty_ledger;
    head bytea;
    of_account bigint := NULL;
BEGIN
    FOR entry IN SELECT * FROM loyalty_ledger ORDER BY account_id, seq LOOP
        IF of_account IS DISTINCT FROM entry.account_id THEN
            of_account := entry.account_id;
            head := loyalty_chain_genesis(of_account);
        END IF;
        entry.chain_version := 1;
        entry.previous_hash := head;
        head := loyalty_chain_hash(entry);
        UPDATE loyalty_ledger SET previous_hash = entry.previous_hash, entry_hash = head WHERE id = entry.id;
    END LOOP;
    UPDATE loyalty_playerloyalty AS account SET head_hash = newest.entry_hash
    FROM (SELECT DISTINCT ON (account_id) account_id, entry_hash FROM loyalty_ledger ORDER BY account_id, seq DESC)
        AS newest
    WHERE newest.account_id = account.id;
END $$;
ALTER TABLE loyalty_ledger ENABLE ALWAYS TRIGGER loyalty_ledger_refuse_update;
"""

CHAIN_WHAT_COMES = """
CREATE TRIGGER loyalty_chain_entry BEFORE INSERT ON loyalty_ledger
    FOR EACH ROW EXECUTE FUNCTION loyalty_chain_entry();
ALTER TABLE loyalty_ledger ENABLE ALWAYS TRIGGER loyalty_chain_entry;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0004_request_origin"),
        ("loyalty", "0002_audit"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="ledgerentry",
            name="chain_version",
            field=models.SmallIntegerField(db_default=1, editable=False),
        ),
        migrations.AddField(
            model_name="ledgerentry",
            name="previous_hash",
            field=models.BinaryField(db_default=models.Value(b""), max_length=32),
        ),
        migrations.AddField(
            model_name="ledgerentry",
            name="entry_hash",
            field=models.BinaryField(
                db_default=models.Value(b""),
                help_text="Of all the columns and the hash before: docs/ledger-chain.md.",
                max_length=32,
            ),
        ),
        migrations.AddField(
            model_name="playerloyalty",
            name="head_hash",
            field=models.BinaryField(
                help_text="The hash of the newest entry; empty where there is none.", max_length=32, null=True
            ),
        ),
        migrations.RunSQL(CREATE_CHAIN, DROP_CHAIN),
        migrations.RunSQL(CHAIN_WHAT_IS_THERE, migrations.RunSQL.noop),
        migrations.RunSQL(CHAIN_WHAT_COMES, "DROP TRIGGER loyalty_chain_entry ON loyalty_ledger;"),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("chain_version", 1)), name="loyalty_ledger_chain_version_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("entry_hash__octets", 32), ("previous_hash__octets", 32)),
                name="loyalty_ledger_hashes_are_sha256",
            ),
        ),
        migrations.AddConstraint(
            model_name="playerloyalty",
            constraint=models.CheckConstraint(
                condition=models.Q(("head_hash", None), ("head_hash__octets", 32), _connector="OR"),
                name="loyalty_account_head_is_sha256",
            ),
        ),
    ]
