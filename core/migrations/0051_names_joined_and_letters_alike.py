"""Find a whole name typed as one word, a card number without its spaces, and letters that are written in two ways.

The words of a name stay as they are. What is new: both names together, in both orders, in scripts without spaces
(たなかさくら); the card number as one word; more punctuation, such as the Hebrew maqaf; and one form of Arabic letters that
Persian writes with others, or that people write without dots.
"""

from django.db import migrations

# Punctuation and characters that nobody sees, beyond what `core_words` knows.
_PUNCTUATION = (
    r"[\u00ad\u034f\u055a-\u055f\u058a\u05be\u05c0\u05c3\u05c6\u05f3\u05f4\u060c\u061b-\u061f\u066a-\u066d\u06d4"
    r"\u0964\u0965\u200b-\u200f\u2028-\u202e\u205f-\u206f\u2e00-\u2e7f\u30a0\u30fb\ua78b\ua78c\ufeff]"
)
# Thai to Lao, Burmese, Khmer, kana, ideographs, Hangul. In other scripts a search for a few letters would find them
# across the end of one name and the beginning of the other.
_WITHOUT_SPACES = r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]"
FUNCTIONS = rf"""
CREATE OR REPLACE FUNCTION core_alike(words text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
BEGIN ATOMIC
    SELECT translate(words, 'ςىیکەۀةـ', 'σييكههه');
END;

CREATE OR REPLACE FUNCTION core_searched(words text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
BEGIN ATOMIC
    SELECT public.core_alike(public.core_folded(words));
END;

CREATE OR REPLACE FUNCTION core_joined(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
BEGIN ATOMIC
    SELECT replace(public.core_words(name, ''), ' ', '');
END;

CREATE OR REPLACE FUNCTION core_search_text(card text, first_name text, last_name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
BEGIN ATOMIC
    SELECT public.core_alike(regexp_replace(concat_ws(' ', '',
        public.core_words(name, ' '), public.core_words(name, ''), public.core_joined(card),
        public.core_joined(first), public.core_joined(last),
        CASE WHEN normalize(name, NFC) ~ '{_WITHOUT_SPACES}' THEN
            public.core_joined(first || last) || ' ' || public.core_joined(last || first) END,
        CASE WHEN written_out <> name THEN concat_ws(' ', public.core_words(written_out, ' '),
            public.core_joined(public.core_written_out(first)), public.core_joined(public.core_written_out(last))) END
    ), ' +', ' ', 'g'))
    FROM (VALUES (regexp_replace(first_name, '{_PUNCTUATION}', '''', 'g'),
                  regexp_replace(last_name, '{_PUNCTUATION}', '''', 'g'))) AS player (first, last)
    CROSS JOIN LATERAL (VALUES (card || ' ' || first || ' ' || last)) AS whole (name)
    CROSS JOIN LATERAL (VALUES (public.core_written_out(name))) AS other (written_out);
END;

DROP FUNCTION IF EXISTS core_as_one_word(text);
"""  # noqa: S608  (constants)
FORMER_FUNCTIONS = r"""
CREATE OR REPLACE FUNCTION core_as_one_word(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
BEGIN ATOMIC
    SELECT CASE WHEN trim(words) LIKE '% %' THEN replace(words, ' ', '') END
    FROM (VALUES (public.core_words(name, ''))) AS folded (words);
END;

CREATE OR REPLACE FUNCTION core_searched(words text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
BEGIN ATOMIC
    SELECT translate(public.core_folded(words), 'ς', 'σ');
END;

CREATE OR REPLACE FUNCTION core_search_text(card text, first_name text, last_name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
BEGIN ATOMIC
    SELECT translate(regexp_replace(concat_ws(' ', '',
        public.core_words(name, ' '), public.core_words(name, ''), public.core_words(public.core_written_out(name), ' '),
        public.core_as_one_word(first_name), public.core_as_one_word(public.core_written_out(first_name)),
        public.core_as_one_word(last_name), public.core_as_one_word(public.core_written_out(last_name)),
        CASE WHEN normalize(last_name, NFC) ~ '[가-힣]' THEN public.core_as_one_word(last_name || ' ' || first_name) END
    ), ' +', ' ', 'g'), 'ς', 'σ')
    FROM (VALUES (card || ' ' || first_name || ' ' || last_name)) AS player (name);
END;

DROP FUNCTION IF EXISTS core_joined(text);
DROP FUNCTION IF EXISTS core_alike(text);
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

    dependencies = [("core", "0050_names_of_name_functions")]

    operations = [
        # Backwards, this comes after the functions.
        migrations.RunPython(migrations.RunPython.noop, make_anew),
        migrations.RunSQL(FUNCTIONS, FORMER_FUNCTIONS),
        migrations.RunPython(make_anew, migrations.RunPython.noop),
    ]
