"""Find players by their names as people type them, and sort names as people sort them.

`core_search_text` holds a name with its punctuation as spaces (o neil), without it (oneil), and with umlauts and their
like written out (mueller). `core_folded` is the name in lower case without accents, by which it is sorted: PostgreSQL
may be built without ICU, and then it has no collation that sorts names.
"""

from django.contrib.postgres.operations import BtreeGinExtension
from django.db import migrations, models

FUNCTIONS = r"""
CREATE FUNCTION core_folded(words text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT lower(public.unaccent('public.unaccent', regexp_replace(
        normalize(words, NFKD),
        '[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u064b-\u065f\u0670]', '', 'g')))
$$;

CREATE FUNCTION core_words(words text, separator text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
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
NO_FUNCTIONS = """
DROP FUNCTION core_sort_name(text, text);
DROP FUNCTION core_search_text(text, text, text);
DROP FUNCTION core_written_out(text);
DROP FUNCTION core_words(text, text);
DROP FUNCTION core_folded(text);
"""
# With the casino, so that the names of another casino are not read.
INDEX = """
DROP INDEX core_player_plain_words;
DROP FUNCTION core_plain(text);
CREATE INDEX core_player_search ON core_player USING gin (casino_id, search_text public.gin_trgm_ops);
"""
FORMER_INDEX = """
DROP INDEX core_player_search;
CREATE FUNCTION core_plain(words text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
AS $$ SELECT lower(public.unaccent('public.unaccent', words)) $$;
CREATE INDEX core_player_plain_words ON core_player
USING gin (core_plain(card_number || ' ' || first_name || ' ' || last_name) public.gin_trgm_ops);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0008_cards_without_case"),
    ]

    operations = [
        BtreeGinExtension(),
        migrations.RunSQL(FUNCTIONS, NO_FUNCTIONS),
        migrations.AlterModelOptions(name="player", options={"ordering": ["sort_name", "card_number"]}),
        migrations.AddField(
            model_name="player",
            name="search_text",
            field=models.GeneratedField(
                db_persist=True,
                expression=models.Func("card_number", "first_name", "last_name", function="core_search_text"),
                help_text="Card and name without accents and punctuation, as `core.player_search` compares them.",
                output_field=models.TextField(),
            ),
        ),
        migrations.AddField(
            model_name="player",
            name="sort_name",
            field=models.GeneratedField(
                db_persist=True,
                expression=models.Func("first_name", "last_name", function="core_sort_name"),
                help_text="Last name and first name without accents and punctuation.",
                output_field=models.TextField(db_collation="C"),
            ),
        ),
        migrations.AddIndex(
            model_name="player",
            index=models.Index(fields=["casino", "sort_name", "card_number", "id"], name="core_player_by_name"),
        ),
        migrations.RunSQL(INDEX, FORMER_INDEX),
    ]
