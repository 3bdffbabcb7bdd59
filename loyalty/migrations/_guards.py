"""The functions and triggers of the squashed migration, each in its last form."""

from django.db.migrations.operations import RunSQL

from core.append_only import append_only, refuse_delete, refuse_truncate, refuse_update
from core.changes.triggers import log_changes
from core.effective_dates import refuse_past

# Each account's entries are chained by hashes: docs/ledger-chain.md describes what is hashed.
# Version 1 is of entries from before `recorded_at` was kept.
CHAIN_ENTRIES = """
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

CREATE FUNCTION loyalty_chain_hash_1(entry loyalty_ledger) RETURNS bytea LANGUAGE plpgsql STABLE AS $$
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

CREATE FUNCTION loyalty_chain_hash(entry loyalty_ledger) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT CASE entry.chain_version
        WHEN 1 THEN loyalty_chain_hash_1(entry)
        WHEN 2 THEN loyalty_chain_hash_2(entry)
    END
$$;

CREATE FUNCTION loyalty_chain_entry() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER loyalty_chain_entry BEFORE INSERT ON loyalty_ledger FOR EACH ROW EXECUTE FUNCTION loyalty_chain_entry();
ALTER TABLE loyalty_ledger ENABLE ALWAYS TRIGGER loyalty_chain_entry;
"""

# The trace of an export is given its end, once.
FREEZE_EXPORTS = """
CREATE FUNCTION loyalty_freeze_export() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    frozen loyalty_ledgerexport;
BEGIN
    frozen := OLD;
    frozen.ended_at := NEW.ended_at;
    frozen.rows := NEW.rows;
    frozen.is_whole := NEW.is_whole;
    IF OLD.ended_at IS NOT NULL OR NEW IS DISTINCT FROM frozen THEN
        RAISE EXCEPTION 'UPDATE of loyalty_ledgerexport is refused: the trace of an export is given its end, once'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER loyalty_freeze_export BEFORE UPDATE ON loyalty_ledgerexport
    FOR EACH ROW EXECUTE FUNCTION loyalty_freeze_export();
ALTER TABLE loyalty_ledgerexport ENABLE ALWAYS TRIGGER loyalty_freeze_export;
"""

# A pause is given its end, once.
FREEZE_PAUSES = """
CREATE FUNCTION loyalty_freeze_pause() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    frozen loyalty_programpause;
BEGIN
    frozen := OLD;
    frozen.resumed_at := NEW.resumed_at;
    frozen.resumed_by_id := NEW.resumed_by_id;
    frozen.resume_correlation_id := NEW.resume_correlation_id;
    frozen.resume_reason := NEW.resume_reason;
    frozen.resume_reason_code := NEW.resume_reason_code;
    IF OLD.resumed_at IS NOT NULL OR NEW IS DISTINCT FROM frozen THEN
        RAISE EXCEPTION 'UPDATE of loyalty_programpause is refused: a pause is given its end, once'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER loyalty_freeze_pause BEFORE UPDATE ON loyalty_programpause
    FOR EACH ROW EXECUTE FUNCTION loyalty_freeze_pause();
ALTER TABLE loyalty_programpause ENABLE ALWAYS TRIGGER loyalty_freeze_pause;
"""

# Tiers stay as they were set up before the first account was opened.
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

OF_PROGRAM = "(SELECT casino_id FROM loyalty_loyaltyprogram WHERE id = (this->>'program_id')::bigint)"
PROGRAM = {"loyalty_loyaltyprogram": "program_id"}

GUARDS = [
    *append_only("loyalty_balancerebuild"),
    *append_only("loyalty_checkpoint"),
    *append_only("loyalty_compslipprint"),
    *append_only("loyalty_earningrate"),
    *append_only("loyalty_ledger"),
    *append_only("loyalty_ledgerverification"),
    *append_only("loyalty_sealedaccount"),
    *append_only("loyalty_sealedchange"),
    refuse_delete("loyalty_ledgerexport"),
    refuse_truncate("loyalty_ledgerexport"),
    refuse_delete("loyalty_programpause"),
    refuse_truncate("loyalty_programpause"),
    refuse_delete("loyalty_tier"),
    refuse_update("loyalty_tier"),
    *log_changes("loyalty_loyaltyprogram"),
    *log_changes("loyalty_programpause", casino=OF_PROGRAM, concerns=PROGRAM, refuses_truncate=True),
    *log_changes("loyalty_earningrate", casino=OF_PROGRAM, concerns=PROGRAM, refuses_truncate=True),
    *log_changes("loyalty_tier", casino=OF_PROGRAM, concerns=PROGRAM),
    *log_changes("loyalty_comptype", casino=OF_PROGRAM, concerns=PROGRAM),
    refuse_past("loyalty_earningrate", owner="program_id", owners="loyalty_loyaltyprogram"),
    RunSQL(
        CHAIN_ENTRIES,
        "DROP FUNCTION loyalty_chain_entry(), loyalty_chain_hash(loyalty_ledger), loyalty_chain_hash_2(loyalty_ledger), loyalty_chain_hash_1(loyalty_ledger), loyalty_chain_genesis(bigint), loyalty_chain_field(text), loyalty_chain_field(bytea) CASCADE;",
    ),
    RunSQL(FREEZE_EXPORTS, "DROP FUNCTION loyalty_freeze_export() CASCADE;"),
    RunSQL(FREEZE_PAUSES, "DROP FUNCTION loyalty_freeze_pause() CASCADE;"),
    RunSQL(KEEP_TIERS, "DROP FUNCTION loyalty_keep_tiers() CASCADE;"),
]
