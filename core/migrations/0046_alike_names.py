"""Notice names that are alike in more ways: invisible characters of every kind, and umlauts written out in any word."""

from django.db import migrations

# What nobody sees, the line of Arabic that only stretches a word, and marks beyond those that the search leaves out.
_UNSEEN = (
    r"[\u00ad\u034f\u061c\u0640\u115f\u1160\u17b4\u17b5\u180b-\u180f\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f"
    r"\u202a-\u202e\u2060-\u206f\u20d0-\u20ff\u2800\u3164\ufe00-\ufe0f\ufe20-\ufe2f\ufeff\uffa0\ufff0-\ufff8"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# The keys of a name: its words, folded as for the search and sorted, and both names without spaces. Umlauts and their
# like are one letter, also where they are written out. Two names are equal if they share a key; without a first or a
# last name there is none.
KEYS = rf"""
CREATE OR REPLACE FUNCTION core_one_spelling(words text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT regexp_replace(regexp_replace(translate(words, 'ς', 'σ'), '([aou])e+', '\1', 'g'), 'a{{2,}}', 'a', 'g')
$$;

CREATE OR REPLACE FUNCTION core_name_keys(first_name text, last_name text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT COST 500 AS $$
    SELECT coalesce(array_agg(DISTINCT key), '{{}}')
    FROM (VALUES (
        regexp_replace(first_name, '{_UNSEEN}', '', 'g'), regexp_replace(last_name, '{_UNSEEN}', '', 'g')
    )) AS visible (first, last)
    CROSS JOIN LATERAL (VALUES (
        public.core_one_spelling(replace(public.core_words(visible.first, ''), ' ', '')),
        public.core_one_spelling(replace(public.core_words(visible.last, ''), ' ', ''))
    )) AS whole (first, last)
    CROSS JOIN LATERAL (VALUES
        (least(whole.first, whole.last) || ' ' || greatest(whole.first, whole.last)),
        ((
            SELECT string_agg(public.core_one_spelling(word), ' ' ORDER BY public.core_one_spelling(word))
            FROM regexp_split_to_table(public.core_words(visible.first || ' ' || visible.last, ' '), ' +') AS word
            WHERE word <> ''
        ))
    ) AS spelling (key)
    WHERE whole.first <> '' AND whole.last <> ''
$$;
"""  # noqa: S608  (constants)
FORMER_KEYS = r"""
CREATE OR REPLACE FUNCTION core_name_keys(first_name text, last_name text) RETURNS text[]
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
DROP FUNCTION IF EXISTS core_one_spelling(text);
"""

# As long as the keys of the index are the former ones, a name given to a member of staff may find too few players.
NOTICE = """
INSERT INTO core_namesake (player_id, staff_id, names, noticed_at)
SELECT DISTINCT player.id, staff.id, left(
    core_sort_name(player.first_name, player.last_name) || ' = ' || core_sort_name(staff.first_name, staff.last_name),
    600
), statement_timestamp()
FROM core_user AS staff JOIN core_player AS player
    ON core_name_keys(player.first_name, player.last_name) && core_name_keys(staff.first_name, staff.last_name)
WHERE (staff.casino_id IS NULL OR staff.casino_id = player.casino_id) AND NOT EXISTS (
    SELECT FROM core_staffcard AS card
    WHERE card.player_id = player.id AND card.staff_id = staff.id AND card.withdrawn_at IS NULL
)
ON CONFLICT DO NOTHING;
"""
# An interrupted build leaves the new index behind, which is dropped when the migration runs again.
REBUILD = [
    "DROP INDEX CONCURRENTLY IF EXISTS core_player_name_keys_new;",
    """
    CREATE INDEX CONCURRENTLY core_player_name_keys_new ON core_player USING gin (core_name_keys(first_name, last_name));
    """,
    "DROP INDEX CONCURRENTLY IF EXISTS core_player_name_keys;",
    "ALTER INDEX core_player_name_keys_new RENAME TO core_player_name_keys;",
]


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("core", "0045_operations_of_commands")]

    operations = [
        migrations.RunSQL([KEYS], [FORMER_KEYS, *REBUILD]),
        migrations.RunSQL(REBUILD, migrations.RunSQL.noop),
        migrations.RunSQL([NOTICE], migrations.RunSQL.noop),
    ]
