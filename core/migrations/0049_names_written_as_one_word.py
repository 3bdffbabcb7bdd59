"""Find a name of several words that is typed as one (vanderberg), a Korean name as it is written, and a final sigma."""

from django.db import migrations

# The functions are kept if the rest is interrupted, and are made again when the migration is run again.
FUNCTIONS = r"""
CREATE OR REPLACE FUNCTION core_searched(words text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT translate(public.core_folded(words), 'ς', 'σ')
$$;

CREATE OR REPLACE FUNCTION core_as_one_word(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT CASE WHEN trim(words) LIKE '% %' THEN replace(words, ' ', '') END
    FROM (VALUES (public.core_words(name, ''))) AS folded (words)
$$;

-- In Korean the family name comes first, without a space.
CREATE OR REPLACE FUNCTION core_search_text(card text, first_name text, last_name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT translate(regexp_replace(concat_ws(' ', '',
        public.core_words(name, ' '), public.core_words(name, ''), public.core_words(public.core_written_out(name), ' '),
        public.core_as_one_word(first_name), public.core_as_one_word(public.core_written_out(first_name)),
        public.core_as_one_word(last_name), public.core_as_one_word(public.core_written_out(last_name)),
        CASE WHEN normalize(last_name, NFC) ~ '[가-힣]' THEN public.core_as_one_word(last_name || ' ' || first_name) END
    ), ' +', ' ', 'g'), 'ς', 'σ')
    FROM (VALUES (card || ' ' || first_name || ' ' || last_name)) AS player (name)
$$;
"""
FORMER_FUNCTIONS = r"""
CREATE OR REPLACE FUNCTION core_search_text(card text, first_name text, last_name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT regexp_replace(concat_ws(' ', '', public.core_words(name, ' '), public.core_words(name, ''),
        public.core_words(public.core_written_out(name), ' ')), ' +', ' ', 'g')
    FROM (VALUES (card || ' ' || first_name || ' ' || last_name)) AS player (name)
$$;
DROP FUNCTION core_as_one_word(text);
DROP FUNCTION core_searched(text);
"""

_NEXT = "SELECT max(id) FROM (SELECT id FROM core_player WHERE id > %s ORDER BY id LIMIT 2000) AS players"
# PostgreSQL makes a generated column anew where a column that it is made of is set.
_MAKE_ANEW = """
    UPDATE core_player SET first_name = first_name
    WHERE id > %s AND id <= %s AND search_text <> core_search_text(card_number, first_name, last_name)
"""


def make_anew(apps, schema_editor):
    """Make the texts of the players anew, each two thousand in a transaction of their own."""
    done = 0
    with schema_editor.connection.cursor() as cursor:
        while True:
            cursor.execute(_NEXT, [done])
            [(last,)] = cursor.fetchall()
            if last is None:
                return
            cursor.execute(_MAKE_ANEW, [done, last])
            done = last


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("core", "0048_required_factors_of_a_casino")]

    operations = [
        migrations.RunSQL(FUNCTIONS, FORMER_FUNCTIONS),
        # Going back leaves the texts: those of the new functions hold all of the former ones, but for the final sigma.
        migrations.RunPython(make_anew, migrations.RunPython.noop),
    ]
