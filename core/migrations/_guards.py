"""The functions, triggers and hand-made indexes of the squashed migration, each in its last form."""

from django.db.migrations.operations import RunSQL

from core.append_only import (
    CREATE_REFUSAL_FOR_A_TERM,
    DROP_REFUSAL_FOR_A_TERM,
    append_only,
    create_refusal,
    refuse_delete,
    refuse_early_delete,
    refuse_truncate,
)
from core.changes.triggers import create_log, log_changes
from core.effective_dates import create_refusal_of_past

# Names as they are searched and sorted: needed by columns of core_player.
NAMES = r"""
CREATE FUNCTION core_folded(words text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT lower(public.unaccent('public.unaccent', regexp_replace(
        normalize(words, NFKD),
        '[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u064b-\u065f\u0670]', '', 'g')))
$$;

CREATE FUNCTION core_words(words text, separator text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT regexp_replace(regexp_replace(public.core_folded(words),
        '[!-/:-@\[-`{-~\u00a0-\u00bf\u02b0-\u02ff\u2010-\u2027\u2030-\u205e\u3000-\u303f]+', separator, 'g'),
        '([\u3400-\u9fff])', ' \1 ', 'g')
$$;

CREATE FUNCTION core_written_out(words text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT replace(replace(replace(replace(replace(
        translate(normalize(words, NFC), 'ÄÖÜØÅ', 'äöüøå'), 'ä', 'ae'), 'ö', 'oe'), 'ü', 'ue'), 'ø', 'oe'), 'å', 'aa')
$$;

CREATE FUNCTION core_search_text(card text, first_name text, last_name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT regexp_replace(concat_ws(' ', '', public.core_words(name, ' '), public.core_words(name, ''),
        public.core_words(public.core_written_out(name), ' ')), ' +', ' ', 'g')
    FROM (VALUES (card || ' ' || first_name || ' ' || last_name)) AS player (name)
$$;

CREATE FUNCTION core_sort_name(first_name text, last_name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT btrim(regexp_replace(public.core_words(replace(last_name, '-', ' '), ''), ' +', ' ', 'g')) || ', '
        || btrim(regexp_replace(public.core_words(replace(first_name, '-', ' '), ''), ' +', ' ', 'g'))
$$;
"""

# With the casino, so that the names of another casino are not read.
SEARCH = "CREATE INDEX core_player_search ON core_player USING gin (casino_id, search_text public.gin_trgm_ops);"

# The keys of a name: its words, folded as for the search and sorted, and both names without spaces. Invisible characters
# do not count. Two names are equal if they share a key; without a first or a last name there is none.
KEYS = r"""
CREATE FUNCTION core_name_keys(first_name text, last_name text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT COST 500 AS $$
    SELECT coalesce(array_agg(DISTINCT key), '{}')
    FROM (VALUES (
        regexp_replace(first_name, '[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]', '', 'g'),
        regexp_replace(last_name, '[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]', '', 'g')
    )) AS visible (first, last)
    CROSS JOIN LATERAL (
        VALUES (first, last), (public.core_written_out(first), public.core_written_out(last))
    ) AS variant (first, last)
    CROSS JOIN LATERAL (VALUES (
        replace(public.core_words(variant.first, ''), ' ', ''), replace(public.core_words(variant.last, ''), ' ', '')
    )) AS whole (first, last)
    CROSS JOIN LATERAL (VALUES
        (least(whole.first, whole.last) || ' ' || greatest(whole.first, whole.last)),
        ((
            SELECT string_agg(word, ' ' ORDER BY word)
            FROM regexp_split_to_table(public.core_words(variant.first || ' ' || variant.last, ' '), ' +') AS word
            WHERE word <> ''
        ))
    ) AS spelling (key)
    WHERE whole.first <> '' AND whole.last <> ''
$$;
CREATE INDEX core_player_name_keys ON core_player USING gin (core_name_keys(first_name, last_name));
"""

