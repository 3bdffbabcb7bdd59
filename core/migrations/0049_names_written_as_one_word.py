"""Find a name of several words that is typed as one (vanderberg), a Korean name as it is written, and a final sigma."""

from django.db import migrations

FUNCTIONS = r"""
CREATE FUNCTION core_searched(words text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT translate(public.core_folded(words), 'ς', 'σ')
$$;

CREATE FUNCTION core_as_one_word(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
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


class Migration(migrations.Migration):
    dependencies = [("core", "0048_required_factors_of_a_casino")]

    # `core` 0051, which changes the texts again, makes those of earlier players anew.
    operations = [migrations.RunSQL(FUNCTIONS, FORMER_FUNCTIONS)]