_PAIR = """
    INSERT INTO core_namesake (player_id, staff_id, names, noticed_at)
    SELECT DISTINCT player.id, staff.id, left(
        core_sort_name(player.first_name, player.last_name) || ' = ' || core_sort_name(staff.first_name, staff.last_name),
        600
    ), statement_timestamp()
    FROM {staff} AS staff JOIN {players} AS player ON {match}
    WHERE (staff.casino_id IS NULL OR staff.casino_id = player.casino_id) AND NOT EXISTS (
        SELECT FROM core_staffcard AS card
        WHERE card.player_id = player.id AND card.staff_id = staff.id AND card.withdrawn_at IS NULL
    )
    ON CONFLICT DO NOTHING;
"""
_WITH_KEYS = "(SELECT *, unnest(core_name_keys(first_name, last_name)) AS key FROM {})"
_SHARED = "core_name_keys(player.first_name, player.last_name) && core_name_keys(staff.first_name, staff.last_name)"
NAMED_PLAYERS = _PAIR.format(
    staff=_WITH_KEYS.format("core_user"), players=_WITH_KEYS.format("new_rows"), match="player.key = staff.key"
)
NAMED_STAFF = _PAIR.format(staff="new_rows", players="core_player", match=_SHARED)

# Players are named at the same time, but nobody of staff meanwhile: else neither would see the other.
NOTICE = f"""
CREATE FUNCTION core_notice_namesakes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NOT EXISTS (
            SELECT FROM new_rows AS after JOIN old_rows AS before USING (id)
            WHERE (after.first_name, after.last_name, after.casino_id)
                IS DISTINCT FROM (before.first_name, before.last_name, before.casino_id)
        ) THEN
            RETURN NULL;
        END IF;
    END IF;
    IF TG_TABLE_NAME = 'core_player' THEN
        PERFORM pg_advisory_xact_lock_shared(hashtextextended('core_namesakes', 0));
        {NAMED_PLAYERS}
    ELSE
        PERFORM pg_advisory_xact_lock(hashtextextended('core_namesakes', 0));
        {NAMED_STAFF}
    END IF;
    RETURN NULL;
END $$;
"""  # noqa: S608  (constants)
_TRANSITIONS = {"insert": "NEW TABLE AS new_rows", "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows"}
_NOTICED = [(table, event) for table in ("core_player", "core_user") for event in _TRANSITIONS]
NOTICING = "".join(
    f"""
    CREATE TRIGGER {table}_namesakes_{event} AFTER {event.upper()} ON {table} REFERENCING {_TRANSITIONS[event]}
        FOR EACH STATEMENT EXECUTE FUNCTION core_notice_namesakes();
    ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_namesakes_{event};
    """
    for table, event in _NOTICED
)


def _decided_once(table: str, *columns: str, when: str) -> RunSQL:
    """Let `columns` be set once, which sets `when`; refuse any other UPDATE of `table`."""
    taken = "\n".join(f"    frozen.{column} := NEW.{column};" for column in columns)
    return RunSQL(
        f"""
        CREATE FUNCTION {table}_freeze() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            frozen {table};
        BEGIN
            frozen := OLD;
        {taken}
            IF OLD.{when} IS NOT NULL OR NEW IS DISTINCT FROM frozen THEN
                RAISE EXCEPTION 'UPDATE of {table} is refused: it is decided once, and the rest never changes'
                    USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER {table}_freeze BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_freeze();
        ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_freeze;
        """,
        f"DROP TRIGGER {table}_freeze ON {table}; DROP FUNCTION {table}_freeze();",
    )


# Who is deactivated, or has a new password, is signed out everywhere.
END_SESSIONS = """
CREATE FUNCTION core_end_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM public.core_session WHERE staff_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER core_end_sessions AFTER UPDATE OF is_active, is_staff, password ON core_user
    FOR EACH ROW WHEN (
        OLD.is_active AND NOT NEW.is_active
        OR OLD.is_staff AND NOT NEW.is_staff
        OR OLD.password IS DISTINCT FROM NEW.password
    )
    EXECUTE FUNCTION core_end_sessions();
ALTER TABLE core_user ENABLE ALWAYS TRIGGER core_end_sessions;
"""

# The changes of each row are chained by hashes: docs/ledger-chain.md describes what is hashed.
CHAIN_CHANGES = """
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

OF_NO_CASINO = "NULL::bigint"
OF_STAFF = "(SELECT casino_id FROM core_user WHERE id = (this->>'user_id')::bigint)"
OF_PLAYER = "(SELECT casino_id FROM core_player WHERE id = (this->>'player_id')::bigint)"

BEFORE_TABLES = [
    RunSQL(
        NAMES,
        "DROP FUNCTION core_sort_name(text,text), core_search_text(text,text,text), core_written_out(text), core_words(text,text), core_folded(text) CASCADE;",
    )
]

GUARDS = [
    create_refusal(),
    RunSQL(CREATE_REFUSAL_FOR_A_TERM, DROP_REFUSAL_FOR_A_TERM),
    create_refusal_of_past(),
    *append_only("core_requestorigin"),
    *append_only("core_sentform"),
    *append_only("core_signinevent"),
    *append_only("core_change"),
    refuse_early_delete("core_requestorigin", days=90),
    refuse_early_delete("core_signinevent", days=90),
    refuse_delete("core_staffcard"),
    refuse_delete("core_namesake"),
    refuse_truncate("core_namesake"),
    create_log(),
    RunSQL(
        CHAIN_CHANGES,
        "DROP FUNCTION core_chain_change(), core_hash_change(core_change), core_hash_field(bytea) CASCADE;",
    ),
    *log_changes("core_casino", casino="(this->>'id')::bigint"),
    *log_changes("core_casino_second_factor_roles", concerns={"auth_group": "group_id"}),
    *log_changes("core_player", without=["search_text", "sort_name"]),
    *log_changes("core_user", concerns={"core_player": "player_id"}, without=["last_login"], secret=["password"]),
    *log_changes("core_user_groups", casino=OF_STAFF, concerns={"core_user": "user_id", "auth_group": "group_id"}),
    *log_changes("core_user_user_permissions", casino=OF_STAFF, concerns={"core_user": "user_id"}),
    *log_changes("auth_group", casino=OF_NO_CASINO),
    *log_changes("auth_group_permissions", casino=OF_NO_CASINO, concerns={"auth_group": "group_id"}),
    *log_changes(
        "core_secondfactor",
        casino=OF_STAFF,
        concerns={"core_user": "user_id"},
        without=["counter", "last_used_at"],
        secret=["secret", "credential_id"],
    ),
    *log_changes("core_recoverycode", casino=OF_STAFF, concerns={"core_user": "user_id"}, secret=["digest"]),
    *log_changes("core_reasoncode"),
    *log_changes("core_staffcard", casino=OF_PLAYER, concerns={"core_player": "player_id", "core_user": "staff_id"}),
    _decided_once(
        "core_staffcard", "withdrawn_by_id", "withdrawn_at", "withdrawal_correlation_id", when="withdrawn_at"
    ),
    _decided_once("core_namesake", "decision", "decided_by_id", "decided_at", "correlation_id", when="decided_at"),
    RunSQL(SEARCH, "DROP INDEX core_player_search;"),
    RunSQL(KEYS, "DROP FUNCTION core_name_keys(text, text) CASCADE;"),
    RunSQL(NOTICE, "DROP FUNCTION core_notice_namesakes() CASCADE;"),
    RunSQL(NOTICING, RunSQL.noop),
    RunSQL(END_SESSIONS, "DROP FUNCTION core_end_sessions() CASCADE;"),
]
